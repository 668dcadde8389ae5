"""Jobs of all users: counted by state, listed, read."""

from __future__ import annotations

from typing import Any

from functions.admin.models.jobs import JobCounts, JobDetail, JobList, JobsQuery, JobSummary
from shared import audit, clock
from shared.documents.fields import where
from shared.documents.model import Record
from shared.errors import NotFound
from shared.http.auth import Principal
from shared.http.pages import equals, list_latest
from shared.jobs import control, protocol
from shared.jobs.models import OPEN, TERMINAL, Job, JobId, JobStatus


def get_job(id: str) -> Job:
    """A job of any user, by the id that clients know. Raises NotFound."""
    found = protocol.jobs.list(where(Job.id, "=", JobId.of(id)), limit=1).items
    if not found:
        raise NotFound("there is no such job", code="job_not_found")
    return found[0]


def count_jobs(kind: str | None) -> JobCounts:
    """How many jobs are in each state, of one kind or of all."""
    of_kind = [where(Job.kind, "=", kind)] if kind else []
    states = (*OPEN, *TERMINAL)
    return JobCounts(counts={state: protocol.jobs.count(*of_kind, where(Job.status, "=", state)) for state in states})


def list_jobs(query: JobsQuery) -> JobList:
    """Jobs, latest change first."""
    wanted = (equals(Job.status, query.status), equals(Job.kind, query.kind))
    page = list_latest(protocol.jobs, query, *wanted, partition=query.user_id, by=Job.updated_at)
    items = [JobSummary.of(job, error=as_json(job.last_error)) for job in page.items]
    return JobList(items=items, continuation=page.continuation)


def get_job_detail(admin: Principal, id: str) -> JobDetail:
    """One job with payload and result. Raises NotFound."""
    job = get_job(id)
    audit.record(admin.user_id, "JOB_VIEWED", subject=id, owner=job.user_id)
    is_waiting = job.status is JobStatus.RETRYING and job.next_at is not None
    return JobDetail.of(
        job,
        error=as_json(job.last_error),
        progress=as_json(job.progress),
        next_attempt_at=clock.iso(job.next_at) if is_waiting else None,
    )


def cancel_job(admin: Principal, id: str, reason: str | None) -> JobSummary:
    """Ask that a job of any user stop.

    Raises:
        NotFound: there is no such job.
        Conflict: it has ended.
    """
    job = control.request_cancel(get_job(id))
    audit.record(admin.user_id, "JOB_CANCELLED", subject=id, owner=job.user_id, reason=reason)
    return JobSummary.of(job, error=as_json(job.last_error))


def as_json(record: Record | None) -> dict[str, Any] | None:
    """A part of a job as clients see it."""
    return None if record is None else record.model_dump(mode="json", by_alias=True)
