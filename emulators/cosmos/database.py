"""The data in one SQLite file: databases, containers, items, and what keeps them unique.

Every process that opens the file sees the same data; a write is one immediate transaction. An item that has outlived
its TTL is gone for every read, and is deleted when its place is written or its container swept.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from emulators.cosmos import rids
from emulators.cosmos.filters import Filter

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS databases (id TEXT PRIMARY KEY, rid TEXT NOT NULL UNIQUE, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS containers (
    database TEXT NOT NULL, id TEXT NOT NULL, rid TEXT NOT NULL UNIQUE, body TEXT NOT NULL,
    partitions INTEGER NOT NULL, PRIMARY KEY (database, id)
);
CREATE TABLE IF NOT EXISTS items (
    container TEXT NOT NULL, partition TEXT NOT NULL, id TEXT NOT NULL, epk TEXT NOT NULL, rid TEXT NOT NULL,
    lsn INTEGER NOT NULL, etag TEXT NOT NULL, written REAL NOT NULL, expires REAL, body TEXT NOT NULL,
    PRIMARY KEY (container, partition, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS items_by_place ON items (container, epk, rid);
CREATE INDEX IF NOT EXISTS items_by_change ON items (container, lsn);
CREATE INDEX IF NOT EXISTS items_by_expiry ON items (expires) WHERE expires IS NOT NULL;
CREATE TABLE IF NOT EXISTS unique_keys (
    container TEXT NOT NULL, partition TEXT NOT NULL, number INTEGER NOT NULL, value TEXT NOT NULL, id TEXT NOT NULL,
    PRIMARY KEY (container, partition, number, value)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS offers (rid TEXT PRIMARY KEY, resource TEXT NOT NULL UNIQUE, body TEXT NOT NULL);
"""


@dataclass(frozen=True)
class Row:
    """An item as stored; `body` is the client's JSON without system properties."""

    partition: str
    id: str
    epk: str
    rid: str
    lsn: int
    etag: str
    written: float
    expires: float | None
    body: str

    def document(self) -> dict[str, Any]:
        """The item with its system properties."""
        item: dict[str, Any] = json.loads(self.body)
        item["_rid"] = self.rid
        item["_self"] = f"{rids.prefix(rids.parent(self.rid))}docs/{self.rid}/"
        item["_etag"] = f'"{self.etag}"'
        item["_attachments"] = "attachments/"
        item["_ts"] = int(self.written)
        return item


# ruff: noqa: S608
COLUMNS: Final = "partition, id, epk, rid, lsn, etag, written, expires, body"


class Database:
    """The file. Methods may be called from one thread at a time; `transaction` serialises processes."""

    def __init__(self, path: Path | None) -> None:
        self._connection = sqlite3.connect(
            ":memory:" if path is None else path, isolation_level=None, check_same_thread=False, timeout=60
        )
        self._lock = threading.RLock()
        self._depth = 0
        self._lsns: dict[str, int] = {}
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "cache_size=-65536", "temp_store=MEMORY"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.executescript(SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Generator[None]:
        """All writes of the block, or none."""
        with self._lock:
            if self._depth:
                yield
                return
            self._depth += 1
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            else:
                self._connection.execute("COMMIT")
            finally:
                self._depth -= 1
                self._lsns.clear()

    def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
        """One statement."""
        return self._connection.execute(sql, parameters)

    def next(self, counter: str) -> int:
        """The next number of a counter, from 1 on."""
        row = self.execute(
            "INSERT INTO counters VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value",
            counter,
        ).fetchone()
        return int(row[0])

    def lsn(self, container: str) -> int:
        """The number of this transaction's change of a container, the same for all its writes."""
        known = self._lsns.get(container)
        if known is None:
            known = self._lsns[container] = self.next(f"lsn:{container}")
        return known

    def current(self, counter: str) -> int:
        """The last number of a counter; 0 before the first."""
        row = self.execute("SELECT value FROM counters WHERE name = ?", counter).fetchone()
        return int(row[0]) if row else 0

    # Items

    def find(self, container: str, partition: str, id: str) -> Row | None:
        """The item, unless it has expired."""
        row = self.execute(
            f"SELECT {COLUMNS} FROM items WHERE container = ? AND partition = ? AND id = ?", container, partition, id
        ).fetchone()
        found = Row(*row) if row else None
        return None if found is None or _expired(found) else found

    def find_by_rid(self, container: str, epk: str, rid: str) -> str | None:
        """The id of the item with a resource id."""
        row = self.execute(
            "SELECT id FROM items WHERE container = ? AND epk = ? AND rid = ?", container, epk, rid
        ).fetchone()
        return row[0] if row else None

    def put(self, container: str, row: Row) -> None:
        """Write an item, over the one that may be there."""
        self.execute(
            "INSERT OR REPLACE INTO items VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            container, row.partition, row.id, row.epk, row.rid, row.lsn, row.etag, row.written, row.expires, row.body,
        )  # fmt: skip

    def remove(self, container: str, partition: str, id: str) -> None:
        """Delete an item and its unique keys."""
        self.execute("DELETE FROM items WHERE container = ? AND partition = ? AND id = ?", container, partition, id)
        self.execute(
            "DELETE FROM unique_keys WHERE container = ? AND partition = ? AND id = ?", container, partition, id
        )

    def remove_all(self, container: str, partition: str) -> None:
        """Delete a logical partition."""
        for table in ("items", "unique_keys"):
            self.execute(f"DELETE FROM {table} WHERE container = ? AND partition = ?", container, partition)

    def scan(
        self,
        container: str,
        low: str,
        high: str,
        *,
        partition: str | None = None,
        after: tuple[str, str] | None = None,
        chosen: Filter | None = None,
    ) -> Iterator[Row]:
        """Items of a range of effective keys, or of one logical partition, by (epk, rid).

        Args:
            low: with `partition`, its effective key; the index has no other way to its items alone.
            after: the (epk, rid) to go on after.
            chosen: only items that pass it; for speed alone, the caller checks again.
        """
        places: list[tuple[str, tuple[Any, ...]]]
        if partition is not None:
            places = [("epk = ? AND partition = ? AND rid > ?", (low, partition, after[1] if after else ""))]
        elif after is not None and after[0] >= low:
            # Each of the two is one range of the index; their union is not.
            places = [("epk = ? AND rid > ?", after), ("epk > ? AND epk < ?", (after[0], high))]
        else:
            places = [("epk >= ? AND epk < ?", (low, high))]
        test, wanted = (f" AND {chosen.test}", chosen.values) if chosen else ("", ())
        for place, bounds in places:
            rows = self.execute(
                f"SELECT {COLUMNS} FROM items WHERE container = ? AND {place} AND (expires IS NULL OR expires > ?)"
                f"{test} ORDER BY epk, rid",
                container, *bounds, time.time(), *wanted,
            )  # fmt: skip
            for row in rows:
                yield Row(*row)

    def changes(
        self, container: str, low: str, high: str, after: int, limit: int, *, partition: str | None, since: float
    ) -> list[Row]:
        """Items of a range that changed after a number, in the order of their last change.

        Changes of one transaction come together, if need be more than `limit`.

        Args:
            partition: only this logical partition.
            since: only what was written at this time (seconds since 1970) or later.
        """
        chosen = (
            f"SELECT {COLUMNS} FROM items WHERE container = ? AND lsn > ? AND epk >= ? AND epk < ? AND written >= ? "
            "AND (expires IS NULL OR expires > ?)"
        )
        parameters: list[Any] = [container, after, low, high, since, time.time()]
        if partition is not None:
            chosen += " AND partition = ?"
            parameters.append(partition)
        rows = [Row(*row) for row in self.execute(f"{chosen} ORDER BY lsn LIMIT ?", *parameters, limit)]
        if len(rows) == limit:
            last = rows[-1].lsn
            rows = [row for row in rows if row.lsn < last]
            rows += [Row(*row) for row in self.execute(f"{chosen} AND lsn = ?", *parameters, last)]
        return rows

    def sweep(self) -> int:
        """Delete what has expired; returns how many items."""
        with self.transaction():
            gone = self.execute(
                "SELECT container, partition, id FROM items WHERE expires IS NOT NULL AND expires <= ?", time.time()
            ).fetchall()
            for container, partition, id in gone:
                self.remove(container, partition, id)
        return len(gone)


def _expired(row: Row) -> bool:
    return row.expires is not None and row.expires <= time.time()


def dump(value: Mapping[str, Any] | list[Any]) -> str:
    """Compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
