"""Emulators of providers in one process."""

import socket

import psutil
import pytest
import requests

from emulators.launch import launch_together
from emulators.stack import PROVIDERS

pytestmark = pytest.mark.processes


def test_one_process_has_them_all_and_takes_them_along() -> None:
    before = set(psutil.Process().children())
    with launch_together(dict.fromkeys(PROVIDERS, 0)) as facts:
        assert {name: started["name"] for name, started in facts.items()} == {name: name for name in PROVIDERS}
        (process,) = set(psutil.Process().children()) - before
        assert process.children() == []
        logs = {
            name: requests.get(f"{started['url']}/_emulator/requests", timeout=60).json()["requests"]
            for name, started in facts.items()
        }
        assert logs == {name: [] for name in PROVIDERS}
        requests.get(f"{facts['gemini']['url']}/v1beta/models/unknown", timeout=60)
        seen = requests.get(f"{facts['gemini']['url']}/_emulator/requests", timeout=60).json()["requests"]
        assert [entry["path"] for entry in seen] == ["/v1beta/models/unknown"]
        assert requests.get(f"{facts['sms']['url']}/_emulator/requests", timeout=60).json() == {"requests": []}
    assert not process.is_running()
    for started in facts.values():
        with pytest.raises(requests.ConnectionError):
            requests.get(started["url"], timeout=60)


def test_the_one_whose_port_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports = {"email": 0, "sms": taken.getsockname()[1]}
        with pytest.raises(RuntimeError, match="the sms emulator did not start"), launch_together(ports):
            pass
