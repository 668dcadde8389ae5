"""The audit log: who did what to what, append only, ids and no personal data."""

from __future__ import annotations

from typing import Any

from shared import clock, telemetry
from shared.documents import store


def record(user_id: str, action: str, *, subject: str | None = None, ip: str | None = None, **facts: Any) -> None:
    """Append an entry under the user it concerns.

    Args:
        action: stable upper-case name, `LOGIN` or `CONVERSION_REQUESTED` say.
        subject: id of what was acted on.
        ip: caller's address; kept for a year, as the law of most places asks for logins.
    """
    store().create(
        "audit",
        {
            "id": clock.new_id(),
            "userId": user_id,
            "type": "audit",
            "action": action,
            "subject": subject,
            "ip": ip,
            "at": clock.iso(),
            **facts,
        },
    )
    telemetry.count("studio_audit", action=action)
