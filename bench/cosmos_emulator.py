"""The speed of the Cosmos DB emulator as the product's adapter sees it, against SQLite in the same process and run.

Growth is the emulator's own CPU time for a read and for a query of one user's documents, in a container of ten times
the documents and ten times the users: what one user costs must not grow with the others.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import psutil

from emulators.launch import launch
from shared.documents import Create, DocumentStore, Patch, Where
from shared.documents.cosmos import connect
from shared.documents.sqlite import SqliteStore

STARTS: Final = 5
ITEMS: Final = 2000
QUICK_ITEMS: Final = 200
THREADS: Final = 8
GROWTH: Final = 10
PER_USER: Final = 20
ASKED: Final = 200
"""Reads, and queries, whose CPU time is measured."""
TEXT: Final = "x" * 900
"""Makes an item about 1 KB."""


def main(quick: bool = False) -> dict[str, Any]:
    """Measure start time, operations per second by one client and by eight threads, memory and growth."""
    count = QUICK_ITEMS if quick else ITEMS
    starts = [_start() for _ in range(1 if quick else STARTS)]
    with tempfile.TemporaryDirectory() as folder, launch("cosmos", "--throughput", "0") as facts:
        process = _process()
        empty = process.memory_info().rss
        cosmos = connect(facts["endpoint"], facts["key"], database="bench", create=True)
        sqlite = SqliteStore(Path(folder) / "documents.sqlite")
        before = sum(process.cpu_times()[:2])
        measured = {"cosmos": _rates(cosmos, count), "sqlite": _rates(sqlite, count)}
        spent = sum(process.cpu_times()[:2]) - before
        full = process.memory_info().rss
        growth = _growth(cosmos, process, count)
        cosmos.close()
        sqlite.close()
    return {
        "ok": True,
        "items": count,
        "start_ms": round(statistics.median(wall for wall, _ in starts), 1),
        "start_cpu_ms": round(statistics.median(cpu for _, cpu in starts), 1),
        "cosmos_per_second": measured["cosmos"],
        "sqlite_per_second": measured["sqlite"],
        "sqlite_over_cosmos": {n: round(v / measured["cosmos"][n], 1) for n, v in measured["sqlite"].items()},
        "growth_cpu_ms": growth,
        "emulator_cpu_s": round(spent, 2),
        "memory_mb": {"empty": round(empty / 1e6, 1), "after": round(full / 1e6, 1)},
    }


def _process() -> psutil.Process:
    """The process of the emulator that runs."""
    (found,) = [child for child in psutil.Process().children() if "emulators.cosmos" in " ".join(child.cmdline())]
    return found


def _start() -> tuple[float, float]:
    """Milliseconds until it serves, and those of the processor."""
    started = time.perf_counter()
    with launch("cosmos"):
        return (time.perf_counter() - started) * 1000, sum(_process().cpu_times()[:2]) * 1000


def _rates(store: DocumentStore, count: int) -> dict[str, float]:
    """Operations a second: one client, then eight threads."""

    def create(number: int) -> object:
        return store.create("studio", {"id": str(number), "userId": str(number % 50), "n": number, "text": TEXT})

    def read(number: int) -> object:
        return store.read("studio", str(number), str(number % 50))

    def patch(number: int) -> object:
        return store.patch("studio", str(number), str(number % 50), incr={"n": 1}, where=[Where("n", ">=", 0)])

    def batch(number: int) -> object:
        user = str(number % 50)
        made = Create({"id": f"b{number}", "userId": user, "text": TEXT})
        return store.batch("studio", user, [made, Patch(str(number), incr={"n": 1})])

    def query(number: int) -> object:
        return store.query("studio", Where("n", ">=", 0), partition=str(number % 50), order_by="n", limit=20)

    tasks: dict[str, tuple[Callable[[int], object], int]] = {
        "create": (create, count), "read": (read, count), "patch": (patch, count), "batch": (batch, count // 2),
        "query of 20": (query, count // 10),
    }  # fmt: skip
    rates = {name: _rate(lambda act=act, times=times: list(map(act, range(times))), times)
             for name, (act, times) in tasks.items()}  # fmt: skip
    with ThreadPoolExecutor(THREADS) as pool:
        for name, act in (("read", read), ("patch", patch)):
            rates[f"{name}, {THREADS} threads"] = _rate(lambda act=act: list(pool.map(act, range(count))), count)
    return rates


def _growth(store: DocumentStore, process: psutil.Process, count: int) -> dict[str, dict[str, float]]:
    """The emulator's CPU time for an operation, by the number of documents in the container."""

    def cpu_ms(act: Callable[[str], object], users: int) -> float:
        before = sum(process.cpu_times()[:2])
        for number in range(ASKED):
            act(f"user{number % users}")
        return round((sum(process.cpu_times()[:2]) - before) / ASKED * 1000, 2)

    found: dict[str, dict[str, float]] = {}
    users = 0
    for documents in (count, count * GROWTH):
        for user in range(users, documents // PER_USER):
            made = [Create({"id": f"{user}-{n}", "userId": f"user{user}", "n": n}) for n in range(PER_USER)]
            store.batch("payments", f"user{user}", made)
        users = documents // PER_USER
        found[f"{documents} documents"] = {
            "read": cpu_ms(lambda user: store.read("payments", f"{user.removeprefix('user')}-0", user), users),
            "query of 20": cpu_ms(lambda user: store.query("payments", partition=user, order_by="n", limit=20), users),
        }
    return found


def _rate(run: Callable[[], object], times: int) -> float:
    started = time.perf_counter()
    run()
    return round(times / (time.perf_counter() - started), 1)
