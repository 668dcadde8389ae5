"""Reading a user's jobs, waiting for them, cancelling and retrying them."""

from __future__ import annotations

import time

from functions.jobs import models
from functions.jobs.models import JobQuery
from shared import audit, clock
from shared.commerce import quota
from shared.commerce.billable_documents import billables
from shared.errors import BatchFailed, Conflict, PreconditionFailed
from shared.http import shares
from shared.http.auth import Principal
from shared.jobs import control, protocol
from shared.jobs.models import TERMINAL, Job, JobId, JobStatus


def get_job(user: Principal, id: str, query: JobQuery) -> models.Job:
    """The user's job; with `wait` once it has changed or ended, or immediately while no thread is left for waiting.

    Raises:
        NotFound: it does not exist, or is another user's.
        TooManyRequests: the user waits for as many as one may.
    """
    if not query.wait:
        return _view(_get(user, id))
    if not shares.WAITS.take(0, user.user_id):
        if shares.WAITS.has_share(user.user_id):
            raise shares.too_many(shares.WAITS.share, user.user_id)
        return _view(_get(user, id))
    try:
        return _view(_wait(user, id, query))
    finally:
        shares.WAITS.give_back(user.user_id)


def _get(user: Principal, id: str) -> Job:
    return protocol.load(JobId.of(id), user.user_id)


def _wait(user: Principal, id: str, query: JobQuery) -> Job:
    until = time.monotonic() + query.wait
    pause = 0.1
    while True:
        job = _get(user, id)
        changed = query.seq is not None and job.seq != query.seq
        left = until - time.monotonic()
        if changed or job.status in TERMINAL or left <= 0:
            return job
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, 1.0)


def cancel_job(user: Principal, id: str) -> models.Job:
    """Ask that a job stop. Raises Conflict if it has ended."""
    job = control.request_cancel(_get(user, id))
    audit.record(user.user_id, "JOB_CANCELLED", subject=id)
    return _view(job)


def retry_job(user: Principal, id: str) -> models.Job:
    """Retry a dead job. One that failed permanently would fail again and is refused.

    Raises:
        Conflict: the job is not dead.
        QuotaExceeded: what it works on has to be paid for again, and nothing is left.
    """
    job = _get(user, id)
    if job.status is not JobStatus.DEAD:
        raise Conflict(f"the job is {job.status}; only dead jobs can be retried", code="job_state")
    redriven = _paid_redrive(job)
    audit.record(user.user_id, "JOB_RETRIED", subject=id)
    return _view(redriven)


def _paid_redrive(job: Job) -> Job:
    """Redrive a job; if the payment for its subject was released, the subject is paid for again in the same batch.

    Raises:
        QuotaExceeded: there is nothing to pay with.
    """
    subject = billables.find(job.subject_id, job.user_id) if job.subject_id else None
    if subject is None or subject.charged:
        return control.redrive(job)
    for payment in quota.reservations(job.user_id):
        try:
            return control.redrive(job, subject=payment.changes, operations=[payment.operation])
        except BatchFailed as failure:
            if not isinstance(failure.cause, PreconditionFailed):
                raise
    raise quota.exceeded_error()


def _view(job: Job) -> models.Job:
    waits = job.status is JobStatus.RETRYING and job.next_at
    return models.Job.of(
        job,
        error=job.last_error,
        next_attempt_at=clock.iso(job.next_at) if waits else None,
        subject_id=(job.subject_id or "").rpartition(":")[2] or None,
    )
