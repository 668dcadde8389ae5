"""Dead letters: jobs that were given up. Looked at, given a new life, or discarded."""

from __future__ import annotations

from typing import Any

from functions.admin import jobs, trail
from functions.admin.models import (
    DeadLetter,
    DeadLetterDetail,
    DeadLetterList,
    DeadLettersQuery,
    Redriven,
    RedriveRequest,
)
from shared import audit
from shared.documents import Where
from shared.errors import Conflict, NotFound
from shared.http.auth import Principal
from shared.http.pages import list_latest
from shared.jobs import control, protocol
from shared.jobs.models import REDRIVABLE, Job


def listing(query: DeadLettersQuery) -> DeadLetterList:
    """Jobs of all users that were given up, latest first."""
    page = list_latest(protocol.jobs, query, *_given_up(query.status, query.kind), partition=None, by=Job.updated_at)
    return DeadLetterList(items=[DeadLetter(**_facts(job)) for job in page.items], continuation=page.continuation)


def inspect(admin: Principal, id: str) -> DeadLetterDetail:
    """One of them with payload, errors and history.

    Raises:
        NotFound: there is no such job, or it was not given up.
    """
    job = jobs.find(id)
    if job["status"] not in REDRIVABLE:
        raise NotFound("there is no such dead letter", code="dead_letter_not_found")
    audit.record(admin.user_id, "DEAD_LETTER_VIEWED", subject=id, owner=job["userId"])
    return DeadLetterDetail(
        **_facts(job),
        queue=job["queue"],
        max_attempts=job["maxAttempts"],
        error_counts=job.get("errorCounts") or {},
        progress=job.get("progress"),
        subject_id=job.get("subjectId"),
        request_id=job.get("requestId"),
        discarded=job.get("discarded"),
        history=trail.about(id),
    )


def redrive(admin: Principal, id: str, reason: str | None) -> DeadLetter:
    """Give a dead or failed job a new life.

    Raises:
        NotFound: there is no such job.
        Conflict: it is neither dead nor failed.
    """
    return DeadLetter(**_facts(_redrive(admin, jobs.find(id), reason)))


def redrive_all(admin: Principal, wanted: RedriveRequest) -> Redriven:
    """Give up to `limit` of them a new life; call again while there are more."""
    done = skipped = 0
    continuation: str | None = None
    while True:
        left = wanted.limit - done
        page = protocol.jobs.list(
            *_given_up(wanted.status, wanted.kind),
            limit=min(left, 100),
            continuation=continuation,
        )
        for job in page.items:
            try:
                _redrive(admin, job, wanted.reason)
                done += 1
            except (Conflict, NotFound):
                skipped += 1
        continuation = page.continuation
        if continuation is None or done >= wanted.limit:
            return Redriven(redriven=done, skipped=skipped, more=continuation is not None)


def discard(admin: Principal, id: str, reason: str) -> DeadLetter:
    """Give a dead letter up for good: it is a failed job from now on.

    Raises:
        NotFound: there is no such job.
        Conflict: it is not dead.
    """
    gone = control.discard(jobs.find(id), admin.user_id, reason)
    audit.record(admin.user_id, "JOB_DISCARDED", subject=id, owner=gone["userId"], reason=reason)
    return DeadLetter(**_facts(gone))


def _redrive(admin: Principal, job: Job, reason: str | None) -> Job:
    revived = control.redrive(job)
    audit.record(
        admin.user_id,
        "JOB_REDRIVEN",
        subject=job["id"].removeprefix("job:"),
        owner=job["userId"],
        reason=reason,
        generation=revived["generation"],
    )
    return revived


def _given_up(status: str, kind: str | None) -> list[Where]:
    where = [Where("type", "=", "job"), Where("status", "=", status)]
    return [*where, Where("kind", "=", kind)] if kind else where


def _facts(job: Job) -> dict[str, Any]:
    return {
        "id": job["id"].removeprefix("job:"),
        "user_id": job["userId"],
        "kind": job["kind"],
        "status": job["status"],
        "attempt": job["attempt"],
        "generation": job["generation"],
        "error": job.get("lastError"),
        "payload": job["payload"],
        "created_at": job["createdAt"],
        "updated_at": job["updatedAt"],
    }
