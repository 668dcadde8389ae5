"""Requests and answers about what is spent at providers."""

from __future__ import annotations

from pydantic import Field

from functions.admin.models.common import Reason
from shared.commerce.ceilings import Spending
from shared.http.models import Answer, Body


class SpendingWindow(Answer):
    """A ceiling and what is used of it."""

    name: str = Field(description="`hour` or `day` (UTC)")
    spent: int
    limit: int


class SpendingState(Answer):
    """What is spent of one kind."""

    kind: Spending
    paused: bool
    reason: str | None = Field(description="of the last change")
    changed_by: str | None = Field(description="id of the administrator")
    changed_at: str | None
    windows: list[SpendingWindow]


class SpendingList(Answer):
    """What is spent of each kind."""

    items: list[SpendingState]


class SpendingChange(Body):
    """Whether to pause a kind."""

    paused: bool
    reason: Reason
