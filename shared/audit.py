"""The audit log: who did what to what, append only, ids and no personal data."""

from __future__ import annotations

from typing import Any

from shared import clock, telemetry
from shared.documents import store
from shared.errors import DocumentConflict


def record(
    user_id: str,
    action: str,
    *,
    subject: str | None = None,
    ip: str | None = None,
    id: str | None = None,
    **facts: Any,
) -> None:
    """Append an entry under the user it concerns.

    Args:
        action: stable upper-case name, `LOGIN` or `CONVERSION_REQUESTED` say.
        subject: id of what was acted on.
        ip: caller's address; kept for a year, as the law of most places asks for logins.
        id: fixed where the act may be repeated but is to be told once; a ULID by default.
    """
    entry = {
        "id": id or clock.new_id(),
        "userId": user_id,
        "type": "audit",
        "action": action,
        "subject": subject,
        "ip": ip,
        "at": clock.iso(),
        **facts,
    }
    try:
        store().create("audit", entry)
    except DocumentConflict:
        if id is None:
            raise
        return
    telemetry.count("studio_audit", action=action)
