"""Requests and answers of jobs."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from shared.http.models import Answer, Query


class JobQuery(Query):
    """Long polling."""

    wait: int = Field(default=0, ge=0, le=30, description="seconds to wait for a change")
    seq: int | None = Field(
        default=None, ge=0, description="answer as soon as the job's `seq` is another; without it: when it ends"
    )


class Job(Answer):
    """How a job stands."""

    id: str
    kind: str
    status: str = Field(description="queued, running, retry_wait, done, failed, cancelled or dead")
    attempt: int
    max_attempts: int
    generation: int = Field(description="grows with every redrive")
    seq: int = Field(description="grows with every change")
    progress: dict[str, Any] | None
    result: dict[str, Any] | None
    error: dict[str, Any] | None = Field(description="of the last attempt that failed")
    next_attempt_at: str | None
    subject_id: str | None = Field(description="id of what the job makes, a conversion say")
    created_at: str
    updated_at: str
