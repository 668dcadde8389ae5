"""Conditional requests (RFC 9110, 13): an answer that has not changed is sent as 304 without a body."""

from __future__ import annotations

import hashlib
from typing import Final

REVALIDATE: Final = "private, no-cache"
"""A browser may keep the answer, and asks each time whether it still holds."""


def etag_of(content: bytes) -> str:
    """A strong validator of these bytes."""
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def matches(etag: str, if_none_match: str | None) -> bool:
    """Whether the client has this version, by the weak comparison that `If-None-Match` asks for."""
    if not if_none_match:
        return False
    sent = [one.strip().removeprefix("W/") for one in if_none_match.split(",")]
    return "*" in sent or etag.removeprefix("W/") in sent
