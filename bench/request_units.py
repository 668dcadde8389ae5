"""What flows and routes cost: request units and operations of Cosmos DB, operations on storage, time on both stores.

Every flow runs alone, from its request to the last notification, on the whole stack with the Cosmos DB emulator, whose
charges are estimates from published figures (`emulators/cosmos/charges.py`), and again on SQLite for its time.
"""

from __future__ import annotations

import json
import re
import secrets
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import requests

from bench._processes import storage_log
from bench._request_units_flows import Act, Shop, deletion, flows, routes
from bench._request_units_meter import Meter, Reading
from emulators.stack import Stack
from emulators.vite import free_port

RUNS: Final = 3
PRICES: Final = Path(__file__).with_name("prices.json")
MEASURED: Final = Path(__file__).with_name("request_units.json")
"""The figures that `bench cost` reckons with; `python -m bench.request_units` writes them."""
SERVERLESS_RU_PER_SECOND: Final = 5000
"""Of one container (learn.microsoft.com/azure/cosmos-db/serverless-performance)."""
TIMERS: Final = {"sweeper": 720, "retention": 1}
"""Timers with their runs a day at the default schedules."""
NEVER: Final = "0 0 0 1 1 *"
SETTINGS: Final = {
    "CONVERSION_QUOTA": "100000", "RATE_LIMIT_SCALE": "100000", "EMAIL_DAILY_CAP": "100000", "SMS_DAILY_CAP": "100000",
    "SWEEP_SCHEDULE": NEVER,
}  # fmt: skip


def main(quick: bool = False) -> dict[str, Any]:
    """Measure every flow and route; `ok` if each could be measured. Prices are those of `bench/prices.json`."""
    prices = json.loads(PRICES.read_text())
    runs = 1 if quick else RUNS
    cosmos, sqlite = _measure("cosmos", runs), _measure("sqlite", runs)
    for part in ("flows", "routes"):
        for name, figures in cosmos[part].items():
            figures["cosmosMs"], figures["sqliteMs"] = figures.pop("ms"), sqlite[part][name]["ms"]
    timers = sum(one["ru"] * one["runsPerDay"] for one in cosmos["timers"].values())
    return {
        "ok": True,
        "prices": {"asOf": prices["as_of"], "region": prices["region"], **prices["cosmos"]},
        "runs": runs,
        "thousandConversions": _thousand(cosmos["flows"]["conversion"], prices),
        **cosmos,
        "timersUsdPerMonth": round(timers * 30 / 1e6 * prices["cosmos"]["million_ru"], 2),
    }


def _thousand(conversion: dict[str, Any], prices: dict[str, Any]) -> dict[str, Any]:
    """Request units, operations on storage and USD of a thousand conversions."""
    operations: dict[str, float] = conversion["storage"]
    storage = prices["storage"]
    each = {"blob write": storage["blob_write_10k"], "blob read": storage["blob_read_10k"], "blob delete": 0.0}
    per_10k = sum(count * each.get(kind, storage["queue_10k"]) for kind, count in operations.items())
    return {
        "ru": round(1000 * conversion["ru"]),
        "usd": round(conversion["ru"] / 1000 * prices["cosmos"]["million_ru"], 4),
        "storageOperations": {kind: round(1000 * count) for kind, count in operations.items()},
        "storageUsd": round(per_10k / 10, 4),
    }


def _measure(documents: str, runs: int) -> dict[str, Any]:
    with _running(documents) as (stack, meter):
        readings: dict[str, list[Reading]] = defaultdict(list)
        taken: dict[str, list[float]] = defaultdict(list)
        by_user: list[dict[str, Reading]] = []
        shops = [Shop(stack, meter, number) for number in range(runs)]
        for shop in shops:
            mine = dict[str, Reading]()
            by_user.append(mine)
            for act in flows(shop):
                mine[act.name], ms = _whole(meter, act)
                readings[act.name].append(mine[act.name])
                taken[act.name].append(ms)
            for act in routes(shop):
                reading, ms = _answer(meter, act)
                readings[act.name].append(reading)
                taken[act.name].append(ms)
        # Once: it waits for a minute until no instance has the account in its cache.
        act = deletion(shops[-1])
        by_user[-1][act.name], ms = _whole(meter, act)
        readings[act.name].append(by_user[-1][act.name])
        taken[act.name].append(ms)
        timers = _timers(stack, meter) if documents == "cosmos" else {}
        return {
            "flows": {name: _figures(readings[name], taken[name]) for name in by_user[-1]},
            "routes": {
                name: _figures(found, taken[name]) for name, found in readings.items() if name not in by_user[-1]
            },
            "ceilings": _ceilings(readings["conversion"]),
            "hotPartitions": _hot(by_user),
            "timers": timers,
        }


def _whole(meter: Meter, act: Act) -> tuple[Reading, float]:
    """What a flow costs, and milliseconds to its last notification."""
    before, started = meter.read(), time.perf_counter()
    act.act()
    try:
        ended = meter.settle(act.is_done)
    except RuntimeError as error:
        error.add_note(f"flow: {act.name}")
        raise
    return meter.read().since(before), (ended - started) * 1000


def _answer(meter: Meter, act: Act) -> tuple[Reading, float]:
    """What a request costs until its answer, and its milliseconds."""
    before, started = meter.read(), time.perf_counter()
    act.act()
    ended = time.perf_counter()
    reading = meter.read().since(before)
    meter.settle(quiet=0.2)
    return reading, (ended - started) * 1000


@contextmanager
def _running(documents: str) -> Generator[tuple[Stack, Meter]]:
    with tempfile.TemporaryDirectory(prefix="studio-request-units-") as folder:
        data, log = Path(folder) / "data", Path(folder) / "storage.log"
        settings = {**SETTINGS, "FUNCTIONS_MASTER_KEY": secrets.token_urlsafe(24)}
        # Administrators are remembered by address, so the two stacks must not have the same.
        with (
            storage_log(log),
            Stack(data, settings=settings, port=free_port(), documents=documents, throughput=0) as stack,
        ):
            account = stack.providers.get("cosmos")
            yield stack, Meter(data, log, account["url"] if account else None)


def _figures(readings: list[Reading], ms: list[float]) -> dict[str, Any]:
    """Means of some runs; `ms` is their median."""
    count = len(readings)
    return {
        "ru": round(sum(reading.total() for reading in readings) / count, 2),
        "operations": _mean([reading.counted() for reading in readings]),
        "byContainer": _mean([reading.by(0) for reading in readings]),
        "storage": _mean([dict(reading.storage) for reading in readings]),
        "ms": round(statistics.median(ms), 1),
    }


def _mean(found: list[dict[str, float]] | list[dict[str, int]]) -> dict[str, float]:
    names = {name for one in found for name in one}
    means = {name: round(sum(one.get(name, 0) for one in found) / len(found), 2) for name in names}
    return dict(sorted(means.items(), key=lambda one: (-one[1], one[0])))


def _ceilings(conversions: list[Reading]) -> dict[str, float]:
    """Conversions a second at which a container of a serverless account is used up."""
    used = _mean([reading.by(0) for reading in conversions])
    return {name: round(SERVERLESS_RU_PER_SECOND / ru, 1) for name, ru in used.items() if ru}


def _hot(by_user: list[dict[str, Reading]]) -> list[dict[str, Any]]:
    """Partitions that flows of several users write to or read, and queries over all partitions; dearest first.

    With one run there is one user, so that only queries over all partitions are known.
    """
    users: dict[tuple[str, str], set[int]] = defaultdict(set)
    ru: dict[tuple[str, str], dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for number, mine in enumerate(by_user):
        for flow, reading in mine.items():
            for (container, _, partition), charge in reading.ru.items():
                users[container, partition].add(number)
                ru[container, partition][flow] += charge / len(by_user)
    shared = [key for key, seen in users.items() if len(seen) > 1 or key[1] == "*"]
    listed = [
        {
            "container": container,
            "partition": name_of(partition),
            "ru": round(sum(ru[container, partition].values()), 2),
            "byFlow": {name: round(value, 2) for name, value in ru[container, partition].items()},
        }
        for container, partition in shared
    ]
    return sorted(listed, key=lambda one: -one["ru"])


NAMES: Final = (
    (r"^\[\"(.*)\"\]$", r"\1"),
    (r"\d{4}-\d\d-\d\dT\d\d", "<hour>"),
    (r"\d{4}-\d\d-\d\d", "<day>"),
    (r":\d{10}$", ":<window>"),
    (r"127\.0\.0\.1", "<address>"),
    (r"^01[0-9a-z]{24}$", "<vendor>"),
)
"""Parts of partition keys that differ from run to run, and what stands for them."""


def name_of(partition: str) -> str:
    """A partition key by name; callers of this bench have one address."""
    if partition == "*":
        return "all (query over partitions)"
    for pattern, name in NAMES:
        partition = re.sub(pattern, name, partition)
    return partition


def _timers(stack: Stack, meter: Meter) -> dict[str, Any]:
    """One run of each timer on the data that the flows have left."""
    found: dict[str, Any] = {}
    key = {"x-functions-key": stack.settings["FUNCTIONS_MASTER_KEY"]}
    for name, runs in TIMERS.items():
        before = meter.read()
        requests.post(f"{stack.url}/admin/functions/{name}", json={}, headers=key, timeout=60).raise_for_status()
        meter.settle()
        reading = meter.read().since(before)
        found[name] = {"ru": reading.total(), "operations": reading.counted(), "runsPerDay": runs}
    return found


def kept(figures: dict[str, Any], runs: int) -> str:
    """What `bench/request_units.json` keeps of the figures: JSON, a route or flow a line."""
    names = ("ru", "operations", "byContainer", "storage")
    lines = [f'{{"runs": {runs},']
    for part in ("flows", "routes"):
        rows = [
            f"  {json.dumps(name)}: {json.dumps({key: one[key] for key in names})}"
            for name, one in figures[part].items()
        ]
        lines += [f' "{part}": {{', ",\n".join(rows), " },"]
    hot = ",\n".join(f"  {json.dumps(one)}" for one in figures["hotPartitions"])
    return "\n".join([*lines, ' "hotPartitions": [', hot, " ],", f' "timers": {json.dumps(figures["timers"])}}}', ""])


if __name__ == "__main__":
    MEASURED.write_text(kept(_measure("cosmos", RUNS), RUNS))
