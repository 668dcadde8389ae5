"""Time and identity of things: one clock, one kind of id."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def now() -> float:
    """Seconds since the epoch, UTC."""
    return time.time()


def iso(at: float | None = None) -> str:
    """RFC 3339 in UTC with milliseconds, which sorts as text. `at`: epoch seconds, now by default."""
    moment = datetime.fromtimestamp(now() if at is None else at, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def new_id() -> str:
    """A ULID: 26 characters, opaque, sortable by the time it was made."""
    from ulid import ULID

    return str(ULID()).lower()
