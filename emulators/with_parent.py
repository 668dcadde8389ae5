"""Processes that end when the process that started them ends, however that ends: an exit, a signal, `kill -9`.

The starter holds the write end of a pipe and gives its children the read end as standard input. The kernel closes the
write end of a process that is killed; the children see their standard input end, and stop. Unlike Linux's parent-death
signal this works on macOS and does not depend on the thread that started the child.

    subprocess.Popen(python("emulators.email", "--port", "0"), stdin=parent_pipe())

`python`, `node` and `program` give command lines of children that watch their standard input; the code they run does
nothing for it. Such a child has an empty standard input itself.
"""

from __future__ import annotations

import os
import runpy
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

STOP_S = 15.0
"""Seconds for an orderly stop (SIGTERM) once the parent is gone, before a process kills itself; as in the hook."""

_NODE_HOOK = Path(__file__).with_suffix(".cjs")
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class _Pipe:
    """The pipe of this process; a forked process is another parent and gets its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ends: tuple[int, int] | None = None

    def read_end(self) -> int:
        with self._lock:
            if self._ends is None:
                self._ends = os.pipe()
            return self._ends[0]

    def close(self) -> None:
        for end in self._ends or ():
            os.close(end)
        self._lock, self._ends = threading.Lock(), None


_pipe = _Pipe()
os.register_at_fork(after_in_child=_pipe.close)


def stop(process: subprocess.Popen[Any], seconds: float) -> None:
    """Ask a child to end (SIGTERM), and kill it after as many seconds."""
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def parent_pipe() -> int:
    """The file descriptor that children get as `stdin`; one pipe serves all children of this process."""
    return _pipe.read_end()


def python(module: str, *arguments: str) -> list[str]:
    """Command line of `python -m module`, to be run in the repository root."""
    return [sys.executable, "-m", "emulators.with_parent", "-m", module, *arguments]


def node(*arguments: str) -> list[str]:
    """Command line of a Node.js script, options of Node.js before it."""
    return ["node", "--require", str(_NODE_HOOK), *arguments]


def program(name: str, *arguments: str) -> list[str]:
    """Command line of any other program, to be run in the repository root: a second process watches for it."""
    return [sys.executable, "-m", "emulators.with_parent", name, *arguments]


def _watch(send: Callable[[int], None]) -> None:
    """Send SIGTERM, later SIGKILL, once standard input has ended. Nothing is ever written to it."""
    pipe = os.dup(0)
    with open(os.devnull) as nothing:  # noqa: PTH123, the standard input from now on
        os.dup2(nothing.fileno(), 0)

    def wait() -> None:
        # Its end makes it readable. A read could fail: Node.js makes the pipe non-blocking for all who share it.
        select.select((pipe,), (), ())
        send(signal.SIGTERM)
        time.sleep(STOP_S)
        send(signal.SIGKILL)

    threading.Thread(target=wait, name="with_parent", daemon=True).start()


def _run_module(module: str, arguments: list[str]) -> None:
    _watch(lambda number: os.kill(os.getpid(), number))
    sys.argv[1:] = arguments
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _run_program(command: list[str]) -> int:
    """Run it in its own session, pass signals on to it and return its status, 128 + N for signal N."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)

    def send(number: int) -> None:
        if process.returncode is None:
            os.killpg(process.pid, number)

    for number in _SIGNALS:
        signal.signal(number, lambda number, _frame: send(number))
    _watch(send)
    status = process.wait()
    return status if status >= 0 else 128 - status


def main() -> None:
    """`python -m emulators.with_parent -m MODULE ARG...`, or a program and its arguments."""
    name, *arguments = sys.argv[1:]
    if name == "-m":
        _run_module(arguments[0], arguments[1:])
    else:
        sys.exit(_run_program([name, *arguments]))


if __name__ == "__main__":
    main()
