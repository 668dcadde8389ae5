"""One host instance: a process that holds the app, its HTTP front and its listeners.

Started by the supervisor. It writes one line of JSON to its standard output when it is ready (what the app
prints goes to standard error) and stops when it gets SIGTERM.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import socket
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from . import log, worker
from .admin import Admin
from .bindings import Function, violations
from .blob_events import BlobEvents
from .blob_listener import function_id
from .data_bindings import DataBindings
from .http_listener import HttpListener
from .http_server import HttpServer
from .listeners import Listeners, blob_pattern, describe, is_disabled, start_problem
from .protos import TypedData
from .settings import HostSettings, SettingsError, load
from .slow_clients import Patience
from .storage import Storage
from .storage_events import StorageEvents
from .timer_listener import timer_data
from .worker import IndexingError, Invoker

_log = logging.getLogger("Host.General")
EXIT_INDEX, EXIT_SETTINGS, EXIT_TIMEOUT = 1, 2, 3
"""Exit codes: the app cannot be indexed, its settings are unusable, a run was over functionTimeout."""

_AFTER_TIMEOUT_SECONDS = 5.0
_ROOT = Path(__file__).resolve().parents[2]


class Instance:
    """The parts of one process, put together for an indexed app."""

    def __init__(
        self, settings: HostSettings, functions: list[Function], url: str, options: argparse.Namespace
    ) -> None:
        self.errors = violations(functions, has_bundle=settings.has_bundle)
        for function in functions:
            problem = None if function.name in self.errors else start_problem(function)
            if problem:
                self.errors[function.name] = problem
        self.functions = {f.name: f for f in functions if f.name not in self.errors and not is_disabled(f)}
        self.rows = [
            describe(f, url, settings.http.prefix)
            for f in sorted(self.functions.values(), key=lambda f: f.name.lower())
        ]
        self.invoker = Invoker(settings.timeout)
        self._storage = Storage()
        self._listeners = Listeners(
            settings, self._storage, StorageEvents(options.storage_events), options.blob_poll, options.event_grid
        )
        self._data = DataBindings(self.invoker, self._storage, settings.queues, self._listeners.sent)
        blobs = [f for f in self.functions.values() if f.trigger.type == "blobTrigger" and f.from_event_grid]
        events = BlobEvents(
            [(function_id(f), f, blob_pattern(f.trigger)) for f in blobs],
            settings.host_id,
            self._storage,
            settings.queues,
        )
        admin = Admin(settings.host_id, self.rows, self.errors, self.run_by_hand)
        http = [f for f in self.functions.values() if f.trigger.type == "httpTrigger"]
        patience = Patience()
        front = HttpListener(http, settings.http, self._data.invoke, admin.answer, events.answer, patience)
        self._server = HttpServer(front.handle, options.grace, patience)
        self._group: str | None = options.group
        self._by_hand: set[asyncio.Task[Any]] = set()

    async def start(self, listening: socket.socket | None) -> None:
        """Take requests on this socket, and the messages, blobs and ticks of its scaling group."""
        if listening is not None:
            await self._server.start(listening)
        self._listeners.start([f for f in self.functions.values() if self._is_in_group(f)], self._data)

    def _is_in_group(self, function: Function) -> bool:
        kind = function.trigger.type
        if self._group in ("http", "blob"):
            return kind == f"{self._group}Trigger"
        return self._group in (None, function.name)

    async def run_by_hand(self, name: str, text: str) -> bool:
        """Start a timer or queue function now; False when there is none of that name."""
        function = next((f for f in self.functions.values() if f.name.lower() == name), None)
        kinds = {"timerTrigger": timer_data(None, False), "queueTrigger": TypedData(string=text)}
        if function is None or function.trigger.type not in kinds:
            return False
        run = asyncio.create_task(self._data.invoke(function, kinds[function.trigger.type], {}))
        self._by_hand.add(run)
        run.add_done_callback(self._by_hand.discard)
        return True

    async def stop(self) -> None:
        """Take nothing more, wait for what runs, close."""
        await asyncio.gather(self._server.stop(), self._listeners.stop(), *self._by_hand)
        await self._storage.close()


async def _serve(options: argparse.Namespace, report: int) -> int:
    settings = load(options.app)
    log.configure(settings.log_levels)
    os.chdir(settings.app)
    if options.debug:
        settings = _debugged(settings, options.debug)
    functions = await worker.index(settings.app)
    listening = socket.socket(fileno=options.socket) if options.socket is not None else None
    instance = Instance(settings, functions, options.url, options)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await instance.start(listening)
    line = {"pid": os.getpid(), "functions": instance.rows, "errors": instance.errors}
    os.write(report, json.dumps(line).encode() + b"\n")
    os.close(report)

    ends = [asyncio.create_task(stop.wait()), asyncio.create_task(instance.invoker.timed_out.wait())]
    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    timed_out = not stop.is_set()
    if timed_out:
        _log.critical("A function ran over functionTimeout: this instance ends and is replaced, as in Azure.")
    try:
        await asyncio.wait_for(instance.stop(), _AFTER_TIMEOUT_SECONDS if timed_out else options.grace)
    except TimeoutError:
        _log.warning("Functions still run after %s s of grace: ending anyway.", options.grace)
    return EXIT_TIMEOUT if timed_out else 0


def _debugged(settings: HostSettings, port: int) -> HostSettings:
    """Wait for a debugger; while one is attached nothing runs over its time."""
    import debugpy

    debugpy.listen(("127.0.0.1", port))
    print(f"Waiting for a debugger on 127.0.0.1:{port}.", file=sys.stderr, flush=True)
    debugpy.wait_for_client()
    return replace(settings, timeout=float("inf"))


def main() -> None:
    """Run one instance; arguments are the supervisor's."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--app", type=Path, required=True)
    parser.add_argument("--url", required=True)
    parser.add_argument("--socket", type=int)
    parser.add_argument("--debug", type=int)
    parser.add_argument("--group")
    parser.add_argument("--event-grid", action="store_true")
    parser.add_argument("--blob-poll", type=float, required=True)
    parser.add_argument("--grace", type=float, required=True)
    parser.add_argument("--storage-events")
    options = parser.parse_args()
    options.app = options.app.resolve()
    report = os.dup(1)
    os.dup2(2, 1)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    # `-m` has put the host's own directory first, which is no business of the app.
    if Path(sys.path[0]).resolve() == _ROOT != options.app:
        del sys.path[0]
    try:
        code = asyncio.run(_serve(options, report))
    except SettingsError as error:
        code = _fail(EXIT_SETTINGS, report, f"Settings: {error}")
    except IndexingError as error:
        code = _fail(EXIT_INDEX, report, f"The app in {options.app} cannot be indexed.\n{error}", error.line)
    sys.stdout.flush()
    sys.stderr.flush()
    # A function that hangs keeps its thread alive, for which a normal exit would wait.
    os._exit(code)


def _fail(code: int, report: int, message: str, line: str = "") -> int:
    os.write(report, json.dumps({"error": line or message}).encode() + b"\n")
    print(message, file=sys.stderr)
    return code


if __name__ == "__main__":
    main()
