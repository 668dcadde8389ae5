"""The document-store port: what the rest of the house may ask of Cosmos DB, no more.

`SqliteStore` and `CosmosStore` keep the same promises; `tests/shared/documents` checks both. Where Cosmos DB
is strict (ids, sizes, patches of missing parents, types in comparisons) the port is strict for both, so that
what passes on one machine passes in Azure.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol, Self

from shared.documents.values import check_where

Op = Literal["=", "!=", "<", "<=", ">", ">=", "in", "contains", "exists"]


class Document(dict[str, Any]):
    """An item as stored, with `_etag` (opaque) and `_ts` (seconds since the epoch of the last write)."""

    @property
    def etag(self) -> str:
        """The version of the item, for `etag=` of a later write."""
        return str(self["_etag"])


class _Condition(NamedTuple):
    field: str
    op: Op
    value: Any = True


class Where(_Condition):
    """One condition; several are ANDed.

    Args:
        field: name, dotted for nested objects (`payload.kind`); segments match `[A-Za-z][A-Za-z0-9_-]*`.
        op: comparisons hold only between values of one JSON type, and never for a missing field, as in Cosmos
            DB; `in` takes a sequence of values of one type; `contains` asks for a value in an array field;
            `exists` takes True (default) or False, and a field that is null exists.
        value: str, bool, int, float; None only with `=`.

    Raises:
        InvalidOperation: if field, op or value are not of that kind.
    """

    def __new__(cls, field: str, op: Op, value: Any = True) -> Self:
        check_where(field, op, value)
        return super().__new__(cls, field, op, value)


class Page(NamedTuple):
    """One page of a query; `continuation`, handed back with the same query, asks for the next. None: the
    last.
    """

    items: list[Document]
    continuation: str | None = None


class Create(NamedTuple):
    """Write a new item; fails with `DocumentConflict` if its id or a unique key is taken."""

    item: Mapping[str, Any]


class Replace(NamedTuple):
    """Overwrite an item; `DocumentNotFound` if missing, `PreconditionFailed` if `etag` is given and not
    current.
    """

    item: Mapping[str, Any]
    etag: str | None = None


class Upsert(NamedTuple):
    """Write an item whether it exists or not."""

    item: Mapping[str, Any]


class Patch(NamedTuple):
    """Change some fields of an item, atomically; see `DocumentStore.patch`."""

    id: str
    set: Mapping[str, Any] | None = None
    incr: Mapping[str, int | float] | None = None
    remove: Sequence[str] | None = None
    where: Sequence[Where] = ()
    etag: str | None = None


class Delete(NamedTuple):
    """Remove an item; fails as `Replace` does."""

    id: str
    etag: str | None = None


Operation = Create | Replace | Upsert | Patch | Delete


class DocumentStore(Protocol):
    """Items in containers (`shared.documents.containers`), each in the partition its partition-key field
    names.

    An item is a JSON object with a string `id` (1-1023 bytes, none of `/ \\ ? #` or control characters),
    unique in its partition, and a non-empty string under the partition key; at most 2 MB. `ttl` in an item is
    its life in seconds from its last write (-1: for ever), over the container's own. An expired item is gone
    for every method. Every write gives a new ETag.

    All methods raise `InvalidOperation` for what can't be stored or asked, `DocumentTooLarge`, and
    `Unavailable` (retryable) when the store is down or busy. They may be called from any thread.
    """

    def create(self, container: str, item: Mapping[str, Any]) -> Document:
        """Write a new item. Raises `DocumentConflict` if the id or a unique key is taken in the partition."""
        ...

    def read(self, container: str, id: str, partition: str) -> Document:
        """The item. Raises `DocumentNotFound`; also for an id no item can have."""
        ...

    def find(self, container: str, id: str, partition: str) -> Document | None:
        """The item, or None."""
        ...

    def find_many(self, container: str, keys: Sequence[tuple[str, str]]) -> list[Document | None]:
        """The items of (id, partition), in this order, None for each that `find` would not give."""
        ...

    def replace(self, container: str, item: Mapping[str, Any], *, etag: str | None = None) -> Document:
        """Overwrite an item, with `etag` only that version.

        Raises `DocumentNotFound`, `PreconditionFailed`, `DocumentConflict` (unique key).
        """
        ...

    def upsert(self, container: str, item: Mapping[str, Any]) -> Document:
        """Write an item whether it exists or not. Raises `DocumentConflict` (unique key)."""
        ...

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
        """Change fields atomically: first all of `set`, then `incr`, then `remove`; 1 to 10 changes in all.

        Fields may be dotted; the parent object must exist. `incr` on a missing field creates it with the
        value; `remove` of a missing field is `InvalidOperation` (set it to None instead where it may be
        missing). The id and the partition key can't be changed. Returns the item after the change.

        Raises `DocumentNotFound` if there is no item, `PreconditionFailed` if `where` does not hold or `etag`
        is another version, `DocumentConflict` (unique key).
        """
        ...

    def delete(self, container: str, id: str, partition: str, *, etag: str | None = None) -> None:
        """Remove an item, with `etag` only that version. Raises `DocumentNotFound`, `PreconditionFailed`."""
        ...

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
        """Items that meet all conditions, in one partition or (dearer) in all.

        Args:
            order_by: field to sort by; only items in which it is a string or a number are returned, and all
                of them should have one type. Few items should share a value. Without it the order is by id.
            limit: items on a page, 1 to 1000.
            continuation: token of the page before; items inserted meanwhile never make one come twice or go
                missing.
        """
        ...

    def count(self, container: str, *where: Where, partition: str | None = None) -> int:
        """How many items meet all conditions."""
        ...

    def batch(self, container: str, partition: str, operations: Sequence[Operation]) -> list[Document]:
        """1 to 100 operations in one partition, in order, all or nothing.

        Returns the item after each operation (for a `Delete` an empty document).
        Raises `BatchFailed(index, cause)` with the error of the operation that failed; nothing is written
        then.
        """
        ...

    def close(self) -> None:
        """Let go of connections; the store can't be used afterwards."""
        ...
