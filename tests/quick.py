"""Short waits: settings under which the product hurries, and polling with a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

QUICK = {
    "JOB_LEASE_S": "6",
    "JOB_GRACE_S": "1",
    "JOB_ORPHAN_S": "3",
    "JOB_BACKOFF_BASE_S": "0.2",
    "JOB_BACKOFF_CAP_S": "0.5",
    "JOB_MAX_ATTEMPTS": "3",
    "SWEEP_SCHEDULE": "*/2 * * * * *",
    "RATE_LIMIT_SCALE": "1000",
    "ACCOUNT_CACHE_S": "1",
    "CONVERSION_QUOTA": "10",
    "GEMINI_TIMEOUT_S": "5",
    "IDEMPOTENCY_WORK_S": "5",
    "CATALOGUE_SWEEP_SCHEDULE": "*/2 * * * * *",
    "CATALOGUE_ORPHAN_S": "3",
    "VENDOR_DIGEST_S": "3",
    "INDEX_SCHEDULE": "*/2 * * * * *",
    "TRYON_ENGINES": '["compact", "gemini"]',
}
"""Settings under which waits are short; the product's rules stay as they are."""


STALLED_S = 40
"""Longer than a lease, the pauses between attempts and a host's start: what has not moved for so long is lost."""


def progress(count: Callable[[], int], end: int) -> Iterator[int]:
    """The count, again and again, until it is `end` or has not grown for `STALLED_S`: a slow machine loses nothing."""
    most, moved = count(), time.monotonic()
    yield most
    while most < end and time.monotonic() - moved < STALLED_S:
        now = count()
        if now > most:
            most, moved = now, time.monotonic()
        yield now


def eventually(condition: Callable[[], Any], what: str = "it", seconds: float = 30) -> Any:
    """Poll until the condition gives something true, and return that."""
    until = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > until:
            pytest.fail(f"{what} did not happen within {seconds} s")
        time.sleep(0.05)
