"""The job protocol: a document is the truth, a queue message only points at it.

    QUEUED -> RUNNING -> DONE | FAILED | CANCELLED,  RUNNING -> RETRY_WAIT -> RUNNING,  any -> DEAD
    FAILED | DEAD -> QUEUED only by `redrive`, with a new generation,  DEAD -> FAILED only by `discard`

Delivery is at least once; the result is effectively once because a claim is a write conditional on the ETag, and
every commit is a transactional batch conditional on the fence of that claim. A batch also moves the job's subject
(a conversion, say) and writes whatever the step hands in, so nothing is ever half-committed.

Every document that is not terminal carries `dueAt`, the moment the sweeper looks at it: a crash between a write and
its message loses time, never a job.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from shared import clock, telemetry
from shared.documents import Create, Document, Operation, Patch, Where, store
from shared.errors import BatchFailed, DocumentNotFound, NotFound, PreconditionFailed, StudioError
from shared.jobs import queues
from shared.settings import settings

CONTAINER: Final = "studio"

QUEUED: Final = "queued"
RUNNING: Final = "running"
RETRY_WAIT: Final = "retry_wait"
DONE: Final = "done"
FAILED: Final = "failed"
CANCELLED: Final = "cancelled"
DEAD: Final = "dead"
OPEN: Final = (QUEUED, RUNNING, RETRY_WAIT)
TERMINAL: Final = (DONE, FAILED, CANCELLED, DEAD)
REDRIVABLE: Final = (FAILED, DEAD)

SUBJECT_STATUS: Final = {
    QUEUED: "queued",
    RUNNING: "processing",
    RETRY_WAIT: "retrying",
    DONE: "completed",
    FAILED: "failed",
    CANCELLED: "cancelled",
    DEAD: "failed",
}
"""What the job's subject calls the state its job is in."""


class LeaseLost(Exception):
    """Another worker owns the job now; drop the work and commit nothing."""


class CancelRequested(Exception):
    """The user asked to stop; raised inside a step between two of its parts."""


@dataclass(frozen=True)
class Outcome:
    """What a step wants committed together with its job's new state.

    Args:
        result: small facts for `GET jobs/{id}`, JSON-serialisable, no URLs.
        operations: writes in the user's partition of `studio`; a created job is also sent to its queue.
        subject: fields to set on the subject beside its status.
    """

    result: Mapping[str, Any] = field(default_factory=dict[str, Any])
    operations: Sequence[Operation] = ()
    subject: Mapping[str, Any] = field(default_factory=dict[str, Any])


def new_job(
    kind: str,
    queue: str,
    user_id: str,
    payload: Mapping[str, Any],
    *,
    id: str | None = None,
    subject_id: str | None = None,
    max_attempts: int | None = None,
    request_id: str | None = None,
) -> dict[str, Any]:
    """The document of a job not yet stored: create it (alone or in a batch), then `enqueue` it.

    Args:
        kind: what the job does, `convert` or `notify.email` say; a label of metrics.
        payload: what the worker needs, by name and id, never bytes or URLs.
        id: a deterministic id where the same act must make the same job; a ULID by default.
        subject_id: id of a document in the same partition whose `status` follows the job's.
    """
    at = clock.now()
    return {
        "id": id or f"job:{clock.new_id()}",
        "userId": user_id,
        "type": "job",
        "kind": kind,
        "queue": queue,
        "status": QUEUED,
        "attempt": 0,
        "maxAttempts": max_attempts or settings().job_max_attempts,
        "generation": 1,
        "fence": 0,
        "seq": 0,
        "cancelRequested": False,
        "payload": dict(payload),
        "subjectId": subject_id,
        "errorCounts": {},
        "requestId": request_id,
        "traceparent": telemetry.traceparent(),
        "createdAt": clock.iso(at),
        "updatedAt": clock.iso(at),
        "dueAt": at + settings().job_orphan_s,
        "sweeps": 0,
    }


def pointer(job: Mapping[str, Any]) -> dict[str, Any]:
    """The message that asks for a job's next attempt."""
    return {
        "v": 1,
        "jobId": job["id"],
        "userId": job["userId"],
        "generation": job["generation"],
        "attempt": job["attempt"] + 1,
        "traceparent": job.get("traceparent"),
    }


def enqueue(job: Mapping[str, Any], *, delay_s: float = 0) -> None:
    """Send the pointer to a stored job's next attempt. A failure here loses nothing: the sweeper sends it later."""
    try:
        queues.send(job["queue"], pointer(job), delay_s=delay_s)
    except Exception as error:
        telemetry.log("job.enqueue_failed", level="warning", jobId=job["id"], error=type(error).__name__)
    else:
        telemetry.count("studio_jobs_enqueued", kind=job["kind"])


def load(job_id: str, user_id: str) -> Document:
    """The user's job. Raises NotFound, for a foreign one too."""
    job = store().find(CONTAINER, job_id, user_id)
    if job is None or job.get("type") != "job":
        raise NotFound("there is no such job", code="job_not_found")
    return job


def claim(job: Document, owner: str) -> Document | None:
    """Start the next attempt for `owner`; None when another worker was faster.

    The caller has checked that the job is claimable (see `consumer`).
    """
    attempt = job["attempt"] + 1
    lease = clock.now() + settings().job_lease_s
    changes = {
        "status": RUNNING,
        "attempt": attempt,
        "fence": job["fence"] + 1,
        "leaseOwner": owner,
        "leaseUntil": lease,
        "dueAt": lease + settings().job_grace_s,
        "startedAt": job.get("startedAt") or clock.iso(),
        "attemptStartedAt": clock.now(),
    }
    try:
        return transition(job, changes, etag=job.etag)
    except PreconditionFailed:
        return None


def _mine(job: Mapping[str, Any]) -> tuple[Where, ...]:
    return (Where("status", "=", RUNNING), Where("fence", "=", job["fence"]))


def renew(job: Mapping[str, Any], *, progress: Mapping[str, Any] | None = None) -> Document:
    """Prolong the lease of a running job and note its progress.

    Raises:
        LeaseLost: the job is not this worker's any more.
        CancelRequested: it is, but the user wants it stopped.
    """
    lease = clock.now() + settings().job_lease_s
    changes: dict[str, Any] = {"leaseUntil": lease, "dueAt": lease + settings().job_grace_s}
    if progress is not None:
        changes["progress"] = dict(progress)
        changes["updatedAt"] = clock.iso()
    try:
        fresh = store().patch(CONTAINER, job["id"], job["userId"], set=changes, incr={"seq": 1}, where=_mine(job))
    except StudioError as error:
        if error.code in ("precondition_failed", "document_not_found"):
            raise LeaseLost from None
        raise
    if fresh["cancelRequested"]:
        raise CancelRequested
    return fresh


def complete(job: Document, outcome: Outcome) -> Document:
    """Commit a finished job: state, subject and the step's writes in one batch.

    Raises:
        LeaseLost: another worker has it; nothing was written.
        CancelRequested: the user was faster; nothing was written.
    """
    guard = (*_mine(job), Where("cancelRequested", "=", False))
    try:
        return _close(job, DONE, outcome, error=None, where=guard)
    except (PreconditionFailed, DocumentNotFound):
        current = store().find(CONTAINER, job["id"], job["userId"])
        if current and current["status"] == RUNNING and current["fence"] == job["fence"]:
            raise CancelRequested from None
        raise LeaseLost from None


def close(job: Document, status: str, outcome: Outcome, error: StudioError | None) -> Document:
    """End a job as FAILED, CANCELLED or DEAD.

    A running one is guarded by its fence, any other by its ETag. Raises LeaseLost when somebody else moved it.
    """
    try:
        if job["status"] == RUNNING:
            return _close(job, status, outcome, error, where=_mine(job))
        return _close(job, status, outcome, error, etag=job.etag)
    except (PreconditionFailed, DocumentNotFound):
        raise LeaseLost from None


def retry(job: Document, error: StudioError) -> Document:
    """Park a running job until its next attempt and send the delayed pointer.

    The delay is full jitter over exponential growth, `random(0, min(cap, base * 2^attempt))` (M. Brooker,
    "Exponential Backoff And Jitter", AWS Architecture Blog, 2015), and never shorter than the provider asked for. An
    error that `waits` takes its attempt back and leaves the moment of the first such wait in `waitingSince`.

    Raises:
        LeaseLost: another worker has it.
    """
    conf = settings()
    counts = dict(job.get("errorCounts") or {})
    counts[error.code] = counts.get(error.code, 0) + 1
    doublings = min(max(job["attempt"], counts[error.code]), 30)
    ceiling = min(conf.job_backoff_cap_s, conf.job_backoff_base_s * 2**doublings)
    delay = max(random.uniform(0, ceiling), error.retry_after or 0)
    due = clock.now() + delay
    changes = {
        "status": RETRY_WAIT,
        "nextAt": due,
        "dueAt": due + conf.job_grace_s,
        "lastError": describe(error),
        "errorCounts": counts,
        "leaseUntil": None,
        "attempt": job["attempt"] - error.waits,
        "waitingSince": clock.now() - waited(job) if error.waits else None,
    }
    try:
        parked = transition(job, changes, where=_mine(job))
    except PreconditionFailed:
        raise LeaseLost from None
    telemetry.count("studio_jobs_retried", kind=job["kind"], code=error.code)
    enqueue(parked, delay_s=delay)
    return parked


def waited(job: Mapping[str, Any]) -> float:
    """Seconds for which a job has been waiting without using up an attempt; 0 since a redrive."""
    since = job.get("waitingSince") if job.get("errorCounts") else None
    return 0.0 if since is None else clock.now() - since


def describe(error: StudioError) -> dict[str, Any]:
    """How an error stands in a document: `{code, message, retryable, at}`."""
    return {"code": error.code, "message": error.message, "retryable": error.retryable, "at": clock.iso()}


def _close(
    job: Document,
    status: str,
    outcome: Outcome,
    error: StudioError | None,
    *,
    where: Sequence[Where] = (),
    etag: str | None = None,
) -> Document:
    changes: dict[str, Any] = {
        "status": status,
        "result": dict(outcome.result),
        "finishedAt": clock.iso(),
        "leaseUntil": None,
        "dueAt": None,
    }
    if status in (DONE, CANCELLED):
        changes["ttl"] = settings().job_keep_days * 24 * 3600
    subject = dict(outcome.subject)
    if error is not None:
        changes["lastError"] = describe(error)
        subject.setdefault("error", {"code": error.code, "message": error.message})
    closed = transition(job, changes, where=where, etag=etag, subject=subject, operations=outcome.operations)
    telemetry.count("studio_jobs_ended", kind=job["kind"], status=status)
    started = job.get("attemptStartedAt")
    if started is not None:
        telemetry.observe("studio_job_seconds", clock.now() - started, kind=job["kind"], status=status)
    return closed


def transition(
    job: Document,
    changes: Mapping[str, Any],
    *,
    where: Sequence[Where] = (),
    etag: str | None = None,
    subject: Mapping[str, Any] | None = None,
    operations: Sequence[Operation] = (),
) -> Document:
    """Write a job's new state, its subject's, and `operations` in one batch; send the jobs it created.

    Raises:
        PreconditionFailed: the guard of the job itself did not hold.
        BatchFailed: one of the other operations failed; nothing was written.
    """
    stamp = clock.iso()
    moved = Patch(job["id"], set={**changes, "updatedAt": stamp}, incr={"seq": 1}, where=tuple(where), etag=etag)
    batch: list[Operation] = [moved]
    if job.get("subjectId"):
        status = {"status": SUBJECT_STATUS[changes["status"]], "updatedAt": stamp}
        batch.append(Patch(job["subjectId"], set={**status, **(subject or {})}))
    batch.extend(operations)
    try:
        try:
            fresh = store().batch(CONTAINER, job["userId"], batch)[0]
        except BatchFailed as failure:
            gone = failure.index == 1 and job.get("subjectId") and isinstance(failure.cause, DocumentNotFound)
            if not gone:
                raise
            # The subject was deleted meanwhile; its job must still be able to end.
            del batch[1]
            fresh = store().batch(CONTAINER, job["userId"], batch)[0]
    except BatchFailed as failure:
        if failure.index == 0:
            raise failure.cause from None
        raise
    for operation in operations:
        if isinstance(operation, Create) and operation.item.get("type") == "job":
            enqueue(operation.item)
    return fresh
