"""Documents in Cosmos DB for NoSQL, by the synchronous `azure-cosmos` client.

Imported by `shared.documents.store` only when it is configured, so that nothing else loads the SDK.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from azure.core import MatchConditions
from azure.cosmos import ContainerProxy, CosmosClient, PartitionKey

from shared.documents import cosmos_sql as sql
from shared.documents.checks import RECEIPT, SYSTEM_FIELDS, check_operation, check_operations
from shared.documents.containers import CONTAINERS, Container
from shared.documents.cosmos_client import ensured, make_client, patiently
from shared.documents.cosmos_errors import AnswerLost, port_errors
from shared.documents.cosmos_receipts import Receipt, item_id, with_receipt
from shared.documents.store import Create, Delete, Document, Operation, Page, Patch, Replace, Upsert, Where
from shared.documents.values import (
    InvalidOperation,
    check_limit,
    check_partition,
    decode_token,
    encode_token,
    valid_id,
)
from shared.errors import BatchFailed, DocumentNotFound

INDEXED: dict[str, Any] = {
    "indexingMode": "consistent",
    "automatic": True,
    "includedPaths": [{"path": "/*"}],
    "excludedPaths": [{"path": '/"_etag"/?'}, {"path": f'/"{RECEIPT}"/?'}],
}
"""Of a container whose items are found by any field; receipts are looked at by id."""
UNINDEXED: dict[str, Any] = {
    "indexingMode": "consistent",
    "automatic": True,
    "includedPaths": [],
    "excludedPaths": [{"path": "/*"}],
}
"""Of a container whose items are found by id and partition alone; expiry and the condition of a patch need no index."""


CHECKS_S: Final = (0.0, 0.1, 0.4)
"""Pauses before each look for the receipt of a write whose answer was lost: a replica may lag behind."""


def connect(
    endpoint: str,
    key: str | None,
    *,
    database: str,
    verify_tls: bool = True,
    create: bool = False,
    containers: Mapping[str, Container] = CONTAINERS,
) -> CosmosStore:
    """A store on an account.

    Args:
        endpoint, key, verify_tls: see `make_client`.
        database: its name.
        create: make the database and the containers if missing; needs a key, roles of the data plane don't
            suffice.
        containers: what may be used, by name.

    Raises:
        Unavailable, ConfigurationError: if the account can't be reached or refuses.
    """
    with port_errors():
        client = make_client(endpoint, key, verify_tls=verify_tls)
        if create:
            _create(client, database, containers)
    return CosmosStore(client, database, containers=containers)


def _create(client: CosmosClient, database: str, containers: Mapping[str, Container]) -> None:
    proxy = ensured(lambda: client.create_database_if_not_exists(database))
    for container in containers.values():
        policy = {"uniqueKeys": [{"paths": ["/" + field.replace(".", "/")]} for field in container.unique]}
        make = partial(
            proxy.create_container_if_not_exists,
            container.name,
            PartitionKey(path="/" + container.partition_key),
            # -1 keeps items, but lets an item's own ttl count; without a default it would be ignored.
            default_ttl=container.ttl if container.ttl is not None else -1,
            unique_key_policy=policy if container.unique else None,
            indexing_policy=INDEXED if container.indexed else UNINDEXED,
        )
        ensured(make)


class CosmosStore:
    """`DocumentStore` in one database of an account; `connect` makes it.

    Args:
        client: one per process; used from any thread.
        database: its name.
        containers: what may be used, by name.
    """

    def __init__(
        self, client: CosmosClient, database: str, *, containers: Mapping[str, Container] = CONTAINERS
    ) -> None:
        self._client = client
        self._database = client.get_database_client(database)
        self._containers = dict(containers)
        self._proxies: dict[str, ContainerProxy] = {}

    def create(self, container: str, item: Mapping[str, Any]) -> Document:
        """See `DocumentStore.create`."""
        return self._write(container, None, Create(item))

    def read(self, container: str, id: str, partition: str) -> Document:
        """See `DocumentStore.read`."""
        proxy = self._proxy(container)
        if not valid_id(id):
            raise DocumentNotFound(f"no item {id[:100]!r} in {container}")
        check_partition(partition)
        with port_errors():
            return _document(patiently(lambda: proxy.read_item(id, partition)))

    def find(self, container: str, id: str, partition: str) -> Document | None:
        """See `DocumentStore.find`."""
        try:
            return self.read(container, id, partition)
        except DocumentNotFound:
            return None

    def find_many(self, container: str, keys: Sequence[tuple[str, str]]) -> list[Document | None]:
        """See `DocumentStore.find_many`: a query for each physical partition, those beside each other."""
        proxy, field = self._proxy(container), self._container(container).partition_key
        wanted = {(id, check_partition(partition)) for id, partition in keys if valid_id(id)}
        with port_errors():
            rows = patiently(lambda: proxy.read_items(list(wanted))) if wanted else []
        found = {(row["id"], row[field]): _document(row) for row in rows}
        return [found.get(key) for key in keys]

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
        """See `DocumentStore.query`.

        The token holds the last item's order value and the keys of the items seen that share it, since Cosmos
        DB sorts by two fields only with a composite index, and the SDK can't continue an ordered
        cross-partition query.
        """
        found = self._container(container)
        check_limit(limit)
        after: Any = None
        if continuation is not None:
            token = decode_token(continuation)
            after = token.get("after")
            if [token.get("by"), token.get("desc")] != [order_by, descending] or not sql.valid_after(after):
                raise InvalidOperation("the continuation token belongs to another query", field="continuation")
        statement = sql.page(found, where, partition, order_by, descending, limit + 1, after)
        rows = self._query(container, statement, partition, limit + 1)
        following = None
        if len(rows) > limit:
            rows = rows[:limit]
            following = encode_token(
                {"by": order_by, "desc": descending, "after": sql.position(found, rows, order_by, after)}
            )
        return Page([_document(row) for row in rows], following)

    def count(self, container: str, *where: Where, partition: str | None = None) -> int:
        """See `DocumentStore.count`."""
        return sum(self._query(container, sql.count(self._container(container), where, partition), partition))

    def batch(self, container: str, partition: str, operations: Sequence[Operation]) -> list[Document]:
        """See `DocumentStore.batch`."""
        proxy = self._proxy(container)
        checked, size = check_operations(self._container(container), partition, operations)
        for index, operation in enumerate(checked):
            if isinstance(operation, Patch | Delete) and not valid_id(operation.id):
                raise BatchFailed(index, DocumentNotFound(f"no item {operation.id[:100]!r} in {container}"))
        checked, receipt = with_receipt(checked, size)
        sent = [_batch_operation(operation) for operation in checked]
        try:
            with port_errors():
                results = patiently(lambda: proxy.execute_item_batch(sent, partition))
        except AnswerLost as lost:
            self._check_done(container, partition, receipt, lost)
            return [self._now(container, partition, operation, lost) for operation in checked]
        return [_document(result.get("resourceBody") or {}) for result in results]

    def close(self) -> None:
        """See `DocumentStore.close`."""
        self._client.__exit__()

    def _container(self, name: str) -> Container:
        try:
            return self._containers[name]
        except KeyError:
            raise InvalidOperation(f"no container {name!r}") from None

    def _proxy(self, name: str) -> ContainerProxy:
        if name not in self._proxies:
            self._proxies[name] = self._database.get_container_client(self._container(name).name)
        return self._proxies[name]

    def _query(
        self, container: str, statement: sql.Statement, partition: str | None, page_size: int | None = None
    ) -> list[Any]:
        if partition is not None:
            scope: dict[str, Any] = {"partition_key": check_partition(partition)}
        else:
            scope = {"enable_cross_partition_query": True}
        if page_size is not None:
            scope["max_item_count"] = page_size
        proxy = self._proxy(container)
        with port_errors():
            return patiently(lambda: list(proxy.query_items(statement.text, parameters=statement.parameters, **scope)))

    def _write(self, name: str, partition: str | None, operation: Operation) -> Document:
        container = self._container(name)
        if partition is not None:
            check_partition(partition)
        checked, size = check_operation(container, None, operation)
        if isinstance(checked, Patch | Delete) and not valid_id(checked.id):
            raise DocumentNotFound(f"no item {checked.id[:100]!r} in {name}")
        (sent,), receipt = with_receipt([checked], size)
        if isinstance(sent, Create | Upsert | Replace):
            partition = str(sent.item[container.partition_key])
        try:
            with port_errors():
                return patiently(lambda: _send(self._proxy(name), partition or "", sent))
        except AnswerLost as lost:
            self._check_done(name, partition or "", receipt, lost)
            return self._now(name, partition or "", sent, lost)

    def _check_done(self, container: str, partition: str, receipt: Receipt | None, lost: AnswerLost) -> None:
        """Return if a write was done although its answer was lost.

        Raises:
            AnswerLost: that can't be known.
        """
        if receipt is None:
            raise lost
        proxy = self._proxy(container)
        for pause in CHECKS_S:
            time.sleep(pause)
            try:
                with port_errors():
                    if receipt.is_on(proxy.read_item(receipt.item_id, partition)):
                        return
            except DocumentNotFound:
                continue
        raise lost

    def _now(self, container: str, partition: str, operation: Operation, lost: AnswerLost) -> Document:
        """What an operation that was done has left: the item as it is now."""
        if isinstance(operation, Delete):
            return Document()
        found = self.find(container, item_id(operation), partition)
        if found is None:
            raise lost
        return found


def _send(proxy: ContainerProxy, partition: str, operation: Operation) -> Document:
    match operation:
        case Create(item):
            return _document(proxy.create_item(dict(item)))
        case Upsert(item):
            return _document(proxy.upsert_item(dict(item)))
        case Replace(item, etag):
            return _document(proxy.replace_item(item["id"], dict(item), **_if_match(etag)))
        case Delete(id, etag):
            proxy.delete_item(id, partition, **_if_match(etag))
            return Document()
        case Patch(id=id, where=where, etag=etag):
            changes, predicate = sql.patch_operations(operation), sql.predicate(where)
            return _document(proxy.patch_item(id, partition, changes, filter_predicate=predicate, **_if_match(etag)))


def _document(item: Mapping[str, Any]) -> Document:
    hidden = SYSTEM_FIELDS - {"_etag", "_ts"}
    return Document({name: value for name, value in item.items() if name not in hidden})


def _if_match(etag: str | None) -> dict[str, Any]:
    return {} if etag is None else {"etag": etag, "match_condition": MatchConditions.IfNotModified}


def _batch_operation(operation: Operation) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
    match operation:
        case Create(item):
            return "create", (dict(item),), {}
        case Upsert(item):
            return "upsert", (dict(item),), {}
        case Replace(item, etag):
            return "replace", (item["id"], dict(item)), _if_match_etag(etag)
        case Delete(id, etag):
            return "delete", (id,), _if_match_etag(etag)
        case Patch(id=id, where=where, etag=etag):
            predicate = sql.predicate(where)
            condition = {} if predicate is None else {"filter_predicate": predicate}
            return "patch", (id, sql.patch_operations(operation)), {**condition, **_if_match_etag(etag)}


def _if_match_etag(etag: str | None) -> dict[str, Any]:
    return {} if etag is None else {"if_match_etag": etag}
