"""One's jobs: how they stand, waiting for them, stopping them, trying again."""

from __future__ import annotations

import time

from functions.jobs.models import Job, JobQuery
from shared import audit, clock
from shared.documents import Document
from shared.errors import Conflict
from shared.http.auth import Principal
from shared.jobs import protocol


def job(user: Principal, id: str, query: JobQuery) -> Job:
    """One's job; with `wait` as soon as it has changed or ended. Raises NotFound, for a foreign one too."""
    until = time.monotonic() + query.wait
    pause = 0.1
    while True:
        found = protocol.load(f"job:{id}", user.user_id)
        changed = query.seq is not None and found["seq"] != query.seq
        if changed or found["status"] in protocol.TERMINAL or time.monotonic() >= until:
            return view(found)
        time.sleep(min(pause, max(0.0, until - time.monotonic())))
        pause = min(pause * 1.5, 1.0)


def cancel(user: Principal, id: str) -> Job:
    """Ask that a job stop. Raises Conflict when it has ended."""
    stopped = protocol.request_cancel(protocol.load(f"job:{id}", user.user_id))
    audit.record(user.user_id, "JOB_CANCELLED", subject=id)
    return view(stopped)


def retry(user: Principal, id: str) -> Job:
    """Try a dead job again. One that failed for good would fail again and is refused.

    Raises:
        Conflict: the job is not dead.
    """
    found = protocol.load(f"job:{id}", user.user_id)
    if found["status"] != protocol.DEAD:
        raise Conflict(f"the job is {found['status']}; only dead jobs can be tried again", code="job_state")
    revived = protocol.redrive(found)
    audit.record(user.user_id, "JOB_RETRIED", subject=id)
    return view(revived)


def view(found: Document) -> Job:
    """A job as an answer."""
    waits = found["status"] == protocol.RETRY_WAIT and found.get("nextAt")
    return Job(
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
