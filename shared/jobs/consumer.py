"""The adapter for queue messages: decode, attach the trace, claim, run the step, commit or retry.

The host sees every message succeed: business failures are states of the job, never exceptions, so the host's own
retries and its poison queue are left for crashes of the process and outages of the document store.
"""

import os
import socket
import threading
from collections.abc import Callable

import azure.functions as func
from pydantic import BaseModel, ValidationError

from shared import clock, telemetry, turns
from shared.documents.fields import assign
from shared.documents.patience import patient
from shared.errors import BatchFailed, OperatorActionNeeded, PreconditionFailed, ProviderAway, StudioError
from shared.jobs import protocol, queues
from shared.jobs.lanes import LaneStep
from shared.jobs.models import TERMINAL, Job, JobStatus
from shared.jobs.protocol import CancelRequested, LeaseLost
from shared.jobs.settings import job_settings
from shared.jobs.shares import Shares
from shared.jobs.step import Step, Task


class Pointer(BaseModel):
    """The body of a queue message: which job, which attempt it wants to start; and others of the same user."""

    v: int = 1
    jobId: str
    userId: str
    generation: int
    attempt: int
    traceparent: str | None = None
    others: "list[Pointer]" = []

    def each(self) -> "list[Pointer]":
        """A pointer for each job of the message, in the order in which they are run."""
        return [self.model_copy(update={"others": []}), *self.others]


POISONED = "poisoned"
MAX_POISON_RETRIES = 3
"""How often a job's message may end in the poison queue before the job is dead."""


def _crashed() -> StudioError:
    return StudioError("the worker stopped again and again while it ran this job", code="host_crash")


def consume(message: str, step: Step) -> None:
    """Take one message through the protocol.

    Raises only when the document store is out of reach: then the host delivers the message again.
    """
    pointer = _pointer(message)
    for one in [] if pointer is None else pointer.each():
        _follow(one, step)


def consume_in_turn(message: str, step: Step, lane: queues.Lane, running: Shares) -> None:
    """As `consume`, but a message of a user whose share of the lane is taken goes back to the end of the queue."""
    pointer = _pointer(message)
    if pointer is None:
        return
    with running.hold(pointer.userId) as wait_s:
        if wait_s is None:
            for one in pointer.each():
                _follow(one, step)
        else:
            # The jobs are untouched. Their message ends with this handler, so a copy waits.
            queues.send(lane, pointer.model_dump(), delay_s=wait_s)
            telemetry.count("studio_jobs_deferred", lane=lane)


def _pointer(message: str) -> Pointer | None:
    try:
        return Pointer.model_validate_json(message)
    except ValidationError:
        telemetry.log("job.bad_message", level="error", size=len(message))
        return None


def _follow(pointer: Pointer, step: Step) -> None:
    facts = {"jobId": pointer.jobId, "userId": pointer.userId}
    with (
        turns.acting_for(pointer.userId),
        telemetry.bound(**facts),
        telemetry.span("job", parent=pointer.traceparent, kind="consumer") as span,
    ):
        job = protocol.jobs.find(pointer.jobId, pointer.userId)
        if job is None:
            telemetry.log("job.missing", level="warning")
            return
        span.update_name(f"job {job.kind}")
        # No caller waits for this thread, and work whose result can't be stored is done again.
        long = patient(job_settings().job_lease_s / 3)
        with long, telemetry.bound(requestId=job.request_id, kind=job.kind, attempt=pointer.attempt):
            _advance(job, pointer, step)


def _advance(job: Job, pointer: Pointer, step: Step) -> None:
    if job.status in TERMINAL or job.generation != pointer.generation:
        return
    at = clock.now()
    if job.status is JobStatus.PROCESSING:
        lease_until = job.lease_until or 0
        if lease_until > at:
            _requeue(job, pointer, lease_until - at)
            return
    elif not job.cancel_requested:
        if pointer.attempt != job.attempt + 1:
            return
        wait = (job.next_at or 0) - at
        if job.status is JobStatus.RETRYING and wait > 1:
            _requeue(job, pointer, wait)
            return
    if job.cancel_requested:
        _finish(job, JobStatus.CANCELLED, None, step)
        return
    if job.attempt >= job.max_attempts:
        _finish(job, JobStatus.DEAD, _crashed(), step)
        return
    claimed = protocol.claim(job, f"{socket.gethostname()}:{os.getpid()}:{threading.get_ident()}")
    if claimed is not None:
        _work(claimed, step)


def _requeue(job: Job, pointer: Pointer, delay_s: float) -> None:
    """Come back when the lease or the wait is over: a copy, because this message ends with the handler."""
    queues.send(job.queue, pointer.model_dump(), delay_s=delay_s + 0.5)


def _work(job: Job, step: Step) -> None:
    task = Task(job, step.push)
    step.push(job)
    try:
        with task.heartbeat():
            outcome = step.run(task)
        done = protocol.complete(job, step.before_commit(job, JobStatus.COMPLETED, outcome, None))
    except LeaseLost:
        telemetry.log("job.lease_lost", level="warning")
        _suppress_errors(step.on_lease_lost, job)
    except CancelRequested:
        _finish(job, JobStatus.CANCELLED, None, step)
    except BatchFailed as failure:
        # A concurrent write came between reading and committing: another attempt reads the new state.
        raced = isinstance(failure.cause, PreconditionFailed)
        _failed(job, StudioError("the result could not be stored", code="commit_failed", retryable=raced), step)
    except StudioError as error:
        _failed(job, error, step)
    except Exception as error:
        telemetry.log("job.crashed", level="error", **telemetry.failure(error))
        _failed(job, StudioError("the step failed unexpectedly", retryable=True), step)
    else:
        telemetry.log("job.done", attempt=job.attempt)
        _committed(done, step)


def _failed(job: Job, error: StudioError, step: Step) -> None:
    telemetry.log("job.failed", level="warning", code=error.code, attempt=job.attempt, reason=error.message)
    if isinstance(error, OperatorActionNeeded):
        error.waits = protocol.waited(job) < job_settings().job_operator_s
    elif isinstance(error, ProviderAway) and error.retryable:
        error.waits = protocol.waited(job) < job_settings().job_outage_s
    seen = job.error_counts.get(error.code, 0) + 1
    if not error.retryable or (error.max_tries is not None and seen >= error.max_tries):
        _finish(job, JobStatus.FAILED, error, step)
    elif job.attempt >= job.max_attempts and not error.waits:
        _finish(job, JobStatus.DEAD, error, step)
    else:
        try:
            step.push(protocol.retry(job, error))
        except LeaseLost:
            telemetry.log("job.lease_lost", level="warning")


def _finish(job: Job, status: JobStatus, error: StudioError | None, step: Step) -> None:
    try:
        outcome = step.before_commit(job, status, step.on_end(job, status, error), error)
        closed = protocol.close(job, status, outcome, error)
    except LeaseLost:
        telemetry.log("job.lease_lost", level="warning")
        return
    telemetry.log("job.ended", status=status, code=error.code if error else None)
    _committed(closed, step)


def _committed(job: Job, step: Step) -> None:
    step.push(job)
    _suppress_errors(step.after_commit, job)


def _suppress_errors(clean_up: Callable[[Job], None], job: Job) -> None:
    try:
        clean_up(job)
    except Exception as error:
        telemetry.log("job.cleanup_failed", level="warning", **telemetry.failure(error))


def handle_poison_message(message: str, make_step: Callable[[], Step], message_id: str) -> bool:
    """Take a message from a `-poison` queue. Never raises; whether the message is dealt with and can be deleted.

    The host gave up on the message, not on the job: after an outage of the document store the job is as good as new and
    gets a fresh message. One that keeps coming, or has used its attempts up, ends as dead. A message that was dealt
    with for some of its jobs alone comes again, and does nothing for those a second time.

    Args:
        message_id: of the message, the same each time that it is read.
    """
    try:
        pointers = Pointer.model_validate_json(message).each()
    except ValidationError:
        telemetry.log("job.poison_unreadable", level="error", size=len(message))
        return True
    revived = [_revive(pointer, make_step, message_id) for pointer in pointers]
    return all(revived)


def _revive(pointer: Pointer, make_step: Callable[[], Step], message_id: str) -> bool:
    try:
        job = protocol.jobs.find(pointer.jobId, pointer.userId)
        with telemetry.bound(jobId=pointer.jobId, userId=pointer.userId):
            if job is None or job.generation != pointer.generation or job.status in TERMINAL or _is_leased(job):
                telemetry.log("job.poison_ignored", level="warning")
                return True
            if job.revived_by == message_id:
                return True
            poisoned = job.error_counts.get(POISONED, 0)
            if job.attempt >= job.max_attempts or poisoned >= MAX_POISON_RETRIES:
                _finish(job, JobStatus.DEAD, _crashed(), make_step())
            else:
                counts = {**job.error_counts, POISONED: poisoned + 1}
                # First what was done, then the message: if that is lost, the sweeper sends another.
                changes = assign(Job.error_counts, counts), assign(Job.revived_by, message_id)
                protocol.jobs.patch(job.id, job.user_id, *changes, etag=job.etag)
                protocol.enqueue(job)
    except PreconditionFailed:
        telemetry.log("job.poison_ignored", level="warning", jobId=pointer.jobId)
    except Exception as error:
        telemetry.log("job.poison_failed", level="error", **telemetry.failure(error))
        return False
    return True


def _is_leased(job: Job) -> bool:
    return job.status is JobStatus.PROCESSING and (job.lease_until or 0) > clock.now()


def consumer(bp: func.Blueprint, lane: queues.Lane, step_of: Callable[[str], Step]) -> None:
    """Register the function of a lane on `bp`: `<lane>_worker`. The sweeper reads the lane's poison queue.

    Args:
        step_of: the step of a queue, made on first use, so that indexing the app imports none of its libraries.
    """
    step, running = LaneStep(step_of), Shares()

    def worker(message: func.QueueMessage) -> None:
        consume_in_turn(message.get_body().decode(errors="replace"), step, lane, running)

    trigger = bp.queue_trigger(arg_name="message", queue_name=lane.value, connection="Storage")
    bp.function_name(f"{lane}_worker")(trigger(worker))
