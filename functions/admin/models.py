"""Requests and answers of administration."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from shared.accounts.documents import Role
from shared.http.models import Answer, Body, PageQuery, Query

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500)]
type JobStatus = Literal["queued", "processing", "retrying", "completed", "failed", "cancelled", "dead"]
type RedrivableStatus = Literal["dead", "failed"]
Kind = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z._-]{0,63}$")]
Shop = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^/\\?#\x00-\x1f]+$")]


class AuditQuery(PageQuery):
    """Which entries of the audit log to list, latest first."""

    user_id: Name | None = Field(default=None, description="under whom it is kept: who acted, or whom it concerns")
    action: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z_]{1,63}$")] | None = None
    subject: Name | None = Field(default=None, description="id of what was acted on")
    since: AwareDatetime | None = None
    until: AwareDatetime | None = Field(default=None, description="exclusive")


class AuditEntry(Answer):
    """Who did what to what."""

    id: str
    user_id: str
    action: str
    subject: str | None
    ip: str | None
    at: str
    facts: dict[str, Any]


class AuditPage(Answer):
    """A page of the audit log."""

    items: list[AuditEntry]
    continuation: str | None = None


class DeadLettersQuery(PageQuery):
    """Which ended-in-failure jobs to list, latest first."""

    status: RedrivableStatus = "dead"
    kind: Kind | None = None


class DeadLetter(Answer):
    """A job that was given up."""

    id: str
    user_id: str
    kind: str
    status: str
    attempt: int
    generation: int
    error: dict[str, Any] | None
    payload: dict[str, Any]
    created_at: str
    updated_at: str = Field(description="when it was given up")


class DeadLetterDetail(DeadLetter):
    """A job that was given up, with all that is known of it."""

    queue: str
    max_attempts: int
    error_counts: dict[str, int] = Field(description="errors of this generation by code")
    progress: dict[str, Any] | None
    subject_id: str | None
    request_id: str | None
    discarded: dict[str, Any] | None = Field(description="{by, reason, at}")
    history: list[AuditEntry] = Field(description="what administrators and its owner did to it, latest first")


class DeadLetterList(Answer):
    """A page of dead letters."""

    items: list[DeadLetter]
    continuation: str | None = None


class ReasonQuery(Query):
    """Why, for the audit log."""

    reason: Reason | None = None


class RedriveRequest(Body):
    """Which dead letters to redrive."""

    status: RedrivableStatus = "dead"
    kind: Kind | None = None
    limit: int = Field(default=100, ge=1, le=200, description="at most so many in this call")
    reason: Reason


class Redriven(Answer):
    """What came of redriving many."""

    redriven: int
    skipped: int = Field(description="moved by somebody else meanwhile")
    more: bool = Field(description="whether there are others: call again")


class DiscardRequest(Body):
    """Why a dead letter is given up for good."""

    reason: Reason


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
    """A job of anybody's."""

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
    next_attempt_at: str | None


class JobList(Answer):
    """A page of jobs."""

    items: list[JobSummary]
    continuation: str | None = None


class UsersQuery(PageQuery):
    """Which accounts to list, newest first."""

    role: Role | None = None
    disabled: bool | None = None
    email: Annotated[str, StringConstraints(min_length=3, max_length=254)] | None = Field(
        default=None, description="the whole address"
    )


class UserSummary(Answer):
    """An account as an administrator sees it."""

    id: str
    email: str
    display_name: str | None
    role: Role
    shop: str
    disabled: bool
    created_at: str
    updated_at: str


class UserDetail(UserSummary):
    """An account and what it uses."""

    phone: str | None
    language: str | None
    images: int
    image_bytes: int
    conversions_this_month: int
    closing: bool = Field(description="the owner has asked for its deletion")


class UserList(Answer):
    """A page of accounts."""

    items: list[UserSummary]
    continuation: str | None = None


class UserChange(Body):
    """A new role or shop, or whether the account may be used; what is left out stays."""

    role: Annotated[Role, Field(strict=False)] | None = None
    shop: Shop | None = Field(default=None, description="a vendor's products move with the vendor")
    disabled: bool | None = None
    reason: Reason

    @model_validator(mode="after")
    def something(self) -> Self:
        """A change changes something."""
        if self.role is None and self.shop is None and self.disabled is None:
            raise ValueError("name a `role`, a `shop`, or `disabled`")
        return self
