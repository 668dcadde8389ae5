"""Requests and answers of jobs."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from shared.http.models import Answer, Query
from shared.jobs.models import JobError, JobProgress, JobStatus


class JobQuery(Query):
    """How long to wait for a change of the job."""

    wait: int = Field(default=0, ge=0, le=30, description="seconds to wait for a change")
    seq: int | None = Field(
        default=None, ge=0, description="answer as soon as the job's `seq` is another; without it: when it has ended"
    )


class Job(Answer):
    """A job: its state, progress and result."""

    id: str
    kind: str = Field(description="what it does, `convert` for example")
    status: JobStatus
    attempt: int = Field(description="attempts started since the last redrive")
    max_attempts: int
    generation: int = Field(description="grows with every redrive")
    seq: int = Field(description="grows with every change")
    progress: JobProgress | None
    result: dict[str, Any] | None
    error: JobError | None = Field(description="of the last attempt that failed")
    next_attempt_at: str | None = Field(description="RFC 3339, UTC; only while it is retrying")
    subject_id: str | None = Field(description="id of what the job works on, a conversion for example")
    created_at: str
    updated_at: str
