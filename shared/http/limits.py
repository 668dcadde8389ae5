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

A public route counts by address. A signed-in route counts by address (`RATE_LIMIT_IP_FACTOR` times the class's limit,
since an office shares one), then by user; the token is not looked at once the address is known to have used its window
up. A route without a class is not counted at all.

Counts of one caller are made one after another, so calls wait for those before them. At most `WAITING` do in exact
classes; the next is refused at once, because each holds a thread of the process.
"""

import math
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Final, NamedTuple

from shared import clock, telemetry
from shared.documents import store
from shared.documents.fields import increment, where
from shared.documents.patience import patient
from shared.errors import DocumentConflict, DocumentNotFound, PreconditionFailed, TooManyRequests, Unavailable
from shared.http.allowance import Allowance, Limited
from shared.http.classes import class_of
from shared.http.client_address import UNKNOWN, network_of
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
WAITING: Final = 16
"""Calls that wait for the same exact count, each with a thread: half of a process's, or a caller's share if larger."""
REMEMBERED: Final = 50_000
"""Callers and windows that a process remembers; beyond this it forgets the oldest half."""


class _Window:
    """What this process knows of one caller's window. Its lock is held while the store is asked, so that one asks."""

    counted: int | None = None
    """The count in the store when it was last asked; None before."""
    owed = 0
    """Given here, and not yet counted in the store."""
    spare = 0
    """Counted in the store, and not yet given here."""
    given = 0
    waiting = 0

    def __init__(self, ends: float) -> None:
        self.ends = ends
        self.lock = threading.Lock()

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


def check_address(ip: str, route_class: str) -> None:
    """Refuse a signed-in call from an address whose window is used up as far as this process knows, without counting.

    Raises:
        Limited: it is.
    """
    if ip == UNKNOWN:
        return
    limit, window_s = _limit_of(route_class, http_settings().rate_limit_ip_factor)
    at = clock.now()
    key, start = _key(f"network:{network_of(ip)}", route_class, window_s, at)
    window = _windows.get(key)
    if window is not None and window.left(limit) < 1:
        raise Limited(Allowance(limit, 0, _seconds_left(start, window_s, at), window_s))


def take(subject: str, route_class: str, factor: float = 1.0, cost: int = 1) -> Allowance:
    """Count one call of `subject` (`ip:<address>` or `user:<id>`) against `factor` times its class's limit.

    Args:
        cost: what the call counts for, at least 1; one that costs more than the whole limit takes all of it.

    Raises:
        Limited: the window is used up; `retry_after` says when the next begins.
        Unavailable: the class is exact and the store does not answer.
    """
    limit, window_s = _limit_of(route_class, factor)
    return take_counted(subject, route_class, limit, window_s, cost, exact=class_of(route_class).exact)


def _limit_of(route_class: str, factor: float) -> tuple[int, int]:
    """Calls of a class in a window, and the window's seconds."""
    conf = http_settings()
    allowed, window_s = conf.rate_limits.get(route_class) or conf.rate_limits["default"]
    return max(1, math.floor(allowed * conf.rate_limit_scale * factor)), window_s


def _key(subject: str, name: str, window_s: int, at: float) -> tuple[str, int]:
    """The id of the counter of a window, and when the window began."""
    start = int(at // window_s) * window_s
    return f"{subject}:{name}:{start}".replace("/", "_"), start


def _seconds_left(start: int, window_s: int, at: float) -> int:
    return max(1, math.ceil(start + window_s - at))


def charge(ip: str, user_id: str | None, route_class: str, cost: int) -> Allowance | None:
    """Count what a call has turned out to cost beyond one, for its address and its user.

    It has been made, so nothing is refused: a cost that does not fit uses the window up. None if nothing was counted.
    """
    found: list[Allowance | None] = []
    if user_id is not None:
        found.append(_charge(lambda part: take(f"user:{user_id}", route_class, cost=part), cost))
    found.append(_charge(lambda part: take_address(ip, route_class, public=user_id is None, cost=part), cost))
    return min((one for one in found if one is not None), key=lambda one: one.remaining, default=None)


def _charge(take_part: Callable[[int], Allowance | None], cost: int) -> Allowance | None:
    allowance: Allowance | None = None
    part = cost
    while part >= 1:
        try:
            allowance = take_part(part)
        except Limited as error:
            allowance = error.allowance
            part //= 2
        except Unavailable:
            # The call itself was counted; the store went away after it.
            return None
        else:
            cost -= part
            part = min(part, cost)
    return allowance


def take_counted(subject: str, name: str, limit: int, window_s: int, cost: int = 1, *, exact: bool = True) -> Allowance:
    """Count one of `limit` that `subject` may have in a window of seconds; `name` tells what is counted.

    Raises:
        Limited, Unavailable: as `take`.
    """
    cost = min(cost, limit)
    at = clock.now()
    key, start = _key(subject, name, window_s, at)
    left_s = _seconds_left(start, window_s, at)
    window = _window(key, start + window_s, at)
    wait = http_settings().rate_limit_wait_s * (1 if exact else OPTIONAL_WAIT)
    until = time.monotonic() + wait
    with _lock:
        if exact and window.waiting >= max(WAITING, http_settings().calls_at_once):
            raise TooManyRequests(
                "too many calls at a time: wait for the answers of earlier ones", code="too_many_at_once", retry_after=1
            )
        window.waiting += 1
    try:
        if window.lock.acquire(timeout=wait):
            try:
                given = _give(window, key, limit, cost, 2 * window_s, until, exact=exact)
            finally:
                window.lock.release()
            if not given:
                raise Limited(Allowance(limit, 0, left_s, window_s))
        elif exact:
            raise _unknown()
    finally:
        with _lock:
            window.waiting -= 1
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


class _Settlement(NamedTuple):
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
        from shared.http.documents import rate_counters

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
        from shared.http.documents import RateCounter, rate_counters

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
