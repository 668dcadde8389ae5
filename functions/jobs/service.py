"""One's jobs: how they stand, waiting for them, stopping them, trying again."""

from __future__ import annotations

import threading
import time

from functions.jobs import models
from functions.jobs.models import JobQuery
from shared import audit, clock
from shared.commerce import quota
from shared.commerce.documents import billables
from shared.errors import BatchFailed, Conflict, PreconditionFailed
from shared.http.auth import Principal
from shared.jobs import control, protocol
from shared.jobs.models import TERMINAL, Job, JobStatus

_waiting = threading.BoundedSemaphore(16)
"""Half of a process's threads may wait for jobs; a caller beyond them is answered at once, so that work goes on."""


def job(user: Principal, id: str, query: JobQuery) -> models.Job:
    """One's job; with `wait` as soon as it has changed or ended. Raises NotFound, for a foreign one too."""
    if not query.wait or not _waiting.acquire(blocking=False):
        return view(protocol.load(f"job:{id}", user.user_id))
    try:
        return _awaited(user, id, query)
    finally:
        _waiting.release()


def _awaited(user: Principal, id: str, query: JobQuery) -> models.Job:
    until = time.monotonic() + query.wait
    pause = 0.1
    while True:
        found = protocol.load(f"job:{id}", user.user_id)
        changed = query.seq is not None and found["seq"] != query.seq
        left = until - time.monotonic()
        if changed or found["status"] in TERMINAL or left <= 0:
            return view(found)
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, 1.0)


def cancel(user: Principal, id: str) -> models.Job:
    """Ask that a job stop. Raises Conflict when it has ended."""
    stopped = control.request_cancel(protocol.load(f"job:{id}", user.user_id))
    audit.record(user.user_id, "JOB_CANCELLED", subject=id)
    return view(stopped)


def retry(user: Principal, id: str) -> models.Job:
    """Try a dead job again. One that failed for good would fail again and is refused.

    Raises:
        Conflict: the job is not dead.
        QuotaExceeded: what it makes has to be paid for again, and nothing is left.
    """
    found = protocol.load(f"job:{id}", user.user_id)
    if found["status"] != JobStatus.DEAD:
        raise Conflict(f"the job is {found['status']}; only dead jobs can be tried again", code="job_state")
    revived = _paid_redrive(found)
    audit.record(user.user_id, "JOB_RETRIED", subject=id)
    return view(revived)


def _paid_redrive(found: Job) -> Job:
    """Redrive a job; where its subject's payment was given back, it is taken again in the same batch.

    Raises:
        QuotaExceeded: there is nothing to pay with.
    """
    subject = billables.find(found.subject_id, found.user_id) if found.subject_id else None
    if subject is None or subject.charged:
        return control.redrive(found)
    for payment in quota.reservations(found.user_id):
        try:
            return control.redrive(found, subject=payment.changes, operations=[payment.operation])
        except BatchFailed as failure:
            if not isinstance(failure.cause, PreconditionFailed):
                raise
    raise quota.exceeded_error()


def view(found: Job) -> models.Job:
    """A job as an answer."""
    waits = found["status"] == JobStatus.RETRYING and found.get("nextAt")
    return models.Job(
        id=found["id"].removeprefix("job:"),
        kind=found["kind"],
        status=found["status"],
        attempt=found["attempt"],
        max_attempts=found["maxAttempts"],
        generation=found["generation"],
        seq=found["seq"],
        progress=found.get("progress"),
        result=found.get("result"),
        error=found.get("lastError"),
        next_attempt_at=clock.iso(found["nextAt"]) if waits else None,
        subject_id=(found.get("subjectId") or "").rpartition(":")[2] or None,
        created_at=found["createdAt"],
        updated_at=found["updatedAt"],
    )
