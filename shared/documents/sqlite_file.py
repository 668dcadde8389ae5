"""One SQLite file shared by threads and processes: a connection for each thread, one writer at a time."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from shared.errors import Unavailable

BUSY_SECONDS = 30.0


class _Connection(sqlite3.Connection):
    """Closes itself when its thread ends and takes the last reference with it."""

    def __del__(self) -> None:
        self.close()


class SqliteFile:
    """Runs statements; a method raises `Unavailable` if the file stays locked, or can't be opened or written.

    Args:
        path: the file; it and its folder are made if missing. Not on a network drive (WAL needs shared
            memory).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._local = threading.local()
        self._open: weakref.WeakSet[_Connection] = weakref.WeakSet()
        self._pid = os.getpid()
        self._inherited: list[threading.local] = []
        path.parent.mkdir(parents=True, exist_ok=True)

    def fetch(self, statement: str, parameters: Sequence[Any]) -> list[Any]:
        """All rows of a query."""
        with _unavailable():
            return self._connection().execute(statement, parameters).fetchall()

    @contextmanager
    def transaction(self) -> Generator[sqlite3.Connection]:
        """Hold the write lock; commits at the end, or rolls back if the block raises."""
        with _unavailable():
            connection = self._connection()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the connections of all threads; the next statement opens one again."""
        for connection in list(self._open):
            connection.close()
        self._local = threading.local()

    def _connection(self) -> sqlite3.Connection:
        # A connection must not cross a fork, and a child that closed it would drop the parent's file locks.
        if os.getpid() != self._pid:
            self._pid = os.getpid()
            self._inherited.append(self._local)
            self._local = threading.local()
            self._open = weakref.WeakSet()
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._connect()
        return connection

    def _connect(self) -> _Connection:
        connection = sqlite3.connect(
            self.path,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            factory=_Connection,
        )
        # Switching to WAL needs exclusive access; SQLite answers "locked" immediately instead of waiting.
        deadline = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                connection.execute("PRAGMA journal_mode=WAL")
                break
            except sqlite3.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
        connection.execute("PRAGMA synchronous=NORMAL")
        self._open.add(connection)
        return connection


@contextmanager
def _unavailable() -> Generator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise Unavailable(f"the document store is busy or broken: {error}") from error
