"""Requests and answers of the audit log."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AwareDatetime, Field, StringConstraints

from functions.admin.models.common import Name
from shared.http.models import Answer
from shared.http.page_query import PageQuery


class AuditQuery(PageQuery):
    """Which entries of the audit log to list, latest first."""

    user_id: Name | None = Field(default=None, description="under whom it is kept: who acted, or whom it concerns")
    action: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z_]{1,63}$")] | None = None
    subject: Name | None = Field(default=None, description="id of what was acted on")
    since: AwareDatetime | None = None
    until: AwareDatetime | None = Field(default=None, description="exclusive")


class AuditEntryView(Answer):
    """An entry of the audit log."""

    id: str
    user_id: str
    action: str
    subject: str | None
    ip: str | None
    at: str
    facts: dict[str, Any]


class AuditPage(Answer):
    """A page of the audit log."""

    items: list[AuditEntryView]
    continuation: str | None = None
