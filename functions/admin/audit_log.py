"""Search the audit log."""

from __future__ import annotations

from datetime import datetime

from functions.admin.models.audit import AuditEntryView, AuditPage, AuditQuery
from shared import clock
from shared.audit import AuditEntry, audit_entries
from shared.documents.fields import where
from shared.documents.store import Op, Where
from shared.http.pages import equals, list_latest

HISTORY_LENGTH = 50


def search_audit_log(query: AuditQuery) -> AuditPage:
    """Entries that meet all conditions, latest first. With a user it reads one partition, else all."""
    page = list_latest(
        audit_entries,
        query,
        equals(AuditEntry.action, query.action),
        equals(AuditEntry.subject, query.subject),
        _time(">=", query.since),
        _time("<", query.until),
        partition=query.user_id,
        by=AuditEntry.at,
    )
    items = [AuditEntryView.of(entry, facts=entry.facts) for entry in page.items]
    return AuditPage(items=items, continuation=page.continuation)


def list_history(subject: str) -> list[AuditEntryView]:
    """The latest entries about one subject."""
    return search_audit_log(AuditQuery(subject=subject, limit=HISTORY_LENGTH)).items


def _time(op: Op, moment: datetime | None) -> Where | None:
    return None if moment is None else where(AuditEntry.at, op, clock.iso(moment.timestamp()))
