"""The speed of the Cosmos DB emulator as the product's adapter sees it, against SQLite in the same process and run."""

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
TEXT: Final = "x" * 900
"""Makes an item about 1 KB."""


def main(quick: bool = False) -> dict[str, Any]:
    """Measure start time, operations per second by one client and by eight threads, and memory."""
    count = QUICK_ITEMS if quick else ITEMS
    starts = [_start_ms() for _ in range(1 if quick else STARTS)]
    with tempfile.TemporaryDirectory() as folder, launch("cosmos", "--throughput", "0") as facts:
        (process,) = [child for child in psutil.Process().children() if "emulators.cosmos" in " ".join(child.cmdline())]
        empty = process.memory_info().rss
        cosmos = connect(facts["endpoint"], facts["key"], database="bench", create=True)
        sqlite = SqliteStore(Path(folder) / "documents.sqlite")
        before = sum(process.cpu_times()[:2])
        measured = {"cosmos": _rates(cosmos, count), "sqlite": _rates(sqlite, count)}
        spent = sum(process.cpu_times()[:2]) - before
        full = process.memory_info().rss
        cosmos.close()
        sqlite.close()
    return {
        "ok": True,
        "items": count,
        "start_ms": round(statistics.median(starts), 1),
        "cosmos_per_second": measured["cosmos"],
        "sqlite_per_second": measured["sqlite"],
        "sqlite_over_cosmos": {n: round(v / measured["cosmos"][n], 1) for n, v in measured["sqlite"].items()},
        "emulator_cpu_s": round(spent, 2),
        "memory_mb": {"empty": round(empty / 1e6, 1), "after": round(full / 1e6, 1)},
    }


def _start_ms() -> float:
    started = time.perf_counter()
    with launch("cosmos"):
        return (time.perf_counter() - started) * 1000


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


def _rate(run: Callable[[], object], times: int) -> float:
    started = time.perf_counter()
    run()
    return round(times / (time.perf_counter() - started), 1)
