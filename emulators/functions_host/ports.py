"""The port of a host: one socket for each instance, and no other host on the same port.

Instances share the port by `SO_REUSEPORT`, which spreads new connections over them. The same option would let a second
host share it, and requests would reach either app at random; so a host first binds the port alone and holds a lock.
The sockets stay open in the supervisor: while an instance is replaced, requests wait instead of being refused.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import tempfile
from pathlib import Path
from typing import Final, TextIO

BACKLOG: Final = 1024
FREE_PORT_TRIES: Final = 20
"""A free port may be taken by someone else before it is bound for good."""


class PortInUse(OSError):
    """The port is taken; the text says by whom and what to do."""


class Port:
    """A TCP port held for a host, with a listening socket for each instance. Raises `PortInUse`.

    Args:
        number: 0 takes a free one.
        owner: who holds it, shown to the next process that wants the port.
        count: of instances.
    """

    def __init__(self, host: str, number: int, owner: str, count: int) -> None:
        self.host = host
        self._family = socket.AF_INET6 if ":" in host else socket.AF_INET
        tries = 1 if number else FREE_PORT_TRIES
        while True:
            tries -= 1
            self.number = self._bind_alone(number)
            self.listening: list[socket.socket] = []
            self._lock: TextIO | None = None
            try:
                self._lock = self._take_lock(owner)
                self._listen(count)
                return
            except OSError as error:
                self.close()
                if not tries:
                    raise error if isinstance(error, PortInUse) else self._refused(self.number, error) from None

    def _listen(self, count: int) -> None:
        for _ in range(count):
            opened = socket.socket(self._family)
            self.listening.append(opened)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            opened.bind((self.host, self.number))
            opened.listen(BACKLOG)

    def close(self) -> None:
        """Give the port back."""
        for opened in self.listening:
            opened.close()
        if self._lock is not None:
            _lock_file(self.number).unlink(missing_ok=True)
            self._lock.close()

    def _bind_alone(self, number: int) -> int:
        with socket.socket(self._family) as alone:
            alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                alone.bind((self.host, number))
                alone.listen()
            except OSError as error:
                raise self._refused(number, error) from None
            return int(alone.getsockname()[1])

    def _take_lock(self, owner: str) -> TextIO:
        file = _lock_file(self.number).open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise self._refused(self.number, None) from None
        file.truncate(0)
        file.write(f"process {os.getpid()}, {owner}")
        file.flush()
        return file

    def _refused(self, number: int, error: OSError | None) -> PortInUse:
        if error is not None and error.errno != errno.EADDRINUSE:
            return PortInUse(f"cannot listen on {self.host}:{number}: {error.strerror}")
        known = _holder(number)
        holder = f"another local Functions host ({known})" if known else "another program"
        return PortInUse(
            f"port {number} of {self.host} is used by {holder}: stop it, or choose another port with --port"
        )


def _lock_file(number: int) -> Path:
    return Path(tempfile.gettempdir()) / f"functions-host-{os.getuid()}-{number}.lock"


def _holder(number: int) -> str:
    """Which host holds the lock of a port; empty if none does."""
    try:
        with _lock_file(number).open("r+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return file.read()
    except OSError:
        return ""
    return ""
