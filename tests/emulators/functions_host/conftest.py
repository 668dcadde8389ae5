"""The host as a child process on the foreign app, with a real Azurite behind it."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueClient, QueueServiceClient, TextBase64EncodePolicy
from quick import PATIENCE_S

from emulators.azurite import Azurite
from emulators.with_parent import parent_pipe, python

ROOT = Path(__file__).resolve().parents[3]
APP = Path(__file__).parent / "foreign_app"


class Storage:
    """Clients of the Azurite account."""

    def __init__(self, azurite: Azurite) -> None:
        self.connection_string = connection_string = azurite.connection_string
        self.events = azurite.events
        self.blobs = BlobServiceClient.from_connection_string(connection_string)
        self.queues = QueueServiceClient.from_connection_string(connection_string)

    def queue(self, name: str) -> QueueClient:
        """A queue client that sends as the Functions host expects it; the queue is made when missing."""
        client = self.queues.get_queue_client(name, message_encode_policy=TextBase64EncodePolicy())
        with suppress(ResourceExistsError):
            client.create_queue()
        return client

    def upload(self, container: str, name: str, content: bytes, **more: Any) -> None:
        """Write a blob; the container is made when missing."""
        client = self.blobs.get_container_client(container)
        if not client.exists():
            client.create_container()
        client.upload_blob(name, content, overwrite=True, **more)


class Host:
    """One `python -m emulators.functions_host --json`."""

    def __init__(self, app: Path, arguments: list[str], environment: dict[str, str]) -> None:
        self._ledger = Path(environment["LEDGER"])
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115, closed by stop()
        self.process = subprocess.Popen(
            python("emulators.functions_host", "--app", str(app), "--json", *arguments),
            cwd=ROOT,
            env=environment,
            stdin=parent_pipe(),
            stdout=subprocess.PIPE,
            stderr=self.errors,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        self.report: dict[str, Any] = json.loads(line) if line else {}
        self.url: str = self.report.get("url", "")

    def event(self) -> dict[str, Any]:
        """The next line that the host prints after the first."""
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    @property
    def log(self) -> str:
        """Everything on standard error so far."""
        return os.pread(self.errors.fileno(), 1 << 22, 0).decode(errors="replace")

    def ledger(self, function: str | None = None) -> list[dict[str, Any]]:
        """What the app's functions have recorded."""
        if not self._ledger.exists():
            return []
        lines = [json.loads(line) for line in self._ledger.read_text().splitlines()]
        return [line for line in lines if function in (None, line["function"])]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(PATIENCE_S)
        finally:
            self.process.kill()
            if not self.errors.closed:
                sys.stderr.write(self.log)
            if self.process.stdout:
                self.process.stdout.close()
            self.errors.close()


@pytest.fixture(scope="session")
def storage(azurite: Azurite) -> Storage:
    """The session's Azurite; hosts differ by their ids, and no product code uses their queues and containers."""
    return Storage(azurite)


@contextmanager
def _hosts(storage: Storage, directory: Path) -> Generator[Callable[..., Host]]:
    """Start hosts: `start(workers=1, app=APP, **environment)`; each has its own host id and ledger. All are stopped at
    the end, whatever happened: they read the same queues as those of the next test."""
    hosts: list[Host] = []

    def start(*arguments: str, app: Path = APP, workers: int = 1, **environment: str) -> Host:
        settings = {
            **os.environ,
            "AzureWebJobsStorage": storage.connection_string,
            "AzureFunctionsWebHost__hostid": uuid.uuid4().hex[:12],
            "LEDGER": str(directory / f"ledger-{uuid.uuid4().hex}"),
            "FUNCTIONS_MASTER_KEY": "master",
            "FUNCTIONS_FUNCTION_KEY": "function",
            "TICK": "0 0 0 1 1 *",
            **environment,
        }
        host = Host(app, ["--workers", str(workers), "--blob-poll", "0.2", *arguments], settings)
        hosts.append(host)
        return host

    try:
        yield start
    finally:
        for host in hosts:
            if host.process.poll() is None or not host.errors.closed:
                host.stop()


@pytest.fixture
def start_host(storage: Storage, tmp_path: Path) -> Iterator[Callable[..., Host]]:
    """Starts hosts for one test."""
    with _hosts(storage, tmp_path) as start:
        yield start


@pytest.fixture(scope="module")
def start_module_host(storage: Storage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Host]]:
    """Starts hosts for all tests of a file."""
    with _hosts(storage, tmp_path_factory.mktemp("hosts")) as start:
        yield start
