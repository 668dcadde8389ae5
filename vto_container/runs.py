"""The runs of this container: a bounded queue, executed one at a time; repeated requests join the same run."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from shared import telemetry
from shared.engines.base import Cancelled, IsCancelled, Progress
from shared.errors import ConfigurationError, Conflict, NotFound, StudioError
from shared.vto import errors
from shared.vto.protocol import ENDED, Queue, Run, RunError, RunStatus, TryOnRequest, TryOnResult

type Execute = Callable[[TryOnRequest, Progress, IsCancelled], TryOnResult]
"""Makes a run's result and commits it; raises StudioError, or Cancelled."""
type DeleteOutput = Callable[[TryOnRequest], object]
"""Deletes what a cancelled run has stored."""

STOP_TIMEOUT_S: Final = 1.0
"""Seconds that a run gets to stop after its cancellation."""
REPORT_TIMEOUT_S: Final = 3.0
"""Seconds that a draining container waits for callers to learn how their runs ended: a little more than the interval
at which the client polls."""
INITIAL_RUN_S: Final = 5.0
"""Estimated duration of a run until one has ended, in seconds."""
SMOOTHING: Final = 0.3
"""Weight of the last run in the estimate."""


@dataclass
class TrackedRun:
    """A run and its state; changed only under the lock of `Runs`."""

    request: TryOnRequest
    attempt: int
    traceparent: str | None
    status: RunStatus = RunStatus.QUEUED
    progress: float = 0.0
    result: TryOnResult | None = None
    error: RunError | None = None
    stopping: bool = False
    """Whether it shall end at its next step."""
    handed_back: bool = False
    """Whether it stops because the container does: it fails as `engine_unavailable` instead of `cancelled`."""
    reported: bool = False
    """Whether a caller has learned how it ended."""


class Runs:
    """Thread-safe. One thread executes; a run that is requested twice is executed once.

    Args:
        execute: makes a run's result.
        delete_output: called after a cancelled run, since its caller may have deleted the output before the run
            stopped. A run that is handed back may already be another container's, so its output is left alone.
        capacity: runs that may wait in addition to the one being executed.
        keep: runs that are remembered after their end.
    """

    def __init__(self, execute: Execute, delete_output: DeleteOutput, capacity: int, keep: int) -> None:
        self._execute = execute
        self._delete_output = delete_output
        self._capacity = capacity
        self._keep = keep
        self._changed = threading.Condition()
        self._by_id: OrderedDict[str, TrackedRun] = OrderedDict()
        self._waiting: deque[TrackedRun] = deque()
        self._current: TrackedRun | None = None
        self._draining = False
        self._estimated_run_s = INITIAL_RUN_S
        self._thread = threading.Thread(target=self._loop, name="runs", daemon=True)
        self._thread.start()

    @property
    def draining(self) -> bool:
        """Whether new runs are refused because the container stops."""
        return self._draining

    def queue(self) -> Queue:
        """How full the queue is."""
        with self._changed:
            return Queue(waiting=len(self._waiting), capacity=self._capacity, running=self._current is not None)

    def submit(self, request: TryOnRequest) -> TrackedRun:
        """Start a run, or join the one with the same id.

        Raises:
            Conflict: `superseded`, a later attempt is known; `job_differs`, the same attempt was another request.
            EngineBusy: the queue is full.
            EngineUnavailable: the container is about to stop.
        """
        with self._changed:
            known = self._by_id.get(request.job_id)
            if known is not None:
                joined = _join(known, request)
                if joined is not None:
                    return joined
            if self._draining:
                raise errors.EngineUnavailable("the container is about to stop", retry_after=2)
            if len(self._waiting) >= self._capacity:
                raise errors.EngineBusy("the queue is full", retry_after=self._retry_after_s())
            if known is not None:
                self._stop(known)
            run = TrackedRun(request, request.attempt, telemetry.traceparent())
            self._by_id[request.job_id] = run
            self._by_id.move_to_end(request.job_id)
            self._waiting.append(run)
            self._forget()
            self._changed.notify_all()
            return run

    def get(self, job_id: str) -> TrackedRun:
        """The run with this id. Raises NotFound."""
        with self._changed:
            run = self._by_id.get(job_id)
        if run is None:
            raise NotFound("there is no such run", code="run_not_found")
        return run

    def cancel(self, job_id: str) -> TrackedRun:
        """Cancel a run: immediately while it waits, between two steps while it is executed. Raises NotFound."""
        run = self.get(job_id)
        with self._changed:
            self._stop(run)
        return run

    def wait(self, run: TrackedRun, seconds: float) -> Run:
        """The state of a run when it has ended, or after this many seconds."""
        with self._changed:
            self._changed.wait_for(lambda: run.status in ENDED, seconds)
            if run.status in ENDED:
                run.reported = True
                self._changed.notify_all()
            return self._view(run)

    def drain(self, grace_s: float) -> None:
        """Refuse new runs, hand back those that wait, and hand back the current one if it takes longer than `grace_s`.

        Returns once nothing is executed, or the current run did not stop within `STOP_TIMEOUT_S`, and callers have
        learned how their runs ended or `REPORT_TIMEOUT_S` is over.
        """
        with self._changed:
            self._draining = True
            open_runs = [run for run in self._by_id.values() if run.status not in ENDED]
            for run in list(self._waiting):
                self._stop(run, hand_back=True)
            self._changed.wait_for(lambda: self._current is None, grace_s)
            if (late := self._current) is not None:
                self._stop(late, hand_back=True)
                self._changed.wait_for(lambda: self._current is None, STOP_TIMEOUT_S)
                self._end_stopped(late)
            self._changed.wait_for(lambda: all(run.reported for run in open_runs), REPORT_TIMEOUT_S)

    def _stop(self, run: TrackedRun, *, hand_back: bool = False) -> None:
        if run.status in ENDED or run.stopping:
            return
        run.stopping, run.handed_back = True, hand_back
        if run.status is RunStatus.QUEUED:
            self._waiting.remove(run)
            self._end_stopped(run)

    def _end_stopped(self, run: TrackedRun) -> None:
        if not run.handed_back:
            self._end(run, RunStatus.CANCELLED)
            return
        error = errors.EngineUnavailable("the try-on container stops and hands the run back", retry_after=1)
        self._end(run, RunStatus.FAILED, error=RunError.from_error(error))

    def _end(
        self, run: TrackedRun, status: RunStatus, result: TryOnResult | None = None, error: RunError | None = None
    ) -> None:
        if run.status in ENDED:
            return
        run.status, run.result, run.error = status, result, error
        if status is RunStatus.COMPLETED:
            run.progress = 1.0
        telemetry.log("vto.run_ended", jobId=run.request.job_id, status=status, code=error.code if error else None)
        telemetry.count("studio_vto_runs", status=status)
        self._changed.notify_all()

    def _forget(self) -> None:
        ended = [job_id for job_id, run in self._by_id.items() if run.status in ENDED]
        for job_id in ended[: max(0, len(ended) - self._keep)]:
            del self._by_id[job_id]

    def _retry_after_s(self) -> float:
        """Estimated seconds until the queue has room."""
        return max(1.0, min(60.0, round(self._estimated_run_s)))

    def _view(self, run: TrackedRun) -> Run:
        queued = run.status is RunStatus.QUEUED
        position = self._waiting.index(run) + (self._current is not None) if queued else None
        return Run(
            job_id=run.request.job_id,
            attempt=run.attempt,
            status=run.status,
            position=position,
            progress=run.progress,
            result=run.result,
            error=run.error,
        )

    def _loop(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
                run = self._current = self._waiting.popleft()
                run.status = RunStatus.PROCESSING
                self._changed.notify_all()
            self._process(run)
            with self._changed:
                self._current = None
                self._changed.notify_all()

    def _process(self, run: TrackedRun) -> None:
        started = time.monotonic()
        request = run.request
        result: TryOnResult | None = None
        error: StudioError | None = None

        def report_progress(done: float) -> None:
            run.progress = max(run.progress, round(min(done, 1.0), 3))

        try:
            with (
                telemetry.bound(jobId=request.job_id),
                telemetry.span("vto.run", parent=run.traceparent, attempt=run.attempt),
            ):
                result = self._execute(request, report_progress, lambda: run.stopping)
                self._estimated_run_s += SMOOTHING * (time.monotonic() - started - self._estimated_run_s)
        except Cancelled:
            if not run.handed_back:
                self._remove_output(request)
            with self._changed:
                self._end_stopped(run)
            return
        except ConfigurationError as raised:
            error = errors.EngineRefused(raised.message)
        except StudioError as raised:
            error = raised
        except Exception as raised:
            telemetry.log("vto.run_crashed", level="error", **telemetry.failure(raised))
            error = errors.EngineFailed("the container failed unexpectedly")
        with self._changed:
            if error is None:
                self._end(run, RunStatus.COMPLETED, result)
            else:
                self._end(run, RunStatus.FAILED, error=RunError.from_error(error))

    def _remove_output(self, request: TryOnRequest) -> None:
        try:
            self._delete_output(request)
        except StudioError as error:
            telemetry.log("vto.output_not_deleted", level="warning", jobId=request.job_id, code=error.code)


def _join(known: TrackedRun, request: TryOnRequest) -> TrackedRun | None:
    """The known run if the request repeats it; None if the request starts a new one."""
    if request.attempt < known.attempt:
        raise Conflict("a later attempt of this job is known", code="superseded")
    same = known.request.fingerprint == request.fingerprint
    if request.attempt == known.attempt and not same:
        raise Conflict("this attempt of the job was another request", code="job_differs")
    restart = known.stopping or known.status in (RunStatus.FAILED, RunStatus.CANCELLED)
    if not same or (restart and request.attempt > known.attempt):
        return None
    known.attempt = request.attempt
    return known
