"""Time and identity of things: one clock, one kind of id."""

from __future__ import annotations

import secrets
import threading
import time
from datetime import UTC, datetime
from typing import Final

_DIGITS: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_making = threading.Lock()
_last = 0


def now() -> float:
    """Seconds since the epoch, UTC."""
    return time.time()


def iso(at: float | None = None) -> str:
    """RFC 3339 in UTC with milliseconds, which sorts as text. `at`: epoch seconds, now by default."""
    moment = datetime.fromtimestamp(now() if at is None else at, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def new_id() -> str:
    """A ULID: 26 characters, opaque, sortable by the time it was made; also within one millisecond of a process."""
    global _last
    made = int(now() * 1000) << 80 | secrets.randbits(80)
    with _making:
        _last = made = _last + 1 if made >> 80 == _last >> 80 else made
    return "".join(_DIGITS[made >> shift & 31] for shift in range(125, -1, -5))
