"""Searching the audit log."""

from __future__ import annotations

from functions.admin.models import AuditEntry, AuditPage, AuditQuery
from shared import clock
from shared.documents import Document, Where
from shared.http.pages import latest

CONTAINER = "audit"
_OWN = frozenset({"id", "userId", "type", "action", "subject", "ip", "at", "ttl"})


def search(query: AuditQuery) -> AuditPage:
    """Entries that meet all that is asked, latest first. By user it reads one partition, else all."""
    where: list[Where] = []
    if query.since:
        where.append(Where("at", ">=", clock.iso(query.since.timestamp())))
    if query.until:
        where.append(Where("at", "<", clock.iso(query.until.timestamp())))
    wanted = {"type": "audit", "action": query.action, "subject": query.subject}
    page = latest(CONTAINER, query, *where, partition=query.user_id, by="at", **wanted)
    return AuditPage(items=[_view(entry) for entry in page.items], continuation=page.continuation)


def about(subject: str) -> list[AuditEntry]:
    """The latest entries about one thing."""
    return search(AuditQuery(subject=subject, limit=50)).items


def _view(entry: Document) -> AuditEntry:
    return AuditEntry(
        id=entry["id"],
        user_id=entry["userId"],
        action=entry["action"],
        subject=entry.get("subject"),
        ip=entry.get("ip"),
        at=entry["at"],
        facts={name: value for name, value in entry.items() if name not in _OWN and not name.startswith("_")},
    )
