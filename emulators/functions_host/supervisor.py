"""Keeps N host instances running on one port, as the platform keeps the instances of an app.

With files to watch it replaces the instances when one changes: new instances start beside the old ones, which end when
the new ones are ready. If a new one can't start, the old ones go on.

With `--flex` the instances are those of Flex Consumption's scaling groups: HTTP functions together, blob functions
together, every other function alone.
"""

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

from .ports import Port
from .watch import changes

_ROOT = Path(__file__).resolve().parents[2]
_YOUNG_SECONDS = 10.0
_LONGEST_BACKOFF = 10.0
_KILL_AFTER_SECONDS = 5.0
_STARTS_AT_ONCE = 4


class StartFailed(RuntimeError):
    """An instance ended before it was ready; `code` is its exit code, the text says why if it could."""

    def __init__(self, code: int, why: str = "") -> None:
        super().__init__(why or f"a host instance ended with {code} before it was ready")
        self.code = code


@dataclass(frozen=True)
class _Place:
    """What an instance is for: the socket it listens on, and its scaling group (None: everything)."""

    socket: socket.socket | None
    group: str | None


@dataclass
class _Child:
    process: asyncio.subprocess.Process
    place: _Place
    started: float
    report: dict[str, Any]
    retired: bool = False


class Supervisor:
    """Starts the instances, replaces one that dies or is outdated, stops them all. Raises `PortInUse`.

    Args:
        options: of the command line.
        tell: is called with what happens after the start, `{event, ...}`: `restarting` and `restarted` (changed,
            seconds), `restart_failed` (changed, error).
    """

    def __init__(self, options: Namespace, tell: Callable[[dict[str, Any]], None] = lambda event: None) -> None:
        self._options = options
        self._tell = tell
        self._port = Port(options.host, options.port, str(options.app), options.workers)
        self.port = self._port.number
        self._keepers: set[asyncio.Task[None]] = set()
        self._places: list[_Place] = []
        self._children: dict[int, _Child] = {}
        self._stopping = asyncio.Event()
        self._ready = asyncio.Event()

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
        stop = asyncio.create_task(self._stopping.wait())
        # Begun before the instances read the files, so that no change is missed.
        watching = asyncio.create_task(self._watch())
        gathered = asyncio.create_task(self._start_all())
        try:
            await asyncio.wait((gathered, stop), return_when=asyncio.FIRST_COMPLETED)
            if not gathered.done():
                gathered.cancel()
                return 0
            children = gathered.result()
            ready({**children[0].report, "pids": [child.process.pid for child in children]})
            for child in children:
                self._guard(child)
            self._ready.set()
            await stop
            watching.cancel()
            await self._stop_all()
            await asyncio.gather(*self._keepers, watching, return_exceptions=True)
            return 0
        finally:
            gathered.cancel()
            watching.cancel()
            await self._stop_all()
            self._port.close()

    def _on_signal(self) -> None:
        """The first signal stops with grace, the second kills."""
        if self._stopping.is_set():
            self._kill_all()
        self._stopping.set()

    async def _start_all(self) -> list[_Child]:
        """Start an instance at every place; the first instance's report names the functions."""
        sockets = self._port.listening
        self._places = [_Place(opened, "http" if self._options.flex else None) for opened in sockets]
        children = await asyncio.gather(*(self._spawn(place) for place in self._places))
        if self._options.flex:
            rows = children[0].report["functions"]
            others = {_group(row) for row in rows} - {"http"}
            self._places += [_Place(None, group) for group in sorted(others)]
            at_once = asyncio.Semaphore(_STARTS_AT_ONCE)

            async def spawn(place: _Place) -> _Child:
                async with at_once:
                    return await self._spawn(place)

            children += await asyncio.gather(*(spawn(place) for place in self._places[len(sockets) :]))
        return children

    def _guard(self, child: _Child) -> None:
        keeper = asyncio.create_task(self._keep(child))
        self._keepers.add(keeper)
        keeper.add_done_callback(self._keepers.discard)

    async def _watch(self) -> None:
        if not self._options.watch:
            await self._stopping.wait()
            return
        async for changed in changes(self._options.app, self._options.watch):
            await self._ready.wait()
            await self._replace(changed)

    async def _replace(self, changed: list[str]) -> None:
        """Put new instances in the place of all that run; these go on if one of the new ones can't start."""
        began = time.monotonic()
        self._tell({"event": "restarting", "changed": changed})
        old = [child for child in self._children.values() if not child.retired]
        if self._options.debug:
            # The new instance takes the debugger's port over.
            await self._retire(old)
        starts = await asyncio.gather(*(self._spawn(place) for place in self._places), return_exceptions=True)
        failed = [start for start in starts if isinstance(start, BaseException)]
        fresh = [start for start in starts if isinstance(start, _Child)]
        if failed:
            await self._retire(fresh)
            self._tell({"event": "restart_failed", "changed": changed, "error": str(failed[0])})
            return
        for child in fresh:
            self._guard(child)
        retiring = asyncio.create_task(self._retire(old))
        self._keepers.add(retiring)
        retiring.add_done_callback(self._keepers.discard)
        self._tell({"event": "restarted", "changed": changed, "seconds": round(time.monotonic() - began, 2)})

    async def _retire(self, children: list[_Child]) -> None:
        for child in children:
            child.retired = True
            if child.process.returncode is None:
                child.process.terminate()
        await asyncio.gather(*(child.process.wait() for child in children))
        for child in children:
            self._children.pop(child.process.pid, None)

    async def _spawn(self, place: _Place) -> _Child:
        """Start an instance and wait until it is ready; raises `StartFailed`."""
        options = self._options
        command = python(f"{__package__}.instance", "--app", str(options.app))
        command += ["--url", self.url]
        command += ["--socket", str(place.socket.fileno())] if place.socket else []
        command += ["--blob-poll", str(options.blob_poll), "--grace", str(options.grace)]
        command += ["--storage-events", options.storage_events] if options.storage_events else []
        command += ["--debug", str(options.debug)] if options.debug else []
        command += ["--group", place.group] if place.group else []
        command += ["--event-grid"] if options.event_grid else []
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=_ROOT,
            stdin=parent_pipe(),
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
            pass_fds=(place.socket.fileno(),) if place.socket else (),
            limit=1 << 24,
        )
        child = _Child(process, place, time.monotonic(), {})
        self._children[process.pid] = child
        assert process.stdout is not None
        line = await process.stdout.readline()
        report = json.loads(line) if line else {"error": ""}
        if "error" in report:
            code = await process.wait()
            self._children.pop(process.pid, None)
            raise StartFailed(code, report["error"])
        child.report = report
        return child

    async def _keep(self, child: _Child) -> None:
        """Replace an instance each time it dies; a short-lived one after a growing pause."""
        pause = 0.0
        while True:
            code = await child.process.wait()
            self._children.pop(child.process.pid, None)
            if self._stopping.is_set() or child.retired:
                return
            young = time.monotonic() - child.started < _YOUNG_SECONDS
            pause = min(max(0.25, pause * 2), _LONGEST_BACKOFF) if young else 0.0
            died = child.process.pid
            while True:
                if pause and await self._stopped_within(pause):
                    return
                try:
                    child = await self._spawn(child.place)
                    break
                except StartFailed as failed:
                    _say(f"Instance could not be replaced: {failed}")
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


def _group(row: dict[str, Any]) -> str:
    """The scaling group of a function, by its row of the report."""
    together = {"httpTrigger": "http", "blobTrigger": "blob"}
    return together.get(row["trigger"]) or str(row["name"])


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)
