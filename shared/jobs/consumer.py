"""The adapter for queue messages: decode, attach the trace, claim, run the step, commit, or park.

The host sees every message end well: business failures are states of the job, never exceptions, so the host's own
retries and its poison queue are left for crashes of the process and outages of the document store.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, Protocol

import azure.functions as func
from pydantic import BaseModel, ValidationError

from shared import clock, telemetry, webhooks
from shared.documents import Document, store
from shared.errors import BatchFailed, PreconditionFailed, StudioError
from shared.jobs import protocol, queues
from shared.jobs.protocol import CancelRequested, LeaseLost, Outcome
from shared.settings import settings


class Pointer(BaseModel):
    """The body of a queue message: which job, which attempt it wants to start."""

    v: int = 1
    jobId: str
    userId: str
    generation: int
    attempt: int
    traceparent: str | None = None


class Task:
    """A claimed job in the hands of a step."""

    def __init__(self, job: Document, push: Callable[[Document], None]) -> None:
        self.job = job
        self._push = push
        self._written = 0.0
        self._stop: Exception | None = None

    @property
    def payload(self) -> dict[str, Any]:
        """What the job was made with."""
        return self.job["payload"]

    @property
    def user_id(self) -> str:
        """Whose job it is."""
        return self.job["userId"]

    @property
    def attempt_key(self) -> str:
        """Names what this attempt alone produces, a blob say: `<generation>-<fence>`."""
        return f"{self.job['generation']}-{self.job['fence']}"

    def progress(self, step: str, percent: int, **facts: Any) -> None:
        """Say how far the work is (0..100), at most once a second, and learn whether to go on.

        Args:
            facts: what else there is to say, JSON-serialisable.

        Raises:
            LeaseLost, CancelRequested: stop now; both are handled by the consumer.
        """
        if self._stop is not None:
            raise self._stop
        at = clock.now()
        if at - self._written < 1 and percent not in (0, 100):
            return
        self._written = at
        fresh = protocol.renew(self.job, progress={"step": step, "percent": percent, "at": clock.iso(at), **facts})
        self._push(fresh)

    @contextmanager
    def heartbeat(self) -> Generator[None]:
        """Renew the lease every third of its length while the block runs, for a step that is silent for long."""
        over = threading.Event()

        def beat() -> None:
            while not over.wait(settings().job_lease_s / 3):
                try:
                    protocol.renew(self.job)
                except (LeaseLost, CancelRequested) as stop:
                    self._stop = stop
                    return
                except Exception as error:
                    telemetry.log("job.heartbeat_failed", level="warning", error=type(error).__name__)

        thread = threading.Thread(target=beat, daemon=True, name="heartbeat")
        thread.start()
        try:
            yield
        finally:
            over.set()


class Step(Protocol):
    """What the consumer runs. One object a queue."""

    def run(self, task: Task) -> Outcome:
        """Do the work and return what to commit. Raises StudioError: retryable ones come again."""
        ...

    def ended(self, job: Document, status: str, error: StudioError | None) -> Outcome:
        """What to commit with a job that ends as failed, cancelled or dead: give back, tell the user."""
        ...

    def committed(self, job: Document) -> None:
        """After the commit of any end: tidy up. May be skipped by a crash, so it must not matter."""
        ...

    def abandoned(self, job: Document) -> None:
        """After an attempt that lost its lease: remove what it alone has stored. May be skipped by a crash."""
        ...

    def push(self, job: Document) -> None:
        """Tell the user's open pages how the job stands. A hint: must not raise."""
        ...


POISONED = "poisoned"
BURIALS = 3
"""How often a job's message may end in the poison queue before the job is given up."""


def _crashed() -> StudioError:
    return StudioError("the worker stopped again and again while it ran this job", code="host_crash")


def consume(message: str, step: Step) -> None:
    """Take one message through the protocol.

    Raises only when the document store is out of reach: then the host delivers the message again.
    """
    try:
        pointer = Pointer.model_validate_json(message)
    except ValidationError:
        telemetry.log("job.bad_message", level="error", size=len(message))
        return
    facts = {"jobId": pointer.jobId, "userId": pointer.userId}
    with telemetry.bound(**facts), telemetry.span("job", parent=pointer.traceparent, kind="consumer") as span:
        job = store().find(protocol.CONTAINER, pointer.jobId, pointer.userId)
        if job is None:
            telemetry.log("job.missing", level="warning")
            return
        span.update_name(f"job {job['kind']}")
        with telemetry.bound(requestId=job.get("requestId"), kind=job["kind"], attempt=pointer.attempt):
            _advance(job, pointer, step)


def _advance(job: Document, pointer: Pointer, step: Step) -> None:
    if job["status"] in protocol.TERMINAL or job["generation"] != pointer.generation:
        return
    at = clock.now()
    if job["status"] == protocol.RUNNING:
        if job["leaseUntil"] > at:
            _again(job, pointer, job["leaseUntil"] - at)
            return
    elif not job["cancelRequested"]:
        if pointer.attempt != job["attempt"] + 1:
            return
        wait = (job.get("nextAt") or 0) - at
        if job["status"] == protocol.RETRY_WAIT and wait > 1:
            _again(job, pointer, wait)
            return
    if job["cancelRequested"]:
        _end(job, protocol.CANCELLED, None, step)
        return
    if job["attempt"] >= job["maxAttempts"]:
        _end(job, protocol.DEAD, _crashed(), step)
        return
    claimed = protocol.claim(job, f"{socket.gethostname()}:{os.getpid()}:{threading.get_ident()}")
    if claimed is not None:
        _work(claimed, step)


def _again(job: Document, pointer: Pointer, delay_s: float) -> None:
    """Come back when the lease or the wait is over: a copy, because this message ends with the handler."""
    queues.send(job["queue"], pointer.model_dump(), delay_s=delay_s + 0.5)


def _work(job: Document, step: Step) -> None:
    task = Task(job, step.push)
    step.push(job)
    try:
        with task.heartbeat():
            outcome = step.run(task)
        done = protocol.complete(job, webhooks.told(job, protocol.DONE, outcome))
    except LeaseLost:
        telemetry.log("job.lease_lost", level="warning")
        _quietly(step.abandoned, job)
    except CancelRequested:
        _end(job, protocol.CANCELLED, None, step)
    except BatchFailed as failure:
        # Somebody else's write came between reading and committing: what is read anew may fit.
        raced = isinstance(failure.cause, PreconditionFailed)
        _failed(job, StudioError("the result could not be stored", code="commit_failed", retryable=raced), step)
    except StudioError as error:
        _failed(job, error, step)
    except Exception as error:
        telemetry.log("job.crashed", level="error", **telemetry.failure(error))
        _failed(job, StudioError("the step failed unexpectedly", retryable=True), step)
    else:
        telemetry.log("job.done", attempt=job["attempt"])
        _after(done, step)


def _failed(job: Document, error: StudioError, step: Step) -> None:
    telemetry.log("job.failed", level="warning", code=error.code, attempt=job["attempt"], reason=error.message)
    seen = (job.get("errorCounts") or {}).get(error.code, 0) + 1
    if not error.retryable or (error.max_tries is not None and seen >= error.max_tries):
        _end(job, protocol.FAILED, error, step)
    elif job["attempt"] >= job["maxAttempts"] and not error.waits:
        _end(job, protocol.DEAD, error, step)
    else:
        try:
            step.push(protocol.retry(job, error))
        except LeaseLost:
            telemetry.log("job.lease_lost", level="warning")


def _end(job: Document, status: str, error: StudioError | None, step: Step) -> None:
    try:
        outcome = webhooks.told(job, status, step.ended(job, status, error), error)
        closed = protocol.close(job, status, outcome, error)
    except LeaseLost:
        telemetry.log("job.lease_lost", level="warning")
        return
    telemetry.log("job.ended", status=status, code=error.code if error else None)
    _after(closed, step)


def _after(job: Document, step: Step) -> None:
    step.push(job)
    _quietly(step.committed, job)


def _quietly(tidy: Callable[[Document], None], job: Document) -> None:
    try:
        tidy(job)
    except Exception as error:
        telemetry.log("job.tidy_failed", level="warning", **telemetry.failure(error))


def bury(message: str, make_step: Callable[[], Step]) -> None:
    """Take a message from a `-poison` queue. Never raises.

    The host gave up on the message, not on the job: after an outage of the document store the job is as good as new and
    gets a fresh message. One that keeps coming, or has used its attempts up, ends as dead.
    """
    try:
        pointer = Pointer.model_validate_json(message)
        job = store().find(protocol.CONTAINER, pointer.jobId, pointer.userId)
        with telemetry.bound(jobId=pointer.jobId, userId=pointer.userId):
            stale = job is None or job["generation"] != pointer.generation or job["status"] in protocol.TERMINAL
            live = job is not None and job["status"] == protocol.RUNNING and job["leaseUntil"] > clock.now()
            if job is None or stale or live:
                telemetry.log("job.poison_ignored", level="warning")
            elif job["attempt"] >= job["maxAttempts"] or job["errorCounts"].get(POISONED, 0) >= BURIALS:
                _end(job, protocol.DEAD, _crashed(), make_step())
            else:
                counts = {**job["errorCounts"], POISONED: job["errorCounts"].get(POISONED, 0) + 1}
                store().patch(protocol.CONTAINER, job["id"], job["userId"], set={"errorCounts": counts}, etag=job.etag)
                protocol.enqueue(job)
    except (ValidationError, PreconditionFailed):
        telemetry.log("job.poison_unreadable", level="error", size=len(message))
    except Exception as error:
        telemetry.log("job.poison_failed", level="error", **telemetry.failure(error))


def consumer(bp: func.Blueprint, queue: str, step: Callable[[], Step]) -> None:
    """Register the two functions of a queue on `bp`: `<queue>_worker` and `<queue>_poison`.

    Args:
        step: makes the step on first use, so that indexing the app imports none of its libraries.
    """

    def worker(message: func.QueueMessage) -> None:
        consume(message.get_body().decode(errors="replace"), step())

    def poison(message: func.QueueMessage) -> None:
        bury(message.get_body().decode(errors="replace"), step)

    for handler, name in ((worker, queue), (poison, queue + queues.POISON)):
        trigger = bp.queue_trigger(arg_name="message", queue_name=name, connection="Storage")
        function = name if handler is poison else f"{queue}_worker"
        bp.function_name(function.replace("-", "_"))(trigger(handler))
