"""The queue, blob and timer listeners of one instance, started and stopped together."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from azure.storage.queue import QueueMessage

from .bindings import Binding, Function
from .blob_listener import BlobListener
from .data_bindings import DataBindings
from .patterns import BlobPattern, PatternError
from .queue_listener import QueueListener
from .routes import Route, RouteError
from .schedule import Schedule, ScheduleError
from .settings import HostSettings, SettingsError, resolve
from .storage import Storage, endpoint
from .storage_events import StorageEvents
from .timer_listener import TimerListener
from .triggers import message_fields, payload, queue_metadata

_log = logging.getLogger("Host.Listeners")
INTERNAL = "AzureWebJobsStorage"
_AFTER_BREAK_SECONDS = 2.0

Run = Callable[[], Coroutine[Any, Any, None]]


def start_problem(function: Function) -> str | None:
    """Why a listener cannot start: an unset setting, a bad route, pattern or schedule; else None."""
    try:
        for binding in (function.trigger, *function.inputs, *function.outputs):
            if binding.type in ("queue", "queueTrigger", "blob", "blobTrigger"):
                endpoint(binding.connection, "queue" if "queue" in binding.type else "blob")
                resolve(str(binding.raw.get("queueName") or binding.raw.get("path") or ""))
        if function.trigger.type == "httpTrigger":
            Route(function.route)
        elif function.trigger.type == "blobTrigger":
            endpoint(INTERNAL, "blob")
            endpoint(INTERNAL, "queue")
            blob_pattern(function.trigger)
        elif function.trigger.type == "timerTrigger":
            endpoint(INTERNAL, "blob")
            schedule_of(function.trigger)
    except (SettingsError, RouteError, PatternError, ScheduleError) as error:
        return str(error)
    return None


def is_disabled(function: Function) -> bool:
    """Whether the setting `AzureWebJobs.<name>.Disabled` switches the function off."""
    return os.environ.get(f"AzureWebJobs.{function.name}.Disabled", "").lower() in ("true", "1")


def queue_name(binding: Binding) -> str:
    """Resolved queue name of a trigger."""
    return resolve(str(binding.raw["queueName"])).lower()


def blob_pattern(binding: Binding) -> BlobPattern:
    """Resolved path pattern of a trigger."""
    return BlobPattern(resolve(str(binding.raw["path"])))


def schedule_of(binding: Binding) -> Schedule:
    """Resolved schedule of a trigger."""
    return Schedule(resolve(str(binding.raw["schedule"])))


def describe(function: Function, url: str, prefix: str) -> dict[str, Any]:
    """One row of the function list: name, trigger and where it listens."""
    trigger = function.trigger
    row: dict[str, Any] = {
        "name": function.name,
        "trigger": trigger.type,
        "methods": None,
        "url": None,
        "queue": None,
        "schedule": None,
        "path": None,
        "source": None,
    }
    if trigger.type == "httpTrigger":
        row["methods"] = list(function.methods)
        row["url"] = "/".join(part for part in (url, prefix, function.route) if part)
    elif trigger.type == "queueTrigger":
        row["queue"] = queue_name(trigger)
    elif trigger.type == "blobTrigger":
        row["path"] = blob_pattern(trigger).text
        row["source"] = "EventGrid" if function.from_event_grid else "LogsAndContainerScan"
    elif trigger.type == "timerTrigger":
        row["schedule"] = schedule_of(trigger).text
    return row


class Listeners:
    """Everything of this instance that waits for storage or for the clock."""

    def __init__(
        self, settings: HostSettings, storage: Storage, events: StorageEvents, blob_poll: float, event_grid: bool
    ) -> None:
        self._settings = settings
        self._storage = storage
        self._events = events
        self._blob_poll = blob_poll
        self._event_grid = event_grid
        self._data: DataBindings | None = None
        self._queues: dict[tuple[str, str], list[QueueListener]] = {}
        self._blobs: BlobListener | None = None
        self._timers: TimerListener | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._following: asyncio.Task[None] | None = None

    def sent(self, connection: str, queue: str) -> None:
        """A message has been put into a queue by this process: its listeners poll immediately."""
        for listener in self._queues.get((connection, queue.lower()), ()):
            listener.wake()

    def start(self, functions: Sequence[Function], data: DataBindings) -> None:
        """Start a listener for each function that is not HTTP."""
        self._data = data
        for function in functions:
            if function.trigger.type == "queueTrigger":
                self._start_queue(function, data)
        blobs = [f for f in functions if f.trigger.type == "blobTrigger"]
        if blobs:
            self._blobs = BlobListener(
                [(f, blob_pattern(f.trigger)) for f in blobs],
                self._settings,
                self._storage,
                self._events,
                data,
                self._blob_poll,
                self._event_grid,
            )
            for run in self._blobs.loops():
                self._spawn(run)
        timers = [f for f in functions if f.trigger.type == "timerTrigger"]
        if timers:
            self._timers = TimerListener(
                [(f, schedule_of(f.trigger)) for f in timers], self._settings.host_id, self._storage, data
            )
            self._spawn(self._timers.run)
        self._following = asyncio.create_task(self._events.run())

    def _spawn(self, run: Run) -> None:
        self._tasks.append(asyncio.create_task(_forever(run)))

    def _start_queue(self, function: Function, data: DataBindings) -> None:
        name, connection = queue_name(function.trigger), function.trigger.connection
        poison = None if name.endswith("-poison") else self._storage.queue(connection, f"{name}-poison")

        async def handle(message: QueueMessage, content: str | bytes) -> bool | None:
            values = {**message_fields(content), "queueTrigger": content, "id": message.id}
            result = await data.invoke(function, payload(content), values, metadata=queue_metadata(message, content))
            return None if result.timed_out else result.ok

        queue = self._storage.queue(connection, name)
        listener = QueueListener(queue, self._settings.queues, handle, poison, self._events)
        self._queues.setdefault((connection, name), []).append(listener)
        self._spawn(listener.run)

    async def stop(self) -> None:
        """Take nothing more and wait for what runs."""
        if self._following:
            self._following.cancel()
        queues = [listener for group in self._queues.values() for listener in group]
        for listener in queues:
            listener.stop()
        if self._blobs:
            self._blobs.stop()
        if self._timers:
            self._timers.stop()
        # A loop may just be taking messages: only when it has ended is it known what runs.
        if self._tasks:
            await asyncio.wait(self._tasks)
        await asyncio.gather(*(listener.drain() for listener in queues))
        if self._blobs:
            await self._blobs.drain()
        if self._timers:
            await self._timers.drain()


async def _forever(run: Run) -> None:
    """Run a listener until it stops; one that breaks is begun again."""
    while True:
        try:
            return await run()
        except Exception:
            _log.critical("A listener broke and is begun again.", exc_info=True)
            await asyncio.sleep(_AFTER_BREAK_SECONDS)
