"""Requests and answers of operating."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from shared.http.models import Answer, PageQuery


class Health(Answer):
    """The process answers."""

    status: Literal["ok"] = "ok"
    version: str


class DeadLettersQuery(PageQuery):
    """Which ended-in-failure jobs to list, latest first."""

    status: Literal["dead", "failed"] = "dead"


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


class DeadLetterList(Answer):
    """A page of dead letters."""

    items: list[DeadLetter]
    continuation: str | None = None
