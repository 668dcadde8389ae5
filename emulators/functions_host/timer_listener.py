"""Timer triggers: one instance holds the timers; runs never overlap and missed ticks collapse into one.

After Azure/azure-webjobs-sdk-extensions TimerListener.cs and ScheduleMonitor.cs. The status of a timer (Last,
Next, LastUpdated) is the blob `azure-webjobs-hosts/timers/<hostId>/Host.Functions.<name>/status`; timers that
are due more than once a minute keep none.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from azure.core.exceptions import ResourceNotFoundError

from .bindings import Function
from .blob_listener import HOSTS, function_id
from .data_bindings import DataBindings
from .lock import RENEW_SECONDS, HostLock
from .schedule import Schedule
from .storage import Storage, StorageError
from .triggers import as_json

_log = logging.getLogger("Host.Timers")
_INTERNAL = "AzureWebJobsStorage"
_NEVER = datetime.min.replace(tzinfo=UTC)
_LONGEST_SLEEP = 3600.0
_AFTER_OUTAGE = 2.0


@dataclass(frozen=True)
class Status:
    """When a timer ran last, is due next, and when that was written."""

    last: datetime
    next: datetime
    updated: datetime

    def as_dict(self) -> dict[str, str]:
        """As it is stored and handed to the function."""
        return {
            "Last": self.last.isoformat(),
            "Next": self.next.isoformat(),
            "LastUpdated": self.updated.isoformat(),
        }


class TimerListener:
    """Runs the timers of the app while this instance holds their lock."""

    def __init__(
        self,
        timers: Sequence[tuple[Function, Schedule]],
        host_id: str,
        storage: Storage,
        data: DataBindings,
    ) -> None:
        self._timers = timers
        self._host_id = host_id
        self._data = data
        self._blobs = storage.container(_INTERNAL, HOSTS)
        # One lock for all timers of a process saves renewals; a scaling group of one timer holds that timer's own.
        held = function_id(timers[0][0]) if len(timers) == 1 else "timers"
        self._lock = HostLock(self._blobs, f"locks/{host_id}/{held}")
        self._stopping = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()

    def stop(self) -> None:
        """Start no more runs."""
        self._stopping.set()

    async def drain(self) -> None:
        """Wait for the runs under way, then let another instance take over."""
        if self._running:
            await asyncio.wait(self._running)
        await self._lock.release()

    async def run(self) -> None:
        """Hold the lock whenever it is free, and the timers as long as it is held."""
        while not self._stopping.is_set():
            try:
                held = await self._lock.acquire()
            except StorageError as error:
                _log.warning("The timers' lock cannot be reached, trying on: %s", error)
                held = False
            if held:
                await self._hold()
            else:
                await _wait(self._stopping, RENEW_SECONDS)

    async def _hold(self) -> None:
        ended = asyncio.Event()
        tasks = {asyncio.create_task(self._keep(f, schedule, ended)) for f, schedule in self._timers}
        self._running |= tasks
        for task in tasks:
            task.add_done_callback(self._running.discard)
        while not self._stopping.is_set():
            await _wait(self._stopping, RENEW_SECONDS)
            if not self._stopping.is_set() and not await self._lock.renew():
                break
        ended.set()
        await asyncio.wait(tasks)

    async def _keep(self, function: Function, schedule: Schedule, ended: asyncio.Event) -> None:
        while not ended.is_set():
            try:
                await self._tick(function, schedule, ended)
            except StorageError as error:
                _log.warning("Timer '%s' cannot reach its status, trying on: %s", function.name, error)
                await _wait(ended, _AFTER_OUTAGE)

    async def _tick(self, function: Function, schedule: Schedule, ended: asyncio.Event) -> None:
        now = datetime.now(UTC)
        monitored = function.trigger.raw.get("useMonitor") is not False and not schedule.is_frequent(now)
        status = await self._first_status(function, schedule, now, monitored)
        past_due = monitored and now > status.next
        if past_due or function.trigger.raw.get("runOnStartup"):
            status = await self._run(function, schedule, status, now, past_due, monitored)
        due = status.next
        while True:
            while (rest := (due - datetime.now(UTC)).total_seconds()) > 0 and not ended.is_set():
                await _wait(ended, min(rest, _LONGEST_SLEEP))
            if ended.is_set():
                return
            status = await self._run(function, schedule, status, due, False, monitored)
            # Ticks missed while it ran become one run now.
            due = max(status.next, datetime.now(UTC))

    async def _first_status(self, function: Function, schedule: Schedule, now: datetime, monitored: bool) -> Status:
        """The stored status; a new one when there is none or the schedule has changed."""
        stored = await self._read(function) if monitored else None
        if stored is not None:
            since = stored.last if stored.last != _NEVER else stored.updated
            if stored.next == schedule.after(since):
                return stored
        fresh = Status(stored.last if stored else _NEVER, schedule.after(now), now)
        if monitored:
            if stored is not None and stored.last != _NEVER:
                # Next is checked against Last: the new schedule counts from now on.
                fresh = Status(_NEVER, fresh.next, now)
            await self._write(function, fresh)
        return fresh

    async def _run(
        self,
        function: Function,
        schedule: Schedule,
        status: Status,
        tick: datetime,
        past_due: bool,
        monitored: bool,
    ) -> Status:
        data = timer_data(status if monitored else None, past_due)
        tries = function.retry.count if function.retry else 0
        attempt = 0
        while True:
            result = await self._data.invoke(function, data, {}, retry=(attempt, tries))
            if result.ok or result.timed_out or (tries != -1 and attempt >= tries):
                break
            assert function.retry is not None
            delay = min(function.retry.maximum, function.retry.minimum * 2 ** min(attempt, 16))
            attempt += 1
            await _wait(self._stopping, delay)
            if self._stopping.is_set():
                break
        done = Status(tick, schedule.after(tick), datetime.now(UTC))
        if monitored:
            await self._write(function, done)
        return done

    def _status_blob(self, function: Function) -> str:
        return f"timers/{self._host_id}/{function_id(function)}/status"

    async def _read(self, function: Function) -> Status | None:
        try:
            stream = await self._blobs.get_blob_client(self._status_blob(function)).download_blob()
            stored: dict[str, Any] = json.loads(await stream.readall())
            return Status(*(_parse(stored[key]) for key in ("Last", "Next", "LastUpdated")))
        except ResourceNotFoundError:
            return None
        except (ValueError, KeyError) as error:
            _log.warning("The status of timer '%s' is unreadable and will be replaced: %s", function.name, error)
            return None

    async def _write(self, function: Function, status: Status) -> None:
        content = json.dumps(status.as_dict())
        await self._blobs.upload_blob(self._status_blob(function), content, overwrite=True)


def timer_data(status: Status | None, past_due: bool) -> Any:
    """Trigger data of a timer run."""
    return as_json(
        {
            "Schedule": {"AdjustForDST": False},
            "ScheduleStatus": status.as_dict() if status else None,
            "IsPastDue": past_due,
        }
    )


def _parse(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


async def _wait(event: asyncio.Event, delay: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), delay)
