"""What counting costs a signed-in call: writes, request units and time, by call and leased, in the same run.

A minute of calls from one address is replayed on one instance, against the Cosmos DB emulator, whose charges are
estimates from published figures. Both counters of a call are taken, the address's and the user's, with the limits
that a deployment has by default.
"""

from __future__ import annotations

import os
import time
from typing import Any, Final

from bench._request_units_meter import charges
from emulators.launch import launch
from shared import clock
from shared.documents import store
from shared.http import limits
from shared.settings import forget

COUNTED_BY_CALL: Final = "refresh"
"""A class that is exact, with the same limit as `default`."""
LEASED: Final = "default"
WINDOW_S: Final = 60
LOADS: Final = ((1, 1), (1, 4), (1, 60), (5, 4), (5, 60), (20, 60))
"""Calls a second, and users among whom they are spread evenly."""
QUICK_LOADS: Final = ((1, 1), (5, 4))
SETTINGS: Final = {
    "DOCUMENTS": "cosmos", "COSMOS_DATABASE": "studio", "COSMOS_CREATE": "true", "RATE_LIMIT_WAIT_S": "60",
    "COSMOS_VERIFY_TLS": "false", "ENVIRONMENT": "development", "Storage": "UseDevelopmentStorage=true",
}  # fmt: skip


def main(quick: bool = False) -> dict[str, Any]:
    """Replay each load; `ok` if the leased counters write a tenth of a document a call at most."""
    with launch("cosmos", "--throughput", "0") as facts:
        os.environ.update(SETTINGS, COSMOS_ENDPOINT=facts["endpoint"], COSMOS_KEY=facts["key"])
        forget()
        loads: list[dict[str, Any]] = [
            {
                "callsPerSecond": rate,
                "users": users,
                "byCall": _replay(facts["url"], COUNTED_BY_CALL, rate, users),
                "leased": _replay(facts["url"], LEASED, rate, users),
            }
            for rate, users in (QUICK_LOADS if quick else LOADS)
        ]
        limits.forget()
        store().close()
    return {"ok": all(load["leased"]["writes"] <= 0.1 for load in loads), "perCall": loads}


def _replay(url: str, route_class: str, rate: int, users: int) -> dict[str, float]:
    """Means over a minute's calls of an instance that knows nothing yet."""
    limits.forget()
    mark = clock.new_id()
    before, taken = _charges(url), 0.0
    for number in range(rate * WINDOW_S):
        started = time.perf_counter()
        limits.take_address(f"network-{mark}", route_class, public=False)
        limits.take(f"user:{mark}-{number % users}", route_class)
        taken += time.perf_counter() - started
    after, calls = _charges(url), rate * WINDOW_S
    return {
        "writes": round((after[0] - before[0]) / calls, 4),
        "ru": round((after[1] - before[1]) / calls, 3),
        "ms": round(taken / calls * 1000, 3),
    }


def _charges(url: str) -> tuple[int, float]:
    """Operations on counters so far, and their request units."""
    counters = [one for one in charges(url) if one["container"] == "rate_limits"]
    return sum(one["count"] for one in counters), sum(one["ru"] for one in counters)
