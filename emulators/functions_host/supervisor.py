"""Keeps N host instances running on one port, as the platform keeps the instances of an app."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
import time
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulators.with_parent import parent_pipe, python

_ROOT = Path(__file__).resolve().parents[2]
_YOUNG_SECONDS = 10.0
_LONGEST_BACKOFF = 10.0
_KILL_AFTER_SECONDS = 5.0


class StartFailed(RuntimeError):
    """An instance ended before it was ready; `code` is its exit code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"a host instance ended with {code} before it was ready")
        self.code = code


@dataclass
class _Child:
    process: asyncio.subprocess.Process
    started: float
    report: dict[str, Any]


class Supervisor:
    """Starts the instances, replaces one that dies, stops them all."""

    def __init__(self, options: Namespace) -> None:
        self._options = options
        # Bound but never listening: it keeps the port while instances come and go.
        self._reserved = socket.socket(socket.AF_INET6 if ":" in options.host else socket.AF_INET)
        self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._reserved.bind((options.host, options.port))
        self.port: int = self._reserved.getsockname()[1]
        self._children: dict[int, _Child] = {}
        self._stopping = asyncio.Event()

    @property
    def url(self) -> str:
        """Where the app answers, without a slash at the end."""
        host = f"[{self._options.host}]" if ":" in self._options.host else self._options.host
        return f"http://{host}:{self.port}"

    async def run(self, ready: Callable[[dict[str, Any]], None]) -> int:
        """Run until SIGTERM or SIGINT; `ready` gets the first report with all process ids.

        Returns the exit code; an instance that fails before it is ready ends everything with its code.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal)
        starts = [asyncio.create_task(self._spawn()) for _ in range(self._options.workers)]
        stop = asyncio.create_task(self._stopping.wait())
        gathered = asyncio.gather(*starts)
        try:
            await asyncio.wait((gathered, stop), return_when=asyncio.FIRST_COMPLETED)
            if not gathered.done():
                gathered.cancel()
                return 0
            children = gathered.result()
            ready({**children[0].report, "pids": [child.process.pid for child in children]})
            keepers = [asyncio.create_task(self._keep(child)) for child in children]
            await stop
            await self._stop_all()
            await asyncio.gather(*keepers)
            return 0
        except StartFailed as failed:
            return failed.code if failed.code > 0 else 1
        finally:
            for start in starts:
                start.cancel()
            await self._stop_all()
            self._reserved.close()

    def _on_signal(self) -> None:
        """The first signal stops with grace, the second kills."""
        if self._stopping.is_set():
            self._kill_all()
        self._stopping.set()

    async def _spawn(self) -> _Child:
        """Start an instance and wait until it is ready; raises `StartFailed`."""
        options = self._options
        command = python(f"{__package__}.instance", "--app", str(options.app))
        command += ["--host", options.host, "--port", str(self.port)]
        command += ["--blob-poll", str(options.blob_poll), "--grace", str(options.grace)]
        command += ["--storage-events", options.storage_events] if options.storage_events else []
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=_ROOT,
            stdin=parent_pipe(),
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
            limit=1 << 24,
        )
        child = _Child(process, time.monotonic(), {})
        self._children[process.pid] = child
        assert process.stdout is not None
        line = await process.stdout.readline()
        if not line:
            code = await process.wait()
            del self._children[process.pid]
            raise StartFailed(code)
        child.report = json.loads(line)
        return child

    async def _keep(self, child: _Child) -> None:
        """Replace an instance each time it dies; a short-lived one after a growing pause."""
        pause = 0.0
        while True:
            code = await child.process.wait()
            self._children.pop(child.process.pid, None)
            if self._stopping.is_set():
                return
            young = time.monotonic() - child.started < _YOUNG_SECONDS
            pause = min(max(0.25, pause * 2), _LONGEST_BACKOFF) if young else 0.0
            died = child.process.pid
            while True:
                if pause and await self._stopped_within(pause):
                    return
                try:
                    child = await self._spawn()
                    break
                except StartFailed as failed:
                    _say(f"Instance could not be replaced: it ended with {failed.code}.")
                    pause = min(max(0.25, pause * 2), _LONGEST_BACKOFF)
                if self._stopping.is_set():
                    return
            _say(f"Instance {died} ended with {code}; instance {child.process.pid} takes its place.")

    async def _stopped_within(self, delay: float) -> bool:
        try:
            await asyncio.wait_for(self._stopping.wait(), delay)
        except TimeoutError:
            return False
        return True

    async def _stop_all(self) -> None:
        self._stopping.set()
        running = [c.process for c in self._children.values() if c.process.returncode is None]
        for process in running:
            process.terminate()
        waits = [asyncio.create_task(process.wait()) for process in running]
        if waits:
            _, late = await asyncio.wait(waits, timeout=self._options.grace + _KILL_AFTER_SECONDS)
            if late:
                self._kill_all()
                await asyncio.wait(late)

    def _kill_all(self) -> None:
        for child in self._children.values():
            if child.process.returncode is None:
                child.process.kill()


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)
