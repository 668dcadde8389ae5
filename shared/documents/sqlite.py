"""Documents in one SQLite file: the embedded default, safe for several processes and threads, alive after a
restart.

One table a container. A write deletes the row and inserts it again, so that the AUTOINCREMENT key `lsn` is the
order of all writes and reading by it is the change feed. Writers take the file's one write lock first
(`BEGIN IMMEDIATE`), so what they read is still true when they commit; readers never wait (WAL). Expired rows
are hidden from reads and purged by the next write to their container.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from shared.clock import now
from shared.documents import sqlite_sql as sql
from shared.documents.checks import check_operation, check_operations
from shared.documents.containers import CONTAINERS, Container
from shared.documents.patching import apply_patch
from shared.documents.sqlite_file import SqliteFile
from shared.documents.store import (
    Create,
    Delete,
    Document,
    Operation,
    Page,
    Patch,
    Replace,
    Upsert,
    Where,
)
from shared.documents.values import (
    InvalidOperation,
    check_limit,
    check_partition,
    check_ttl,
    decode_token,
    dump,
    encode_token,
    valid_id,
)
from shared.errors import (
    BatchFailed,
    DocumentConflict,
    DocumentNotFound,
    PreconditionFailed,
    StoreError,
)


class SqliteStore:
    """`DocumentStore` in one file.

    Args:
        path: the file, made if missing; see `SqliteFile`.
        containers: what may be used, by name.
        clock: seconds since the epoch; decides `_ts` and when items expire.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        containers: Mapping[str, Container] = CONTAINERS,
        clock: Callable[[], float] = now,
    ) -> None:
        self._file = SqliteFile(Path(path))
        self._containers = dict(containers)
        self._clock = clock
        with self._file.transaction() as connection:
            for container in self._containers.values():
                for statement in sql.schema(container):
                    connection.execute(statement)

    def create(self, container: str, item: Mapping[str, Any]) -> Document:
        """See `DocumentStore.create`."""
        return self._write(container, None, Create(item))

    def read(self, container: str, id: str, partition: str) -> Document:
        """See `DocumentStore.read`."""
        document = self.find(container, id, partition)
        if document is None:
            raise DocumentNotFound(f"no item {id[:100]!r} in {container}")
        return document

    def find(self, container: str, id: str, partition: str) -> Document | None:
        """See `DocumentStore.find`."""
        found = self._container(container)
        if not valid_id(id):
            return None
        check_partition(partition)
        rows = self._file.fetch(sql.point_read(found), (partition, id, self._clock()))
        return _document(rows[0]) if rows else None

    def find_many(self, container: str, keys: Sequence[tuple[str, str]]) -> list[Document | None]:
        """See `DocumentStore.find_many`."""
        statement = sql.point_reads(self._container(container))
        wanted = json.dumps([[id, check_partition(partition)] for id, partition in keys if valid_id(id)])
        rows = {(row[3], row[4]): row for row in self._file.fetch(statement, (wanted, self._clock()))}
        return [_document(rows[key]) if key in rows else None for key in keys]

    def replace(self, container: str, item: Mapping[str, Any], *, etag: str | None = None) -> Document:
        """See `DocumentStore.replace`."""
        return self._write(container, None, Replace(item, etag))

    def upsert(self, container: str, item: Mapping[str, Any]) -> Document:
        """See `DocumentStore.upsert`."""
        return self._write(container, None, Upsert(item))

    def patch(
        self,
        container: str,
        id: str,
        partition: str,
        *,
        set: Mapping[str, Any] | None = None,
        incr: Mapping[str, int | float] | None = None,
        remove: Sequence[str] | None = None,
        where: Sequence[Where] = (),
        etag: str | None = None,
    ) -> Document:
        """See `DocumentStore.patch`."""
        return self._write(container, partition, Patch(id, set, incr, remove, where, etag))

    def delete(self, container: str, id: str, partition: str, *, etag: str | None = None) -> None:
        """See `DocumentStore.delete`."""
        self._write(container, partition, Delete(id, etag))

    def query(
        self,
        container: str,
        *where: Where,
        partition: str | None = None,
        order_by: str | None = None,
        descending: bool = False,
        limit: int = 100,
        continuation: str | None = None,
    ) -> Page:
        """See `DocumentStore.query`. The token holds the last item's order value, partition and id."""
        found = self._container(container)
        check_limit(limit)
        if partition is not None:
            check_partition(partition)
        after: list[Any] | None = None
        if continuation is not None:
            token = decode_token(continuation)
            after = token.get("after")
            if [token.get("by"), token.get("desc")] != [order_by, descending] or not sql.valid_after(after):
                raise InvalidOperation("the continuation token belongs to another query", field="continuation")
        statement, parameters = sql.page(found, where, self._clock(), partition, order_by, descending, limit + 1, after)
        rows = self._file.fetch(statement, parameters)
        following = None
        if len(rows) > limit:
            rows = rows[:limit]
            following = encode_token({"by": order_by, "desc": descending, "after": list(rows[-1][3:6])})
        return Page([_document(row) for row in rows], following)

    def count(self, container: str, *where: Where, partition: str | None = None) -> int:
        """See `DocumentStore.count`."""
        if partition is not None:
            check_partition(partition)
        statement, parameters = sql.count(self._container(container), where, self._clock(), partition)
        return int(self._file.fetch(statement, parameters)[0][0])

    def batch(self, container: str, partition: str, operations: Sequence[Operation]) -> list[Document]:
        """See `DocumentStore.batch`."""
        found = self._container(container)
        checked, _ = check_operations(found, partition, operations)
        documents: list[Document] = []
        with self._file.transaction() as connection:
            at = self._purge(connection, found)
            for index, operation in enumerate(checked):
                try:
                    documents.append(self._apply(connection, found, partition, operation, at))
                except StoreError as error:
                    raise BatchFailed(index, error) from error
        return documents

    def changes(self, container: str, since_lsn: int = 0, limit: int = 100) -> list[Document]:
        """The change feed: the latest version of items written after `since_lsn`, oldest write first.

        Each document carries its number in `_lsn`; hand the last one in again. Deletions don't show.
        """
        found = self._container(container)
        check_limit(limit)
        rows = self._file.fetch(sql.changes(found), (since_lsn, self._clock(), limit))
        return [Document({**_document(row), "_lsn": row[3]}) for row in rows]

    def close(self) -> None:
        """See `DocumentStore.close`."""
        self._file.close()

    def _container(self, name: str) -> Container:
        try:
            return self._containers[name]
        except KeyError:
            raise InvalidOperation(f"no container {name!r}") from None

    def _purge(self, connection: sqlite3.Connection, container: Container) -> float:
        """Drop what has expired, so that the open transaction meets live rows only; returns its time."""
        at = self._clock()
        connection.execute(sql.purge(container), (at,))
        return at

    def _write(self, name: str, partition: str | None, operation: Operation) -> Document:
        container = self._container(name)
        if partition is not None:
            check_partition(partition)
        checked, _ = check_operation(container, None, operation)
        with self._file.transaction() as connection:
            return self._apply(connection, container, partition or "", checked, self._purge(connection, container))

    def _apply(
        self,
        connection: sqlite3.Connection,
        container: Container,
        partition: str,
        operation: Operation,
        at: float,
    ) -> Document:
        """Do one checked operation in the open transaction; returns the item as it is then."""
        match operation:
            case Create(item):
                pass
            case Upsert(item):
                connection.execute(sql.delete(container), (item[container.partition_key], item["id"]))
            case Replace(item, etag):
                self._take(connection, container, item[container.partition_key], item["id"], etag)
            case Delete(id, etag):
                self._take(connection, container, partition, id, etag)
                return Document()
            case Patch(id=id, etag=etag, where=where):
                item = apply_patch(self._take(connection, container, partition, id, etag, where), operation)
                check_ttl(item)
        body = dump(item)
        version = f'"{secrets.token_hex(8)}"'
        ttl = item.get("ttl") or container.ttl
        expires_at = at + ttl if ttl is not None and ttl > 0 else None
        row = (item[container.partition_key], item["id"], body, version, at, expires_at)
        try:
            connection.execute(sql.insert(container), row)
        except sqlite3.IntegrityError as error:
            raise DocumentConflict(f"the id or a unique key is taken in {container.name}") from error
        return _document((body, version, at))

    def _take(
        self,
        connection: sqlite3.Connection,
        container: Container,
        partition: str,
        id: str,
        etag: str | None,
        where: Sequence[Where] = (),
    ) -> dict[str, Any]:
        """Remove the row to be rewritten, after checking its ETag and predicate; returns its item."""
        statement, parameters = sql.take(container, where)
        row = None
        if valid_id(id):
            row = connection.execute(statement, (*parameters, partition, id)).fetchone()
        if row is None:
            raise DocumentNotFound(f"no item {id[:100]!r} in {container.name}")
        body, current, lsn, holds = row
        if etag is not None and etag != current:
            raise PreconditionFailed("the item has been changed meanwhile")
        if not holds:
            raise PreconditionFailed("the condition of the patch does not hold")
        connection.execute(sql.delete_row(container), (lsn,))
        return from_json(body)


def _document(row: Sequence[Any]) -> Document:
    try:
        document = Document(from_json(row[0]))
    except ValueError:
        # Of what `dump` wrote, the parser refuses only this; the writer gets the error, before the commit.
        raise InvalidOperation("the item is nested too deep") from None
    document["_etag"], document["_ts"] = row[1], int(row[2])
    return document
