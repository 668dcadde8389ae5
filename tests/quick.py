"""Settings with short waits for the product, and the tests' own waits, which don't depend on a machine's speed."""

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
    "JOB_OUTAGE_S": "0",
    "SWEEP_SCHEDULE": "*/2 * * * * *",
    "RATE_LIMIT_SCALE": "1000",
    "RATE_LIMIT_WAIT_S": "60",
    "CALLS_AT_ONCE": "1000",
    "COSTLY_CALLS_AT_ONCE": "1000",
    "VISITOR_COSTLY_CALLS_AT_ONCE": "1000",
    "ACCOUNT_CACHE_S": "1",
    "PASSWORD_MEMORY_KIB": "64",
    "CONVERSION_QUOTA": "10",
    "GEMINI_TIMEOUT_S": "30",
    "PROVIDER_PROBE_S": "0.5",
    "IDEMPOTENCY_WORK_S": "5",
    "CATALOGUE_SWEEP_S": "2",
    "CATALOGUE_ORPHAN_S": "3",
    "VENDOR_DIGEST_S": "3",
    "TRYON_ENGINES": '["compact", "gemini"]',
    "IMAGE_FETCH": "true",
    "IMAGE_FETCH_ALLOW_HOSTS": '["127.0.0.1:*"]',
}
"""Settings under which waits are short; the product's rules stay as they are."""


PATIENCE_S = 300
"""Seconds without progress after which a wait fails: the last resort against waiting for ever. It says nothing of how
long things take, and is far more than they take on a machine of a tenth of the speed."""
LONGEST_PAUSE_S = 0.1


def progress(count: Callable[[], int], end: int) -> Iterator[int]:
    """Yield the count until it reaches `end` or has not grown for `PATIENCE_S`."""
    most, moved = count(), time.monotonic()
    yield most
    while most < end and time.monotonic() - moved < PATIENCE_S:
        now = count()
        if now > most:
            most, moved = now, time.monotonic()
        yield now


def eventually(condition: Callable[[], Any], what: str = "it") -> Any:
    """Poll until the condition gives something true, and return that; fails after `PATIENCE_S`."""
    until, pause = time.monotonic() + PATIENCE_S, 0.002
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > until:
            pytest.fail(f"{what} did not happen within {PATIENCE_S} s")
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_S)
