"""Requests and answers about dead letters."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from functions.admin.models.audit import AuditEntryView
from functions.admin.models.common import Kind, Reason
from shared.http.models import Answer, Body, Query
from shared.http.page_query import PageQuery

type RedrivableStatus = Literal["dead", "failed"]


class DeadLettersQuery(PageQuery):
    """Which dead letters to list, latest first."""

    status: RedrivableStatus = "dead"
    kind: Kind | None = None


class DeadLetter(Answer):
    """A job that used up its attempts, or failed."""

    id: str
    user_id: str
    kind: str
    status: str
    attempt: int
    generation: int
    error: dict[str, Any] | None
    payload: dict[str, Any]
    created_at: str
    updated_at: str = Field(description="when it ended")


class DeadLetterDetail(DeadLetter):
    """A dead letter with errors and history."""

    queue: str
    max_attempts: int
    error_counts: dict[str, int] = Field(description="errors of this generation by code")
    progress: dict[str, Any] | None
    subject_id: str | None
    request_id: str | None
    discarded: dict[str, Any] | None = Field(description="{by, reason, at}")
    history: list[AuditEntryView] = Field(description="what administrators and its owner did to it, latest first")


class DeadLetterList(Answer):
    """A page of dead letters."""

    items: list[DeadLetter]
    continuation: str | None = None


class ReasonQuery(Query):
    """The reason, for the audit log."""

    reason: Reason | None = None


class RedriveRequest(Body):
    """Which dead letters to redrive."""

    status: RedrivableStatus = "dead"
    kind: Kind | None = None
    limit: int = Field(default=100, ge=1, le=200, description="the most to redrive in this call")
    reason: Reason


class Redriven(Answer):
    """The result of redriving dead letters."""

    redriven: int
    skipped: int = Field(description="changed by another request meanwhile")
    more: bool = Field(description="whether more are left: call again")


class DiscardRequest(Body):
    """The reason to discard a dead letter."""

    reason: Reason
