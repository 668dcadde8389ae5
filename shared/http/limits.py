"""Rate limits: fixed windows counted in documents, so that all processes share one count.

A counter is a conditional patch ("add these where the sum stays within the limit"), which can't over-admit however many
processes race. Libraries for this count in Redis, memcached or in one process; none knows Cosmos DB.

Classes that are `exact` (`shared.http.classes`) patch for each call, and refuse with 503 while the store is away. Those
that are not count in memory and settle now and then, because two writes were nearly all that a signed-in GET cost:

- the first calls of a caller in a window, a fortieth of the limit, are given without asking;
- then the process settles them and leases more in the same patch: as many as the caller has made here so far, and at
  most a tenth of what is left, so that leases shrink towards the limit;
- a lease ends with its window; a process that has seen the window used up refuses on its own until it ends;
- while the store is slow or away, calls go on, and each process holds the limit by its own count.

So P processes together give at most (P - 1) fortieths of the limit too many. They may give too few by the leases that
are not used up: of each other process at most a tenth of the limit, and no more than the caller has made there. Limits
below `EXACT_BELOW` are exact in every class while the store answers.

A public route counts by address. A signed-in route counts by address before the token is looked at
(`RATE_LIMIT_IP_FACTOR` times the class's limit, since an office shares one), then by user. A route without a class is
not counted at all.
"""

from __future__ import annotations

import math
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Final

from shared import clock, telemetry
from shared.documents import store
from shared.documents.fields import increment, where
from shared.documents.patience import patient
from shared.errors import DocumentConflict, DocumentNotFound, PreconditionFailed, TooManyRequests, Unavailable
from shared.http.classes import class_of
from shared.http.client_address import UNKNOWN, network_of
from shared.http.documents import RateCounter, rate_counters
from shared.http.settings import http_settings

UNASKED: Final = 1 / 40
"""Share of a limit that a process gives to a caller in a window before it asks the store."""
LEASED: Final = 1 / 10
"""Largest share of what is left of a limit that a process leases at once."""
EXACT_BELOW: Final = 100
"""Limits below this are counted call by call in every class: shares of them would save nothing."""
OPTIONAL_WAIT: Final = 1 / 10
"""Share of `RATE_LIMIT_WAIT_S` that a call waits for the store where it goes on anyway."""
AWAY_S: Final = 5.0
"""Seconds in which the store is not asked again after it has not answered, where calls go on anyway."""
REMEMBERED: Final = 50_000
"""Callers and windows that a process remembers; beyond this it forgets the oldest half."""


@dataclass(frozen=True)
class Allowance:
    """What is left: calls allowed in the window, calls left, seconds until it ends, seconds it is long.

    `remaining` is exact with one process; with several it leaves out what others have given since this one asked.
    """

    limit: int
    remaining: int
    reset_s: int
    window_s: int

    @property
    def headers(self) -> dict[str, str]:
        """As response headers (draft-ietf-httpapi-ratelimit-headers, the three-field form clients know)."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset_s),
            "RateLimit-Policy": f"{self.limit};w={self.window_s}",
        }


class Limited(TooManyRequests):
    """A rate limit is used up; `allowance` is what the response headers say of it."""

    def __init__(self, allowance: Allowance) -> None:
        super().__init__("too many requests: wait and try again", retry_after=allowance.reset_s)
        self.allowance = allowance
        self.details = {"limit": allowance.limit, "remaining": 0, "resetSeconds": allowance.reset_s}

    @property
    def headers(self) -> dict[str, str]:
        """What is left, as headers."""
        return self.allowance.headers


@dataclass
class _Window:
    """What this process knows of one caller's window. Its lock is held while the store is asked, so that one asks."""

    ends: float
    counted: int | None = None
    """The count in the store when it was last asked; None before."""
    owed: int = 0
    """Given here, and not yet counted in the store."""
    spare: int = 0
    """Counted in the store, and not yet given here."""
    given: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def left(self, limit: int) -> int:
        """Calls left as far as this process knows."""
        return max(0, limit - (self.counted or 0) - self.owed + self.spare)


def _new_pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(16, thread_name_prefix="limits")


_windows: dict[str, _Window] = {}
_lock = threading.Lock()
_asking = _new_pool()
"""The client's time-outs are longer than a caller's patience, so callers wait for a thread of these and can leave."""
_away_until = 0.0
_reported_until = 0.0


def take_address(ip: str, route_class: str, *, public: bool, cost: int = 1) -> Allowance | None:
    """Count one call from an address; None where the address is unknown and the caller signs in.

    Raises:
        Limited: the address has used up its window.
        Unavailable: the class is exact and the store does not answer.
    """
    network = network_of(ip)
    if public:
        return take(f"ip:{network}", route_class, cost=cost)
    if ip == UNKNOWN:
        return None
    return take(f"network:{network}", route_class, http_settings().rate_limit_ip_factor, cost)


def take(subject: str, route_class: str, factor: float = 1.0, cost: int = 1) -> Allowance:
    """Count one call of `subject` (`ip:<address>` or `user:<id>`) against `factor` times its class's limit.

    Args:
        cost: what the call counts for, at least 1; one that costs more than the whole limit takes all of it.

    Raises:
        Limited: the window is used up; `retry_after` says when the next begins.
        Unavailable: the class is exact and the store does not answer.
    """
    conf = http_settings()
    allowed, window_s = conf.rate_limits.get(route_class) or conf.rate_limits["default"]
    limit = max(1, math.floor(allowed * conf.rate_limit_scale * factor))
    return take_counted(subject, route_class, limit, window_s, cost, exact=class_of(route_class).exact)


def take_counted(subject: str, name: str, limit: int, window_s: int, cost: int = 1, *, exact: bool = True) -> Allowance:
    """Count one of `limit` that `subject` may have in a window of seconds; `name` tells what is counted.

    Raises:
        Limited, Unavailable: as `take`.
    """
    cost = min(cost, limit)
    at = clock.now()
    start = int(at // window_s) * window_s
    left_s = max(1, math.ceil(start + window_s - at))
    key = f"{subject}:{name}:{start}".replace("/", "_")
    window = _window(key, start + window_s, at)
    wait = http_settings().rate_limit_wait_s * (1 if exact else OPTIONAL_WAIT)
    until = time.monotonic() + wait
    if window.lock.acquire(timeout=wait):
        try:
            given = _give(window, key, limit, cost, 2 * window_s, until, exact=exact)
        finally:
            window.lock.release()
        if not given:
            raise Limited(Allowance(limit, 0, left_s, window_s))
    elif exact:
        raise _unknown()
    return Allowance(limit, window.left(limit), left_s, window_s)


def forget() -> None:
    """Forget all windows, and that the store was away, as soon as nothing is being asked; for tests."""
    global _asking, _away_until, _reported_until
    _asking.shutdown()
    with _lock:
        _asking = _new_pool()
        _windows.clear()
        _away_until = _reported_until = 0.0


def _start_in_child() -> None:
    """A forked process has none of the threads, and locks that may be held for ever."""
    global _asking, _lock
    _asking, _lock = _new_pool(), threading.Lock()
    _windows.clear()


os.register_at_fork(after_in_child=_start_in_child)


def _window(key: str, ends: float, at: float) -> _Window:
    with _lock:
        window = _windows.get(key)
        if window is None:
            if len(_windows) >= REMEMBERED:
                for old in [old for old, its in _windows.items() if its.ends <= at]:
                    del _windows[old]
            if len(_windows) >= REMEMBERED:
                for old in list(_windows)[: REMEMBERED // 2]:
                    del _windows[old]
            window = _windows[key] = _Window(ends)
        return window


def _give(window: _Window, key: str, limit: int, cost: int, ttl_s: int, until: float, *, exact: bool) -> bool:
    """Give a call out of memory or the store; False where the limit does not allow it."""
    by_call = exact or limit < EXACT_BELOW
    is_unasked = not by_call and window.counted is None and window.owed + cost <= limit * UNASKED
    is_away = not exact and time.monotonic() < _away_until
    if cost <= window.spare:
        window.spare -= cost
    elif window.left(limit) < cost:
        return False
    elif is_unasked or is_away:
        window.owed += cost
    else:
        due = window.owed + cost - window.spare
        most = 0 if by_call else min(window.given + cost, int((window.left(limit) - cost) * LEASED))
        try:
            window.counted, leased = _ask(_Settlement(key, limit, due, most, ttl_s, window.counted is None), until)
        except PreconditionFailed:
            # No more than the next call needs is known: one that costs less may still fit.
            window.counted = max(window.counted or 0, limit - due + 1)
            return False
        except (Unavailable, TimeoutError) as error:
            if exact:
                raise _unknown() from error
            _report(key, error, window.ends)
            window.owed += cost
        else:
            window.owed, window.spare = 0, leased
    window.given += cost
    return True


def _unknown() -> Unavailable:
    return Unavailable(
        "your calls can't be counted at the moment, and this one must be: try again in a few seconds",
        code="limit_unknown",
        retry_after=AWAY_S,
    )


@dataclass(frozen=True)
class _Settlement:
    """What a process asks of a counter: to count `due` calls, and to lease up to `most`."""

    key: str
    limit: int
    due: int
    most: int
    ttl_s: int
    is_first: bool
    """This process has not asked for the counter before, so that it may not exist."""

    def make(self) -> tuple[int, int]:
        """The count after it, and how many were leased. Raises `PreconditionFailed` where `due` does not fit."""
        try:
            return self._add(self.due + self.most), self.most
        except PreconditionFailed:
            if self.most == 0:
                raise
        # Others have taken since this process last asked.
        found = rate_counters.find(self.key, self.key)
        left = self.limit - self.due - (found.calls if found else 0)
        most = min(self.most, int(left * LEASED))
        if most > 0:
            try:
                return self._add(self.due + most), most
            except PreconditionFailed:
                pass
        return self._add(self.due), 0

    def _add(self, calls: int) -> int:
        """Add to the counter where the sum stays within the limit."""
        key = self.key
        if calls > self.limit:
            raise PreconditionFailed("more than the limit")
        below = (where(RateCounter.calls, "<=", self.limit - calls),)
        create = self.is_first
        for _ in range(2):
            try:
                if create:
                    return rate_counters.create(RateCounter(id=key, n=calls, ttl=self.ttl_s)).calls
                return rate_counters.patch(key, key, increment(RateCounter.calls, calls), where=below).calls
            except (DocumentConflict, DocumentNotFound):
                create = not create
        return rate_counters.patch(key, key, increment(RateCounter.calls, calls), where=below).calls


def _ask(settlement: _Settlement, until: float) -> tuple[int, int]:
    """Make a settlement, but leave at `until` (of the monotonic clock).

    Raises:
        PreconditionFailed: what is due does not fit.
        Unavailable, TimeoutError: the store did not answer in time; whether it counted is not known.
    """
    store()  # opening it may take longer than a call waits for a count
    wait = max(0.0, until - time.monotonic())

    def make() -> tuple[int, int]:
        with patient(wait):
            return settlement.make()

    asked = _asking.submit(copy_context().run, make)
    try:
        return asked.result(wait)
    except TimeoutError:
        asked.cancel()
        raise


def _report(key: str, error: Exception, ends: float) -> None:
    """Ask no more for a while, and log it once in a window."""
    global _away_until, _reported_until
    with _lock:
        _away_until = time.monotonic() + AWAY_S
        is_reported, _reported_until = clock.now() < _reported_until, max(_reported_until, ends)
    if not is_reported:
        telemetry.log("limits.store_away", level="error", error=type(error).__name__)
