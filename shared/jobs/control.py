"""What users and administrators do to jobs: cancel, redrive, discard."""

from __future__ import annotations

from collections.abc import Sequence

from shared import clock
from shared.documents import Operation
from shared.documents.fields import Change, assign, increment, where
from shared.errors import Conflict, PreconditionFailed
from shared.jobs import protocol
from shared.jobs.models import OPEN, REDRIVABLE, Discard, Job, JobStatus, JobSubject
from shared.jobs.settings import job_settings


def request_cancel(job: Job) -> Job:
    """Request that a job stop. Its queue's consumer closes a waiting one immediately, a running one between two steps.

    Raises:
        Conflict: the job has ended already.
    """
    try:
        fresh = protocol.jobs.patch(
            job.id,
            job.user_id,
            assign(Job.cancel_requested, True),
            assign(Job.due_at, clock.now() + job_settings().job_grace_s),
            increment(Job.seq),
            where=(where(Job.status, "in", OPEN),),
        )
    except PreconditionFailed:
        raise Conflict("the job has ended already and can't be cancelled", code="job_ended") from None
    if fresh.status is not JobStatus.PROCESSING:
        protocol.enqueue(fresh)
    return fresh


def redrive(job: Job, *, subject: Sequence[Change] = (), operations: Sequence[Operation] = ()) -> Job:
    """Queue a FAILED or DEAD job again: generation + 1, no attempts used.

    Args:
        subject: changes of the subject besides its status and error.
        operations: writes that must hold for it, a payment say.

    Raises:
        Conflict: it is in another state.
        BatchFailed: one of the operations failed; nothing was written.
    """
    changes = (
        assign(Job.status, JobStatus.QUEUED),
        assign(Job.generation, job.generation + 1),
        assign(Job.attempt, 0),
        assign(Job.error_counts, {}),
        assign(Job.cancel_requested, False),
        assign(Job.started_at, None),
        assign(Job.due_at, clock.now() + job_settings().job_orphan_s),
        assign(Job.sweeps, 0),
    )
    if job.status not in REDRIVABLE:
        raise Conflict(f"only failed and dead jobs can be redriven, this one is {job.status}", code="job_state")
    try:
        fresh = protocol.transition(
            job,
            JobStatus.QUEUED,
            changes,
            etag=job.etag,
            subject=[assign(JobSubject.error, None), *subject],
            operations=operations,
        )
    except PreconditionFailed:
        raise Conflict("the job was changed meanwhile", code="job_state") from None
    protocol.enqueue(fresh)
    return fresh


def discard(job: Job, by: str, reason: str) -> Job:
    """Give up a DEAD job: it is FAILED from now on, its subject stays as it is.

    Args:
        by: id of the administrator.

    Raises:
        Conflict: it is in another state.
    """
    changes = (
        assign(Job.status, JobStatus.FAILED),
        assign(Job.discarded, Discard(by=by, reason=reason, at=clock.iso())),
    )
    try:
        if job.status is JobStatus.DEAD:
            return protocol.transition(job, JobStatus.FAILED, changes, etag=job.etag)
    except PreconditionFailed:
        raise Conflict("the job was changed meanwhile", code="job_state") from None
    raise Conflict(f"only dead jobs can be discarded, this one is {job.status}", code="job_state")
