"""What `bench request_units` reads off a running stack: request units, operations on storage, work that is left."""

from __future__ import annotations

import re
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

from shared.jobs.models import OPEN

QUIET_S = 0.8
"""A flow is over when nothing has been written or asked for so long."""
PATIENCE_S = 120.0


def charges(account: str) -> list[dict[str, Any]]:
    """Request units so far, `ru`, and `count` of operations by `container`, `operation` and `partition`."""
    return requests.get(f"{account}/_emulator/charges", timeout=30).json()["charges"]


def storage_calls(log: Path) -> Counter[str]:
    """Calls of Blob and Queue Storage in a log by kind, without polls and listings."""
    found = Counter(map(kind_of, log.read_text().splitlines()))
    found.pop("poll", None)
    return found


@dataclass
class Reading:
    """Counters at one moment, or their difference."""

    ru: Counter[tuple[str, str, str]] = field(default_factory=Counter[tuple[str, str, str]])
    """Request units by (container, operation, partition)."""
    operations: Counter[tuple[str, str, str]] = field(default_factory=Counter[tuple[str, str, str]])
    storage: Counter[str] = field(default_factory=Counter[str])
    """Operations on Blob and Queue Storage by kind."""

    def since(self, before: Reading) -> Reading:
        """What has been added."""
        return Reading(self.ru - before.ru, self.operations - before.operations, self.storage - before.storage)

    def total(self) -> float:
        """Request units in all."""
        return round(sum(self.ru.values()), 2)

    def by(self, place: int) -> dict[str, float]:
        """Request units by container (0) or operation (1), the largest first."""
        found: Counter[str] = Counter()
        for key, ru in self.ru.items():
            found[key[place]] += ru  # pyright: ignore[reportArgumentType] - a counter of floats
        return {name: round(ru, 2) for name, ru in found.most_common()}

    def counted(self) -> dict[str, int]:
        """How many operations of each kind."""
        found: Counter[str] = Counter()
        for (_, operation, _), count in self.operations.items():
            found[operation] += count
        return dict(found.most_common())


class Meter:
    """Reads a stack whose data lie in `data`, without costing it anything."""

    def __init__(self, data: Path, storage_log: Path, account: str | None) -> None:
        self._documents = data / ("documents.sqlite" if account is None else "cosmos.sqlite")
        self._account = account
        self._storage_log = storage_log

    def read(self) -> Reading:
        """The counters now; request units only on Cosmos DB."""
        reading = Reading(storage=storage_calls(self._storage_log))
        if self._account is not None:
            for one in charges(self._account):
                key = (one["container"], one["operation"], one["partition"])
                reading.ru[key], reading.operations[key] = one["ru"], one["count"]
        return reading

    def count(self, container: str, **equal: Any) -> int:
        """How many documents of a container have these values, read from the file."""
        conditions = " AND ".join(f"json_extract(body, '$.{name}') = ?" for name in equal) or "1"
        return self._count(container, conditions, tuple(equal.values()))

    def open_jobs(self) -> int:
        """Jobs that are not over."""
        states = ", ".join("?" * len(OPEN))
        conditions = f"json_extract(body, '$.type') = 'job' AND json_extract(body, '$.status') IN ({states})"
        return self._count("studio", conditions, tuple(OPEN))

    def _count(self, container: str, conditions: str, values: tuple[Any, ...]) -> int:
        if self._account is None:
            table, scope = f'"documents_{container}"', "1"
        else:
            table, scope = "items", f"container = (SELECT rid FROM containers WHERE id = '{container}')"  # noqa: S608
        query = f"SELECT COUNT(*) FROM {table} WHERE {scope} AND {conditions}"  # noqa: S608
        connection = sqlite3.connect(f"file:{self._documents}?mode=ro", uri=True, timeout=30)
        try:
            return int(connection.execute(query, values).fetchone()[0])
        finally:
            connection.close()

    def settle(self, is_done: Callable[[], bool] = lambda: True, quiet: float = QUIET_S) -> float:
        """Wait until a flow is done, no job is open and nothing has happened for `quiet` seconds; when it was done.

        Raises RuntimeError when that does not come.
        """
        until = time.monotonic() + PATIENCE_S
        while not is_done() or self.open_jobs():
            if time.monotonic() > until:
                raise RuntimeError(f"a flow did not end ({self.open_jobs()} open jobs), so the figures are invalid")
            time.sleep(0.02)
        ended = time.perf_counter()
        before, since = self._activity(), time.monotonic()
        while time.monotonic() - since < quiet:
            time.sleep(0.05)
            now = self._activity()
            if now != before or self.open_jobs():
                before, since = now, time.monotonic()
        return ended

    def _activity(self) -> tuple[float, int]:
        reading = self.read()
        return reading.total(), sum(reading.storage.values())


def kind_of(line: str) -> str:
    """The kind of an operation on storage (`blob write`, `queue put`), or `poll`: what listeners ask all the time."""
    method, _, url = line.partition(" ")
    split = urlsplit(url)
    path, query = split.path.strip("/").split("/"), parse_qs(split.query)
    comp = query.get("comp", [""])[0]
    if "messages" in path:
        number = query.get("numofmessages")
        names = {"POST": "queue put", "PUT": "queue update", "DELETE": "queue delete"}
        return names.get(method, "poll" if number or method == "GET" else "queue other")
    if len(path) < 3 and not re.search(r"restype=(container|service)", url):
        return "queue other"
    if comp == "list":
        return "poll"
    names = {"PUT": "write", "POST": "write", "DELETE": "delete"}
    return f"blob {names.get(method, 'read')}"
