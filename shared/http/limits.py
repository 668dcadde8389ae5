"""Rate limits: fixed windows counted in documents, so that all processes share one count.

A counter is one conditional patch ("add one where it is below the limit"), which can't over-admit however many
processes race. A process that has seen a window exhausted refuses on its own until the window ends. Libraries for this
count in Redis, memcached or in one process; none knows Cosmos DB.

A public route counts by address. A signed-in route counts by address before the token is looked at
(`RATE_LIMIT_IP_FACTOR` times the class's limit, since an office shares one), then by user. A route without a class is
not counted at all.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from functools import cache

from shared import clock
from shared.documents.fields import increment, where
from shared.documents.store import Where
from shared.errors import DocumentConflict, DocumentNotFound, PreconditionFailed, TooManyRequests
from shared.http.client_address import UNKNOWN, network_of
from shared.http.documents import RateCounter, rate_counters
from shared.http.settings import http_settings


@dataclass(frozen=True)
class Allowance:
    """What is left: calls allowed in the window, calls left, seconds until it ends, seconds it is long."""

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


_ONE_CALL = increment(RateCounter.calls)
_exhausted: dict[str, float] = {}
_lock = threading.Lock()


def take_address(ip: str, route_class: str, *, public: bool) -> Allowance | None:
    """Count one call from an address; None where the address is unknown and the caller signs in.

    Raises:
        Limited: the address has used up its window.
    """
    network = network_of(ip)
    if public:
        return take(f"ip:{network}", route_class)
    if ip == UNKNOWN:
        return None
    return take(f"network:{network}", route_class, http_settings().rate_limit_ip_factor)


def take(subject: str, route_class: str, factor: float = 1.0) -> Allowance:
    """Count one call of `subject` (`ip:<address>` or `user:<id>`) against `factor` times its class's limit.

    Raises:
        Limited: the window is used up; `retry_after` says when the next begins.
    """
    conf = http_settings()
    allowed, window_s = conf.rate_limits.get(route_class) or conf.rate_limits["default"]
    return take_counted(subject, route_class, max(1, math.floor(allowed * conf.rate_limit_scale * factor)), window_s)


def take_counted(subject: str, name: str, limit: int, window_s: int) -> Allowance:
    """Count one of `limit` that `subject` may have in a window of seconds; `name` tells what is counted.

    Raises:
        Limited: as `take`.
    """
    at = clock.now()
    start = int(at // window_s) * window_s
    left = max(1, math.ceil(start + window_s - at))
    key = f"{subject}:{name}:{start}".replace("/", "_")
    with _lock:
        if _exhausted.get(key, 0) > at:
            raise Limited(Allowance(limit, 0, left, window_s))
    try:
        used = _add(key, limit, 2 * window_s)
    except PreconditionFailed:
        with _lock:
            if len(_exhausted) > 10_000:
                _exhausted.clear()
            _exhausted[key] = start + window_s
        raise Limited(Allowance(limit, 0, left, window_s)) from None
    return Allowance(limit, limit - used, left, window_s)


@cache
def _below(limit: int) -> tuple[Where, ...]:
    return (where(RateCounter.calls, "<", limit),)


def _add(key: str, limit: int, ttl_s: int) -> int:
    below = _below(limit)
    for _ in range(2):
        try:
            return rate_counters.patch(key, key, _ONE_CALL, where=below).calls
        except DocumentNotFound:
            try:
                return rate_counters.create(RateCounter(id=key, n=1, ttl=ttl_s)).calls
            except DocumentConflict:
                continue
    return rate_counters.patch(key, key, _ONE_CALL, where=below).calls
