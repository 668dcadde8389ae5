"""The Azurite helper."""

from pathlib import Path

import pytest
from azure.storage.queue import QueueServiceClient

from emulators.azurite import Azurite, AzuriteError

pytestmark = pytest.mark.processes


def test_two_at_once_and_data_survives_a_restart(tmp_path: Path) -> None:
    with Azurite() as other:
        azurite = Azurite(tmp_path).start()
        assert azurite.connection_string != other.connection_string
        QueueServiceClient.from_connection_string(azurite.connection_string).create_queue("kept")
        ports = (azurite.blob_port, azurite.queue_port, azurite.table_port)
        azurite.stop()
        azurite.stop()
        with azurite as again:
            assert (again.blob_port, again.queue_port, again.table_port) == ports
            service = QueueServiceClient.from_connection_string(again.connection_string)
            assert [queue.name for queue in service.list_queues()] == ["kept"]
        with pytest.raises(AzuriteError, match="exited with"):
            Azurite(ports=(other.blob_port, 0, 0)).start()
        assert azurite.pid is None


def test_missing_azurite_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AzuriteError, match=r"Node\.js"):
        Azurite().start()
