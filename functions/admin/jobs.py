"""Jobs of everybody: counted by state, listed, looked at."""

from __future__ import annotations

from typing import Any

from functions.admin.models import JobCounts, JobDetail, JobList, JobsQuery, JobSummary
from shared import audit, clock
from shared.documents.fields import where
from shared.errors import NotFound
from shared.http.auth import Principal
from shared.http.pages import equals, list_latest
from shared.jobs import protocol
from shared.jobs.models import OPEN, TERMINAL, Job, JobId, JobStatus


def find(id: str) -> Job:
    """A job of anybody's by its id without prefix. Raises NotFound."""
    found = protocol.jobs.list(where(Job.id, "=", JobId.of(id)), limit=1).items
    if not found:
        raise NotFound("there is no such job", code="job_not_found")
    return found[0]


def counts(kind: str | None) -> JobCounts:
    """How many jobs are in each state, of one kind or of all."""
    of_kind = [where(Job.kind, "=", kind)] if kind else []
    states = (*OPEN, *TERMINAL)
    return JobCounts(counts={state: protocol.jobs.count(*of_kind, where(Job.status, "=", state)) for state in states})


def listing(query: JobsQuery) -> JobList:
    """Jobs, latest change first."""
    wanted = (equals(Job.status, query.status), equals(Job.kind, query.kind))
    page = list_latest(protocol.jobs, query, *wanted, partition=query.user_id, by=Job.updated_at)
    return JobList(items=[JobSummary(**_facts(job)) for job in page.items], continuation=page.continuation)


def detail(admin: Principal, id: str) -> JobDetail:
    """One job with payload and result. Raises NotFound."""
    job = find(id)
    audit.record(admin.user_id, "JOB_VIEWED", subject=id, owner=job["userId"])
    waits = job["status"] == JobStatus.RETRYING and job.get("nextAt")
    return JobDetail(
        **_facts(job),
        payload=job["payload"],
        result=job.get("result"),
        progress=job.get("progress"),
        subject_id=job.get("subjectId"),
        request_id=job.get("requestId"),
        next_attempt_at=clock.iso(job["nextAt"]) if waits else None,
    )


def _facts(job: Job) -> dict[str, Any]:
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
