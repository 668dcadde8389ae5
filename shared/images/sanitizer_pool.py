"""Decoder processes: started when needed, one image at a time each, replaced when they age, die or hang.

Not `multiprocessing`: its workers fork the threads and memory of the function host, or import its main
module, and its pools break as a whole when one worker dies.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import functools
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast

from shared import turns
from shared.errors import ConfigurationError, Unavailable
from shared.images import frames

COMMAND = ("-P", "-m", "shared.images.sanitizer_child")
IMAGES_PER_CHILD = 200
START_SECONDS = 60
QUEUE_SECONDS = 60
PIPE_BYTES = 1 << 20
_ROOT = Path(__file__).parents[2]
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TMPDIR")


class ChildTimedOut(Exception):
    """The child used up its wall clock or CPU time and was killed."""


class ChildCrashed(Exception):
    """The child died of its own fault: a signal such as SIGSEGV, or an answer that is no frame."""


class Child:
    """One decoder process. Not thread-safe: its user owns it for the length of a call."""

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        environment["PYTHONPATH"] = os.pathsep.join([str(_ROOT), *(entry for entry in sys.path if entry)])
        # Threads of libvips would each keep memory of their own.
        environment["MALLOC_ARENA_MAX"] = "1"
        environment["MALLOC_MMAP_THRESHOLD_"] = "131072"
        self.images = 0
        self.process = subprocess.Popen(  # noqa: S603 - our own module, no input in the arguments
            [sys.executable, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
        for pipe in (self.process.stdin, self.process.stdout):
            _widen(cast("BinaryIO", pipe))
        try:
            self._exchange(None, START_SECONDS)
        except (ChildTimedOut, ChildCrashed, Unavailable) as error:
            self.close()
            raise ConfigurationError("The image decoder does not start; its log says why.") from error

    def ask(self, head: dict[str, Any], data: bytes, seconds: float) -> tuple[dict[str, Any], list[bytes]]:
        """Send one image and wait for the answer.

        Raises:
            ChildTimedOut: no answer within `seconds`.
            ChildCrashed: the decoder crashed on it.
            Unavailable: the process was ended from outside; the same image may be tried again.
        After any of them the child is dead.
        """
        self.images += 1
        return self._exchange((head, data), seconds)

    def _exchange(
        self, request: tuple[dict[str, Any], bytes] | None, seconds: float
    ) -> tuple[dict[str, Any], list[bytes]]:
        requests, answers = cast("BinaryIO", self.process.stdin), cast("BinaryIO", self.process.stdout)
        expired = threading.Event()

        def kill() -> None:
            expired.set()
            self.process.kill()

        # Killing the child is what ends a blocked write or read here.
        timer = threading.Timer(seconds, kill)
        timer.daemon = True
        timer.start()
        try:
            if request:
                frames.write(requests, request[0], [request[1]])
            return frames.read(answers)
        except (EOFError, OSError, ValueError, LookupError) as error:
            gone = isinstance(error, (EOFError, OSError))
            if not gone:
                self.process.kill()
            code = self.process.wait()
            if expired.is_set() or code in (-signal.SIGXCPU, -signal.SIGALRM):
                raise ChildTimedOut from None
            if gone and code in (-signal.SIGKILL, -signal.SIGTERM, -signal.SIGHUP):
                raise Unavailable("The image decoder was stopped; try again.", retry_after=1) from None
            raise ChildCrashed(f"exit status {code}") from error
        finally:
            timer.cancel()

    @property
    def usable(self) -> bool:
        """Alive and not too old for another image."""
        return self.images < IMAGES_PER_CHILD and self.process.poll() is None

    def close(self) -> None:
        """End the process and free its pipes."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                try:
                    pipe.close()
                except OSError:  # unsent bytes for a reader that is gone
                    continue


def _widen(pipe: BinaryIO) -> None:
    """Let a pipe hold a megabyte, so that parent and child do not wake each other for every 64 KiB (Linux only)."""
    set_size = getattr(fcntl, "F_SETPIPE_SZ", None)
    if set_size is not None:
        with contextlib.suppress(OSError):
            fcntl.fcntl(pipe.fileno(), set_size, PIPE_BYTES)


class Pool:
    """At most `size` children, which callers (`shared.turns`) use in turns. Safe for threads.

    One caller may have a child for each processor but one, which answers to others need; there are two more children
    for the others. Children give way to the app.
    """

    def __init__(self, size: int | None = None) -> None:
        size = size or turns.cpus() + 1
        self._places = turns.Places(size, max(1, size - 2))
        self._lock = threading.Lock()
        self._idle: list[Child] = []
        self._closed = False

    def run(self, head: dict[str, Any], data: bytes, seconds: float) -> tuple[dict[str, Any], list[bytes]]:
        """`Child.ask` on an idle child, or on a new one. Raises as it does."""
        if not self._places.take(QUEUE_SECONDS):
            raise Unavailable("All image decoders are busy; try again.", retry_after=5)
        try:
            child = self._take()
            keep = False
            try:
                answer = child.ask(head, data, seconds)
                keep = not answer[0].get("retire")
                return answer
            finally:
                self._give_back(child, keep)
        finally:
            self._places.give_back()

    def _take(self) -> Child:
        while True:
            with self._lock:
                child = self._idle.pop() if self._idle else None
            if child is None:
                return Child()
            if child.usable:
                return child
            child.close()

    def _give_back(self, child: Child, keep: bool) -> None:
        if keep and child.usable:
            with self._lock:
                if not self._closed:
                    self._idle.append(child)
                    return
        child.close()

    def close(self) -> None:
        """End the idle children; busy ones end with their image."""
        with self._lock:
            self._closed, idle, self._idle = True, self._idle, []
        for child in idle:
            child.close()


@functools.cache
def pool() -> Pool:
    """The children of this process."""
    created = Pool()
    atexit.register(created.close)
    return created


# A forked process must not share pipes with the children of its parent.
os.register_at_fork(after_in_child=pool.cache_clear)
