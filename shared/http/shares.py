"""How much of a process one caller holds at a time: threads for all its calls, and fewer for calls that cost much.

Rate limits count calls in a minute; a few slow concurrent ones would still fill every thread, and others would wait. So
a signed-in caller holds at most a share, counted in this process, and calls beyond it are refused immediately instead
of waiting. Callers who are not signed in have one share together, of costly calls alone; one address has half of it.
"""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from time import monotonic
from typing import Final

from shared import turns
from shared.errors import TooManyRequests
from shared.http.classes import class_of
from shared.http.client_address import network_of
from shared.http.settings import http_settings

LONGEST_RETRY_S: Final = 30.0
"""Most that `Retry-After` asks for, however many calls were refused."""
REMEMBERED: Final = 10_000
"""Callers whose refused calls are remembered; beyond this those whose time has come are forgotten."""
VISITORS: Final = ""
"""Stands for all who are not signed in; no account has this id."""

WAITS: Final = turns.Places(16, 6)
"""Threads that only wait, for a job or for the first request of an idempotency key: half of a process's, so that work
goes on, and some for each caller."""

_held: Counter[tuple[str, bool]] = Counter()
_next: dict[str, float] = {}
"""When the last refused call of a caller may come again, by the monotonic clock."""
_lock = threading.Lock()


def caller_of(user_id: str | None, ip: str) -> str:
    """Whose turn it is for costly work: the account's, or the address's without one."""
    return user_id or f"visitor:{network_of(ip)}"


def too_many(limit: int, caller: str) -> TooManyRequests:
    """The refusal of a call beyond a share.

    `Retry-After` grows with the number of refused calls, so that they come back one after another, a share a second.
    With the same second for all they would come back together and be refused together.
    """
    now = monotonic()
    with _lock:
        if len(_next) >= REMEMBERED:
            for old in [old for old, at in _next.items() if at <= now]:
                del _next[old]
        at = _next[caller] = min(max(now, _next.get(caller, now)) + 1 / limit, now + LONGEST_RETRY_S)
    return TooManyRequests(
        f"{limit} calls of this kind at a time: wait for the answers of earlier ones",
        code="too_many_at_once",
        retry_after=math.ceil(at - now),
    )


@contextmanager
def hold(user_id: str | None, ip: str, route_class: str) -> Generator[None]:
    """Hold one of the caller's places for the time of a call.

    Args:
        user_id: id of the account; None for callers who are not signed in.
        ip: address of the caller.
        route_class: of the rate limit.

    Raises:
        TooManyRequests: `too_many_at_once`, the share is taken by earlier calls.
    """
    conf = http_settings()
    costly = class_of(route_class).costly
    limits: dict[tuple[str, bool], int] = {}
    if user_id is not None:
        limits[user_id, False] = conf.calls_at_once
        if costly:
            limits[user_id, True] = conf.costly_calls_at_once
    elif costly:
        limits[VISITORS, True] = conf.visitor_costly_calls_at_once
        limits[caller_of(None, ip), True] = (conf.visitor_costly_calls_at_once + 1) // 2
    with _lock:
        over = next(((caller, limit) for (caller, kind), limit in limits.items() if _held[caller, kind] >= limit), None)
        if over is None:
            _held.update(limits.keys())
    if over is not None:
        raise too_many(over[1], over[0])
    try:
        yield
    finally:
        with _lock:
            for place in limits:
                _held[place] -= 1
                if not _held[place]:
                    del _held[place]
