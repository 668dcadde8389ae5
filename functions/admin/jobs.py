"""Jobs of everybody: counted by state, listed, looked at."""

from __future__ import annotations

from typing import Any

from functions.admin.models import JobCounts, JobDetail, JobList, JobsQuery, JobSummary
from shared import audit, clock
from shared.documents import Document, Where, store
from shared.errors import NotFound
from shared.http.auth import Principal
from shared.http.pages import latest
from shared.jobs import protocol


def find(id: str) -> Document:
    """A job of anybody's by its id without prefix. Raises NotFound."""
    found = store().query(protocol.CONTAINER, Where("type", "=", "job"), Where("id", "=", f"job:{id}"), limit=1).items
    if not found:
        raise NotFound("there is no such job", code="job_not_found")
    return found[0]


def counts(kind: str | None) -> JobCounts:
    """How many jobs are in each state, of one kind or of all."""
    where = [Where("type", "=", "job")]
    if kind:
        where.append(Where("kind", "=", kind))
    states = (*protocol.OPEN, *protocol.TERMINAL)
    return JobCounts(
        counts={state: store().count(protocol.CONTAINER, *where, Where("status", "=", state)) for state in states}
    )


def listing(query: JobsQuery) -> JobList:
    """Jobs, latest change first."""
    wanted = {"type": "job", "status": query.status, "kind": query.kind}
    page = latest(protocol.CONTAINER, query, partition=query.user_id, by="updatedAt", **wanted)
    return JobList(items=[JobSummary(**_facts(job)) for job in page.items], continuation=page.continuation)


def detail(admin: Principal, id: str) -> JobDetail:
    """One job with payload and result. Raises NotFound."""
    job = find(id)
    audit.record(admin.user_id, "JOB_VIEWED", subject=id, owner=job["userId"])
    waits = job["status"] == protocol.RETRY_WAIT and job.get("nextAt")
    return JobDetail(
        **_facts(job),
        payload=job["payload"],
        result=job.get("result"),
        progress=job.get("progress"),
        subject_id=job.get("subjectId"),
        request_id=job.get("requestId"),
        next_attempt_at=clock.iso(job["nextAt"]) if waits else None,
    )


def _facts(job: Document) -> dict[str, Any]:
    return {
        "id": job["id"].removeprefix("job:"),
        "user_id": job["userId"],
        "kind": job["kind"],
        "queue": job["queue"],
        "status": job["status"],
        "attempt": job["attempt"],
        "max_attempts": job["maxAttempts"],
        "generation": job["generation"],
        "error": job.get("lastError"),
        "created_at": job["createdAt"],
        "updated_at": job["updatedAt"],
    }
