"""Operating: dead letters and their redrive."""

from __future__ import annotations

from functions.admin.models import DeadLetter, DeadLetterList, DeadLettersQuery
from shared import audit
from shared.documents import Document, Where, store
from shared.errors import NotFound
from shared.http.auth import Principal
from shared.jobs import protocol


def dead_letters(query: DeadLettersQuery) -> DeadLetterList:
    """Jobs of all users that were given up, latest first."""
    page = store().query(
        protocol.CONTAINER,
        Where("type", "=", "job"),
        Where("status", "=", query.status),
        order_by="updatedAt",
        descending=True,
        limit=query.limit,
        continuation=query.continuation,
    )
    return DeadLetterList(items=[_view(job) for job in page.items], continuation=page.continuation)


def redrive(admin: Principal, id: str) -> DeadLetter:
    """Give a dead or failed job a new life.

    Raises:
        NotFound: there is no such job.
        Conflict: it is neither dead nor failed.
    """
    found = store().query(protocol.CONTAINER, Where("type", "=", "job"), Where("id", "=", f"job:{id}"), limit=1).items
    if not found:
        raise NotFound("there is no such job", code="job_not_found")
    revived = protocol.redrive(found[0])
    audit.record(admin.user_id, "JOB_REDRIVEN", subject=id, owner=revived["userId"])
    return _view(revived)


def _view(job: Document) -> DeadLetter:
    return DeadLetter(
        id=job["id"].removeprefix("job:"),
        user_id=job["userId"],
        kind=job["kind"],
        status=job["status"],
        attempt=job["attempt"],
        generation=job["generation"],
        error=job.get("lastError"),
        payload=job["payload"],
        created_at=job["createdAt"],
        updated_at=job["updatedAt"],
    )
