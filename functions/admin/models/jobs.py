"""Requests and answers about jobs."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from functions.admin.models.common import Kind, Name
from shared.http.models import Answer, Query
from shared.http.page_query import PageQuery
from shared.jobs.models import FailedAttempt, JobStatus


class JobsQuery(PageQuery):
    """Which jobs to list, latest change first."""

    status: JobStatus | None = None
    kind: Kind | None = None
    user_id: Name | None = None


class JobCountsQuery(Query):
    """Which jobs to count."""

    kind: Kind | None = None


class JobCounts(Answer):
    """How many jobs are in each state."""

    counts: dict[str, int]


class JobSummary(Answer):
    """A job of any user."""

    id: str
    user_id: str
    kind: str
    queue: str
    status: str
    attempt: int
    max_attempts: int
    generation: int
    error: dict[str, Any] | None
    created_at: str
    updated_at: str


class JobDetail(JobSummary):
    """A job with its payload and result."""

    payload: dict[str, Any]
    result: dict[str, Any] | None
    progress: dict[str, Any] | None
    subject_id: str | None
    request_id: str | None
    cancel_requested: bool
    started_at: str | None = Field(description="of the first attempt since the last redrive")
    finished_at: str | None
    failed_attempts: list[FailedAttempt] = Field(description="the latest 20, oldest first")
    next_attempt_at: str | None


class JobList(Answer):
    """A page of jobs."""

    items: list[JobSummary]
    continuation: str | None = None
