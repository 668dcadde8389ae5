"""A line between a browser and a server that can be cut in the midst of a request, which Chromium's emulation can't."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager
from urllib.parse import urlsplit

PIECE = 16_384


class Line:
    """Forwards bytes to a server. While it is cut, connections end at once."""

    def __init__(self, server: str, listener: socket.socket) -> None:
        target = urlsplit(server)
        self._target = (target.hostname or "127.0.0.1", target.port or 80)
        self._listener = listener
        self._open: set[socket.socket] = set()
        self._cut = False
        self._lock = threading.Lock()
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"

    def cut(self) -> None:
        """End every connection, and take no new one."""
        with self._lock:
            self._cut = True
            for end in self._open:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def restore(self) -> None:
        with self._lock:
            self._cut = False

    def serve(self) -> None:
        """Take connections until the listener is closed."""
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                threading.Thread(target=self._join, args=(near,), daemon=True).start()

    def _join(self, near: socket.socket) -> None:
        with near, contextlib.suppress(OSError), socket.create_connection(self._target) as far:
            ends = {near, far}
            with self._lock:
                if self._cut:
                    return
                self._open |= ends
            back = threading.Thread(target=_copy, args=(far, near), daemon=True)
            back.start()
            _copy(near, far)
            back.join()
            with self._lock:
                self._open -= ends


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(PIECE):
            target.sendall(data)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@contextmanager
def line_to(server: str) -> Generator[Line]:
    """A line to a server, by its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        line = Line(server, listener)
        threading.Thread(target=line.serve, daemon=True).start()
        try:
            yield line
        finally:
            line.cut()
