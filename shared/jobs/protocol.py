"""The job protocol: a document is the source of truth, a queue message only points at it.

    QUEUED -> PROCESSING -> COMPLETED | FAILED | CANCELLED,  PROCESSING -> RETRYING -> PROCESSING,  any -> DEAD
    FAILED | DEAD -> QUEUED only by `redrive`, with a new generation,  DEAD -> FAILED only by `discard`

Delivery is at least once; the result is effectively once because a claim is a write conditional on the ETag, and
every commit is a transactional batch conditional on the fence of that claim. A batch also moves the job's subject
(a conversion, say) and makes the writes that the step returns, so nothing is ever half-committed.

Every document that is not terminal has a `due_at`, the moment the sweeper looks at it: a crash between a write and
its message costs time, never a job.
"""

import random
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from shared import clock, telemetry
from shared.documents import Create, Operation, Where, fields, store
from shared.documents.fields import Change, assign, increment, path_of, where
from shared.documents.repository import Repository
from shared.errors import BatchFailed, DocumentNotFound, NotFound, PreconditionFailed, StudioError
from shared.jobs import queues
from shared.jobs.models import FailedAttempt, Job, JobError, JobId, JobProgress, JobStatus, JobSubject, RunError
from shared.jobs.settings import KEEP_S, job_settings

CONTAINER: Final = Job.container
jobs: Final = Repository(Job)
ATTEMPTS_KEPT: Final = 20
"""Failed attempts kept with a job."""


class LeaseLost(Exception):
    """Another worker owns the job now; drop the work and commit nothing."""


class CancelRequested(Exception):
    """The user asked to stop; raised inside a step between two of its parts."""


class Outcome(NamedTuple):
    """What a step wants committed together with its job's new state.

    Args:
        result: small facts for `GET jobs/{id}`, no URLs.
        operations: writes in the user's partition of `studio`; a created job is also sent to its queue.
        subject: changes of the subject besides its status.
        progress: the last one, so that it is no write of its own.
    """

    result: BaseModel | None = None
    operations: Sequence[Operation] = ()
    subject: Sequence[Change] = ()
    progress: JobProgress | None = None

    def result_item(self) -> dict[str, Any]:
        """The result as JSON data."""
        return {} if self.result is None else to_jsonable_python(self.result, by_alias=True)


def new_job(
    kind: str,
    queue: str,
    user_id: str,
    payload: BaseModel | None,
    *,
    id: str | None = None,
    subject_id: str | None = None,
    max_attempts: int | None = None,
    request_id: str | None = None,
) -> Job:
    """The document of a job not yet stored: create it (alone or in a batch), then `enqueue` it.

    Args:
        kind: what the job does, `convert` or `notify.email` say; a label of metrics.
        payload: what the worker needs, by name and id, never bytes or URLs.
        id: a deterministic id where the same act must make the same job; a ULID by default.
        subject_id: id of a document in the same partition whose `status` follows the job's.
    """
    at = clock.now()
    return Job(
        id=JobId(id) if id else JobId.new(),
        user_id=user_id,
        kind=kind,
        queue=queue,
        max_attempts=max_attempts or job_settings().job_max_attempts,
        payload={} if payload is None else to_jsonable_python(payload, by_alias=True),
        subject_id=subject_id,
        request_id=request_id,
        traceparent=telemetry.traceparent(),
        created_at=clock.iso(at),
        updated_at=clock.iso(at),
        due_at=at + job_settings().job_orphan_s,
    )


def pointer(job: Job) -> dict[str, Any]:
    """The message that asks for a job's next attempt."""
    return {
        "v": 1,
        "jobId": job.id,
        "userId": job.user_id,
        "generation": job.generation,
        "attempt": job.attempt + 1,
        "traceparent": job.traceparent,
    }


def enqueue(job: Job, *, delay_s: float = 0) -> None:
    """Send the pointer to a stored job's next attempt. A failure here loses nothing: the sweeper sends it later."""
    _send([job], delay_s)


def _send(together: Sequence[Job], delay_s: float = 0) -> None:
    """Send one message for jobs of the same queue and user."""
    first, *others = together
    message = pointer(first) | ({"others": [pointer(other) for other in others]} if others else {})
    try:
        queues.send(first.queue, message, delay_s=delay_s)
    except Exception as error:
        for job in together:
            telemetry.log("job.enqueue_failed", level="warning", jobId=job.id, error=type(error).__name__)
    else:
        for job in together:
            telemetry.count("studio_jobs_enqueued", kind=job.kind)


def enqueue_created(operations: Sequence[Operation]) -> None:
    """Send the pointers of the jobs that a committed batch created; those of `TOGETHER` in one message a user."""
    shared: dict[tuple[str, str], list[Job]] = {}
    for operation in operations:
        if isinstance(operation, Create) and operation.item.get("type") == "job":
            job = Job.model_validate(dict(operation.item))
            if job.queue in queues.TOGETHER:
                shared.setdefault((job.queue, job.user_id), []).append(job)
            else:
                enqueue(job)
    for together in shared.values():
        _send(together)


def load(job_id: str, user_id: str) -> Job:
    """The user's job. Raises NotFound, for another user's one too."""
    job = jobs.find(job_id, user_id)
    if job is None:
        raise NotFound("there is no such job", code="job_not_found")
    return job


def claim(job: Job, owner: str) -> Job | None:
    """Start the next attempt for `owner`; None when another worker was faster.

    The caller has checked that the job is claimable (see `consumer`).
    """
    lease = clock.now() + job_settings().job_lease_s
    changes: list[Change] = [
        assign(Job.status, JobStatus.PROCESSING),
        assign(Job.attempt, job.attempt + 1),
        assign(Job.fence, job.fence + 1),
        assign(Job.lease_owner, owner),
        assign(Job.lease_until, lease),
        assign(Job.due_at, lease + job_settings().job_grace_s),
        assign(Job.attempt_started_at, clock.now()),
    ]
    # A patch holds ten changes at most.
    if job.started_at is None:
        changes.append(assign(Job.started_at, clock.iso()))
    if job.status is JobStatus.PROCESSING:
        # Its lease has run out: the worker before this one has stopped.
        stopped = StudioError("the worker stopped while it ran this job", code="worker_stopped")
        changes.append(_with_failure(job, stopped))
    try:
        return transition(job, JobStatus.PROCESSING, changes, etag=job.etag)
    except PreconditionFailed:
        return None


def _is_held(job: Job) -> tuple[Where, ...]:
    return (where(Job.status, "=", JobStatus.PROCESSING), where(Job.fence, "=", job.fence))


def renew(job: Job, *, progress: JobProgress | None = None) -> Job:
    """Prolong the lease of a running job and store its progress.

    Raises:
        LeaseLost: another worker holds the job now.
        CancelRequested: its user wants it stopped.
    """
    lease = clock.now() + job_settings().job_lease_s
    changes: list[Change] = [
        assign(Job.lease_until, lease), assign(Job.due_at, lease + job_settings().job_grace_s), increment(Job.seq),
    ]  # fmt: skip
    if progress is not None:
        changes += [assign(Job.progress, progress), assign(Job.updated_at, clock.iso())]
    try:
        fresh = jobs.patch(job.id, job.user_id, *changes, where=_is_held(job))
    except StudioError as error:
        if error.code in ("precondition_failed", "document_not_found"):
            raise LeaseLost from None
        raise
    if fresh.cancel_requested:
        raise CancelRequested
    return fresh


def complete(job: Job, outcome: Outcome) -> Job:
    """Commit a finished job: state, subject and the step's writes in one batch.

    Raises:
        LeaseLost: another worker has it; nothing was written.
        CancelRequested: the user was faster; nothing was written.
    """
    guard = (*_is_held(job), where(Job.cancel_requested, "=", False))
    try:
        return _close(job, JobStatus.COMPLETED, outcome, error=None, where=guard)
    except (PreconditionFailed, DocumentNotFound):
        current = jobs.find(job.id, job.user_id)
        if current and current.status is JobStatus.PROCESSING and current.fence == job.fence:
            raise CancelRequested from None
        raise LeaseLost from None


def close(job: Job, status: JobStatus, outcome: Outcome, error: StudioError | None) -> Job:
    """End a job as FAILED, CANCELLED or DEAD.

    A running one is guarded by its fence, any other by its ETag. Raises LeaseLost when it was moved meanwhile.
    """
    try:
        if job.status is JobStatus.PROCESSING:
            return _close(job, status, outcome, error, where=_is_held(job))
        return _close(job, status, outcome, error, etag=job.etag)
    except (PreconditionFailed, DocumentNotFound):
        raise LeaseLost from None


def retry(job: Job, error: StudioError) -> Job:
    """Park a running job until its next attempt and send the delayed pointer.

    The delay is full jitter over exponential growth, `random(0, min(cap, base * 2^attempt))` (M. Brooker,
    "Exponential Backoff And Jitter", AWS Architecture Blog, 2015), and never shorter than the provider asked for. An
    error that `waits` takes its attempt back and leaves the moment of the first such wait in `waiting_since`.

    Raises:
        LeaseLost: another worker has it.
    """
    conf = job_settings()
    counts = {**job.error_counts, error.code: job.error_counts.get(error.code, 0) + 1}
    doublings = min(max(job.attempt, counts[error.code]), 30)
    ceiling = min(conf.job_backoff_cap_s, conf.job_backoff_base_s * 2**doublings)
    delay = max(random.uniform(0, ceiling), error.retry_after or 0)
    due = clock.now() + delay
    changes = (
        assign(Job.status, JobStatus.RETRYING),
        assign(Job.next_at, due),
        assign(Job.due_at, due + conf.job_grace_s),
        assign(Job.last_error, JobError.of(error)),
        _with_failure(job, error, next_at=due),
        assign(Job.error_counts, counts),
        assign(Job.attempt, job.attempt - error.waits),
        assign(Job.waiting_since, clock.now() - waited(job) if error.waits else None),
    )
    try:
        parked = transition(job, JobStatus.RETRYING, changes, where=_is_held(job))
    except PreconditionFailed:
        raise LeaseLost from None
    telemetry.count("studio_jobs_retried", kind=job.kind, code=error.code)
    enqueue(parked, delay_s=delay)
    return parked


def _with_failure(job: Job, error: StudioError, *, next_at: float | None = None) -> Change:
    """The failure of the current attempt, added to those before."""
    failed = FailedAttempt(
        generation=job.generation,
        attempt=job.attempt,
        started_at=None if job.attempt_started_at is None else clock.iso(job.attempt_started_at),
        ended_at=clock.iso(),
        code=error.code,
        message=error.message,
        next_at=None if next_at is None else clock.iso(next_at),
    )
    return assign(Job.failed_attempts, [*job.failed_attempts, failed][-ATTEMPTS_KEPT:])


def waited(job: Job) -> float:
    """Seconds for which a job has been waiting without using up an attempt; 0 since a redrive."""
    since = job.waiting_since if job.error_counts else None
    return 0.0 if since is None else clock.now() - since


def _close(
    job: Job,
    status: JobStatus,
    outcome: Outcome,
    error: StudioError | None,
    *,
    where: Sequence[Where] = (),
    etag: str | None = None,
) -> Job:
    changes: list[Change] = [
        assign(Job.status, status),
        assign(Job.result, outcome.result_item()),
        assign(Job.finished_at, clock.iso()),
        assign(Job.due_at, None),
    ]
    if status in (JobStatus.COMPLETED, JobStatus.CANCELLED):
        changes.append(assign(Job.ttl, KEEP_S))
    if outcome.progress is not None:
        changes.append(assign(Job.progress, outcome.progress))
    subject = list(outcome.subject)
    if error is not None:
        changes += [assign(Job.last_error, JobError.of(error)), _with_failure(job, error)]
        if not any(change.path == path_of(JobSubject.error) for change in subject):
            subject = [*subject, assign(JobSubject.error, RunError(code=error.code, message=error.message))]
    closed = transition(job, status, changes, where=where, etag=etag, subject=subject, operations=outcome.operations)
    telemetry.count("studio_jobs_ended", kind=job.kind, status=status)
    if job.attempt_started_at is not None:
        seconds = clock.now() - job.attempt_started_at
        telemetry.observe("studio_job_seconds", seconds, kind=job.kind, status=status)
    return closed


def transition(
    job: Job,
    status: JobStatus,
    changes: Sequence[Change],
    *,
    where: Sequence[Where] = (),
    etag: str | None = None,
    subject: Sequence[Change] = (),
    operations: Sequence[Operation] = (),
) -> Job:
    """Write a job's new state, its subject's, and `operations` in one batch; send the jobs it created.

    Raises:
        PreconditionFailed: the guard of the job itself did not hold.
        BatchFailed: one of the other operations failed; nothing was written.
    """
    at = clock.iso()
    moved = jobs.change(job.id, *changes, assign(Job.updated_at, at), increment(Job.seq), where=where, etag=etag)
    batch: list[Operation] = [moved]
    if job.subject_id:
        follow = (assign(JobSubject.status, status.run), assign(JobSubject.updated_at, at))
        batch.append(fields.patch(job.subject_id, [*follow, *subject]))
    batch.extend(operations)
    try:
        try:
            fresh = store().batch(CONTAINER, job.user_id, batch)[0]
        except BatchFailed as failure:
            gone = failure.index == 1 and job.subject_id and isinstance(failure.cause, DocumentNotFound)
            if not gone:
                raise
            # The subject was deleted meanwhile; its job must still be able to end.
            del batch[1]
            fresh = store().batch(CONTAINER, job.user_id, batch)[0]
    except BatchFailed as failure:
        if failure.index == 0:
            raise failure.cause from None
        raise
    enqueue_created(operations)
    return jobs.load(fresh)
