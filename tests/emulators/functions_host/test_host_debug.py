"""`--debug`: the app waits for a debugger, and runs once one has attached as editors do."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from quick import eventually

pytestmark = pytest.mark.processes


class Editor:
    """The side of the Debug Adapter Protocol that an editor speaks."""

    def __init__(self, connection: socket.socket) -> None:
        self._stream = connection.makefile("rwb")
        self._sent = 0

    def send(self, command: str, **arguments: Any) -> None:
        self._sent += 1
        body = json.dumps({"seq": self._sent, "type": "request", "command": command, "arguments": arguments}).encode()
        self._stream.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        self._stream.flush()

    def wait_for(self, **wanted: Any) -> dict[str, Any]:
        """The next message that has these values."""
        while True:
            length = 0
            while line := self._stream.readline().strip():
                name, _, value = line.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            message = json.loads(self._stream.read(length))
            if all(message.get(name) == value for name, value in wanted.items()):
                return message


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def connect(port: int) -> socket.socket | None:
    try:
        return socket.create_connection(("127.0.0.1", port), timeout=300)
    except ConnectionRefusedError:
        return None


def test_the_app_waits_for_a_debugger_and_then_runs(start_host: Callable[..., Any]) -> None:
    port = free_port()
    with ThreadPoolExecutor(1) as pool:
        starting = pool.submit(start_host, "--debug", str(port))
        with eventually(lambda: connect(port), "the port of the debugger") as connection:
            assert not starting.done()
            editor = Editor(connection)
            editor.send("initialize", adapterID="debugpy", clientID="test")
            editor.wait_for(command="initialize", success=True)
            editor.send("attach", justMyCode=True)
            editor.wait_for(event="initialized")
            editor.send("configurationDone")
            editor.wait_for(command="configurationDone", success=True)
            host = starting.result()
            assert requests.get(f"{host.url}/api/text", timeout=60).text == "grüezi"
            editor.send("disconnect", terminateDebuggee=False)
            editor.wait_for(command="disconnect", success=True)
    assert host.stop() == 0
