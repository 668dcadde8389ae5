"""Ports that stay the same from one start to the next, kept in a file of the data directory."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import cast


class KeptPorts:
    """Ports by name. Without a file every port is a free one, and none is kept."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._ports: dict[str, int] = {}
        if file is not None and file.exists():
            self._ports = cast("dict[str, int]", json.loads(file.read_text()))

    def wanted(self, name: str, default: int = 0) -> int:
        """The port to take: the one of the last start, else `default`, while it is free; else 0, any."""
        port = self._ports.get(name, default if self._file is not None else 0)
        return port if port and is_free(port) else 0

    def keep(self, name: str, port: int) -> None:
        """Take this one again at the next start, unless another one is kept already (and was in use this time)."""
        if self._file is not None and name not in self._ports:
            self._ports[name] = port
            self._file.write_text(json.dumps(self._ports, indent=1))


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether nothing listens on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen()
        except OSError:
            return False
    return True
