"""Request units: an estimate from published figures, and the budget of each second that throttles.

Published: a point read of 1 KB costs 1 RU and of 100 KB 10 RU; a write of 1 KB about 5 RU without an index and 5.5 to 7
with the default one, of 100 KB about 50 (learn.microsoft.com/cosmos-db: key-value-store-cost, request-units); a query
costs at least about 2.3 RU for each physical partition it asks, and what it returns. A replace is a delete and a write
of one item; a delete costs as a write. Serverless gives a container 5,000 RU/s (learn.microsoft.com/cosmos-db:
serverless-performance). Between the published points the figures are interpolated: an estimate, not a bill.
"""

from __future__ import annotations

import time
from collections import defaultdict
from typing import Final

from emulators.cosmos.errors import TooManyRequests

QUERY_RU: Final = 2.3
QUERY_ITEM_RU: Final = 0.03
WINDOW_S: Final = 1.0


def read(size: int) -> float:
    """A point read of `size` bytes: 1 RU for 1 KB, 10 for 100 KB."""
    return round(1 + 9 * max(0, size - 1024) / (99 * 1024), 2)


def write(size: int, *, indexed: bool, paths: int = 0) -> float:
    """A create or delete of `size` bytes: 5 RU for 1 KB, 50 for 100 KB, and .05 for each indexed property."""
    return round(5 + 45 * max(0, size - 1024) / (99 * 1024) + (0.05 * paths if indexed else 0), 2)


def replace(before: int, after: int, *, indexed: bool, paths: int = 0) -> float:
    """A replace or patch: twice the write, as the old version is taken out of the index."""
    return round(write(max(before, after), indexed=indexed, paths=paths) * 2 - 0.24, 2)


def query(scanned: int, returned_bytes: int, partitions: int) -> float:
    """One page of a query."""
    return round(QUERY_RU * partitions + QUERY_ITEM_RU * scanned + 0.5 * returned_bytes / 1024, 2)


class Budget:
    """Request units of each second by container; a request is refused once they are used up.

    As in the service, the request that goes over is served, the next one waits.
    """

    def __init__(self, per_second: float | None) -> None:
        self.per_second = per_second
        self._used: dict[str, tuple[float, float]] = defaultdict(lambda: (0.0, 0.0))

    def check(self, container: str) -> None:
        """Raises `TooManyRequests` with the time until the second is over."""
        if self.per_second is None:
            return
        start, used = self._used[container]
        now = time.monotonic()
        if now - start < WINDOW_S and used >= self.per_second:
            # What was used beyond the budget is paid by the seconds that follow.
            over = WINDOW_S * max(1.0, used / self.per_second)
            left = max(1.0, (start + over - now) * 1000)
            raise TooManyRequests(
                "Request rate is large. More Request Units may be needed, so no changes were made.",
                sub_status=3200,
                retry_after_ms=round(left, 1),
            )

    def spend(self, container: str, charge: float) -> None:
        """Count what a request has cost."""
        start, used = self._used[container]
        now = time.monotonic()
        if now - start >= WINDOW_S:
            start, used = now, 0.0
        self._used[container] = (start, used + charge)
