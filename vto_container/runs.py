"""The runs of this container: a bounded queue, one at a time, joined by whoever asks again."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass

from shared import telemetry
from shared.errors import ConfigurationError, Conflict, NotFound, StudioError
from shared.vto import errors
from shared.vto.protocol import ENDED, Queue, Run, RunError, Status, TryOnRequest, TryOnResult
from vto_container.engines.base import Cancelled, Progress, Stopped

type Work = Callable[[TryOnRequest, Progress, Cancelled], TryOnResult]
"""Makes a run's result and commits it; raises StudioError, or Stopped when cancelled."""
type Undo = Callable[[TryOnRequest], object]
"""Removes what a cancelled run has stored."""

LAST_S = 1.0
"""What a run gets to stop in once it was told to."""
LINGER_S = 3.0
"""A little more than our client lets pass between two questions."""
USUAL_S = 5.0
"""What a run is taken to last before one has ended."""


@dataclass
class Record:
    """A run and how it stands; changed under the lock of `Runs` alone."""

    request: TryOnRequest
    attempt: int
    parent: str | None
    status: Status = "queued"
    progress: float = 0.0
    result: TryOnResult | None = None
    error: RunError | None = None
    stop: Status | None = None
    """What the run shall end as once it has stopped: `cancelled` or `handed_back`."""
    told: bool = False
    """Whether somebody heard of its end."""


class Runs:
    """Thread-safe. One thread works; a run that is asked for twice runs once.

    Args:
        work: makes a run.
        undo: called after one that was cancelled: whoever cancels may have tidied up already. One that is handed back
            is somebody else's by then, and left alone.
        capacity: runs that may wait beside the one being made.
        keep: runs that are remembered after their end.
    """

    def __init__(self, work: Work, undo: Undo, capacity: int, keep: int) -> None:
        self._work = work
        self._undo = undo
        self._capacity = capacity
        self._keep = keep
        self._change = threading.Condition()
        self._by_id: OrderedDict[str, Record] = OrderedDict()
        self._waiting: deque[Record] = deque()
        self._running: Record | None = None
        self._draining = False
        self._usual_s = USUAL_S
        self._thread = threading.Thread(target=self._loop, name="runs", daemon=True)
        self._thread.start()

    @property
    def draining(self) -> bool:
        """Whether no new run is taken any more."""
        return self._draining

    def queue(self) -> Queue:
        """How full it is."""
        with self._change:
            return Queue(waiting=len(self._waiting), capacity=self._capacity, running=self._running is not None)

    def submit(self, request: TryOnRequest) -> Record:
        """Ask for a run, or join the one of the same name.

        Raises:
            Conflict: `superseded`, a later attempt is known; `job_differs`, the same attempt asked for something else.
            EngineBusy: the queue is full.
            EngineUnavailable: the container is about to stop.
        """
        with self._change:
            known = self._by_id.get(request.job_id)
            if known is not None:
                joined = _joined(known, request)
                if joined is not None:
                    return joined
            if self._draining:
                raise errors.EngineUnavailable("the container is about to stop", retry_after=2)
            if len(self._waiting) >= self._capacity:
                raise errors.EngineBusy("the queue is full", retry_after=self._wait_s())
            if known is not None:
                self._stop(known, "cancelled")
            record = Record(request, request.attempt, telemetry.traceparent())
            self._by_id[request.job_id] = record
            self._by_id.move_to_end(request.job_id)
            self._waiting.append(record)
            self._forget()
            self._change.notify_all()
            return record

    def find(self, job_id: str) -> Record:
        """Raises NotFound."""
        with self._change:
            record = self._by_id.get(job_id)
        if record is None:
            raise NotFound("there is no run of that name here", code="run_not_found")
        return record

    def cancel(self, job_id: str) -> Record:
        """Stop a run: at once when it waits, between two steps when it is being made. Raises NotFound."""
        record = self.find(job_id)
        with self._change:
            self._stop(record, "cancelled")
        return record

    def wait(self, record: Record, seconds: float) -> Run:
        """How a run stands when it has ended, or after so many seconds."""
        with self._change:
            self._change.wait_for(lambda: record.status in ENDED, seconds)
            if record.status in ENDED:
                record.told = True
                self._change.notify_all()
            return self._view(record)

    def drain(self, grace_s: float) -> None:
        """Take no more, hand back what waits, and give the running one so many seconds before it is handed back, too.

        Returns when nothing runs, or when the run did not stop within a second of being told; and when those who ask
        from time to time have heard of it, which they get `LINGER_S` for.
        """
        with self._change:
            self._draining = True
            open_ones = [record for record in self._by_id.values() if record.status not in ENDED]
            for record in list(self._waiting):
                self._stop(record, "handed_back")
            self._change.wait_for(lambda: self._running is None, grace_s)
            if (late := self._running) is not None:
                self._stop(late, "handed_back")
                self._change.wait_for(lambda: self._running is None, LAST_S)
                self._end(late, "handed_back")
            self._change.wait_for(lambda: all(record.told for record in open_ones), LINGER_S)

    def _stop(self, record: Record, as_status: Status) -> None:
        if record.status == "queued":
            self._waiting.remove(record)
            self._end(record, as_status)
        elif record.status == "running" and record.stop is None:
            record.stop = as_status

    def _end(
        self, record: Record, status: Status, result: TryOnResult | None = None, error: RunError | None = None
    ) -> None:
        if record.status in ENDED:
            return
        record.status, record.result, record.error = status, result, error
        if status == "done":
            record.progress = 1.0
        telemetry.log("vto.run_ended", jobId=record.request.job_id, status=status, code=error.code if error else None)
        telemetry.count("studio_vto_runs", status=status)
        self._change.notify_all()

    def _forget(self) -> None:
        ended = [name for name, record in self._by_id.items() if record.status in ENDED]
        for name in ended[: max(0, len(ended) - self._keep)]:
            del self._by_id[name]

    def _wait_s(self) -> float:
        """A guess at when a place is free."""
        return max(1.0, min(60.0, round(self._usual_s)))

    def _view(self, record: Record) -> Run:
        position = self._waiting.index(record) + (self._running is not None) if record.status == "queued" else None
        return Run(
            job_id=record.request.job_id,
            attempt=record.attempt,
            status=record.status,
            position=position,
            progress=record.progress,
            result=record.result,
            error=record.error,
        )

    def _loop(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._waiting)
                record = self._running = self._waiting.popleft()
                record.status = "running"
                self._change.notify_all()
            self._make(record)
            with self._change:
                self._running = None
                self._change.notify_all()

    def _make(self, record: Record) -> None:
        started = time.monotonic()
        request = record.request
        status: Status = "failed"
        result: TryOnResult | None = None
        error: StudioError | None = None

        def progress(done: float) -> None:
            record.progress = max(record.progress, round(min(done, 1.0), 3))

        try:
            with (
                telemetry.bound(jobId=request.job_id),
                telemetry.span("vto.run", parent=record.parent, attempt=record.attempt),
            ):
                result = self._work(request, progress, lambda: record.stop is not None)
                status = "done"
                self._usual_s += 0.3 * (time.monotonic() - started - self._usual_s)
        except Stopped:
            status = record.stop or "cancelled"
            if status == "cancelled":
                self._undone(request)
        except ConfigurationError as raised:
            error = errors.EngineRefused(raised.message)
        except StudioError as raised:
            error = raised
        except Exception as raised:
            telemetry.log("vto.run_crashed", level="error", **telemetry.failure(raised))
            error = errors.EngineFailed("the container failed unexpectedly")
        with self._change:
            self._end(record, status, result, None if error is None else _told(error))

    def _undone(self, request: TryOnRequest) -> None:
        try:
            self._undo(request)
        except StudioError as error:
            telemetry.log("vto.undo_failed", level="warning", jobId=request.job_id, code=error.code)


def _joined(known: Record, request: TryOnRequest) -> Record | None:
    """The known run where the request is an answer's repetition; None where it asks for a new one."""
    if request.attempt < known.attempt:
        raise Conflict("a later attempt of this job is known", code="superseded")
    same = known.request.fingerprint == request.fingerprint
    if request.attempt == known.attempt and not same:
        raise Conflict("this attempt of the job asked for something else", code="job_differs")
    again = known.stop is not None or known.status in ("failed", "cancelled", "handed_back")
    if not same or (again and request.attempt > known.attempt):
        return None
    known.attempt = request.attempt
    return known


def _told(error: StudioError) -> RunError:
    return RunError(
        code=error.code,
        message=error.message,
        retryable=error.retryable,
        retry_after=error.retry_after,
        field=error.field,
    )
