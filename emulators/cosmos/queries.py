"""Queries and feeds over the items of a container, page by page.

A page ends after `max_items` results or about `PAGE_BYTES`, and with the physical partition it was read from; as in the
service, the page of a partition without results is empty. Its continuation names the place (effective key and
resource id) after which the next page goes on, or, where results are sorted, counted or made distinct, how many results
were given; the service's tokens are as opaque.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from emulators.cosmos import charges, filters, partitioning
from emulators.cosmos.containers import Container
from emulators.cosmos.database import Database, Row
from emulators.cosmos.errors import BadRequest
from emulators.cosmos.json_types import is_array, is_object
from emulators.cosmos.sql import evaluate, parser, plan
from emulators.cosmos.sql.functions import QueryFunctionError
from emulators.cosmos.sql.syntax import Call, Query

DEFAULT_PAGE: Final = 100
MAX_PAGE: Final = 1000
PAGE_BYTES: Final = 4 * 1024 * 1024


@dataclass(frozen=True)
class Scope:
    """Where a query looks: effective keys from `low` on, below `high`; one logical partition where it is given."""

    low: str
    high: str
    partition: str | None = None
    partitions: int = 1


@dataclass(frozen=True)
class Page:
    """One page of results; `loaded` is the number of items that had to be read, 0 for what an index can count."""

    results: list[Any]
    continuation: str | None
    charge: float
    loaded: int = 0


@dataclass(frozen=True)
class Statement:
    """A query with its parameters, as a client sends it."""

    text: str
    query: Query
    context: evaluate.Context

    @classmethod
    def of(cls, body: Any, container: Container | None = None) -> Statement:
        """From the body of a request. Raises `BadRequest`."""
        if isinstance(body, str):
            body = {"query": body}
        if not is_object(body) or not isinstance(body.get("query"), str):
            raise BadRequest("The body must contain a query.")
        parameters: dict[str, Any] = {}
        given: Any = body.get("parameters") or []
        if not is_array(given):
            raise BadRequest("The parameters must be an array.")
        for parameter in given:
            name = parameter.get("name") if is_object(parameter) else None
            if not isinstance(name, str) or not name.startswith("@"):
                raise BadRequest("A parameter needs a name that starts with '@' and a value.")
            parameters[name] = parameter.get("value")
        distances: Mapping[str, str] = container.distances if container else {}
        try:
            return cls(body["query"], parser.parse(body["query"]), evaluate.Context(parameters, distances))
        except ValueError as error:
            raise _bad_query(error) from None


def _bad_query(error: ValueError) -> BadRequest:
    message = json.dumps({"errors": [{"severity": "Error", "code": "SC1001", "message": str(error)}]})
    return BadRequest(f"Message: {message}")


def query_plan(statement: Statement, features: str | None = None) -> dict[str, Any]:
    """The plan that a client with these features merges partitions by. Raises `BadRequest`."""
    _check_vector_order(statement.query)
    try:
        return plan.plan(statement.text, statement.query, statement.context, features)
    except ValueError as error:
        raise _bad_query(error) from None


def run(
    data: Database, container: Container, statement: Statement, scope: Scope, max_items: int, token: str | None
) -> Page:
    """One page of a query. Raises `BadRequest`."""
    query = statement.query
    _check_order(container, query)
    try:
        if not query.sources:
            return _page(list(_constants(container, statement, scope)), 0, 0, scope, None)
        if plan.needs_plan(query):
            return _whole(data, container, statement, scope, max_items, token)
        return _listed(data, container, statement, scope, max_items, token)
    except (evaluate.QueryError, QueryFunctionError, parser.QuerySyntaxError, plan.UnsupportedFeature) as error:
        raise _bad_query(error) from None


def _constants(container: Container, statement: Statement, scope: Scope) -> Iterator[Any]:
    """The one result of a query without FROM; a client that asks every physical partition gets it from the first."""
    if scope.low == partitioning.MIN or all(scope.low != one.low for one in container.ranges):
        yield from evaluate.run(statement.query, (), statement.context)


def run_over(items: Sequence[Mapping[str, Any]], statement: Statement) -> list[Any]:
    """The results of a query over resources that are no items: databases, containers, offers."""
    try:
        return list(evaluate.run(statement.query, items, statement.context))
    except ValueError as error:
        raise _bad_query(error) from None


def _check_order(container: Container, query: Query) -> None:
    _check_vector_order(query)
    if len(query.order_by) < 2:
        return
    paths = [(evaluate.property_path(item.expression), item.descending) for item in query.order_by]
    for composite in container.body["indexingPolicy"].get("compositeIndexes", ()):
        index = [
            (entry.get("path", "").replace('"', ""), entry.get("order", "ascending") == "descending")
            for entry in composite
        ]
        if paths == index or paths == [(path, not descending) for path, descending in index]:
            return
    raise BadRequest(
        "The order by query does not have a corresponding composite index that it can be served from.", sub_status=0
    )


def _check_vector_order(query: Query) -> None:
    if any(plan.is_vector(item.expression) and item.directed for item in query.order_by):
        raise BadRequest("Specifying a sorting order (ASC or DESC) with VectorDistance function is not supported.")


def _listed(
    data: Database, container: Container, statement: Statement, scope: Scope, max_items: int, token: str | None
) -> Page:
    """The gateway asks one physical partition after the other, at least a page each."""
    if scope.partitions == 1:
        return _streamed(data, container, statement, scope, max_items, token)
    state = _decode(token)
    start = state.get("from", partitioning.MIN)
    part = next((one for one in container.ranges if one.low == start), None)
    if part is None:
        raise _malformed()
    page = _streamed(data, container, statement, Scope(part.low, part.high), max_items, state.get("token"))
    if page.continuation is not None:
        return replace(page, continuation=_encode({"from": part.low, "token": page.continuation}))
    return page if part.high == partitioning.MAX else replace(page, continuation=_encode({"from": part.high}))


def _streamed(
    data: Database, container: Container, statement: Statement, scope: Scope, max_items: int, token: str | None
) -> Page:
    state = _decode(token)
    after, skip = _place(state.get("after")), _number(state, "skip")
    results: list[Any] = []
    size = scanned = 0
    chosen = filters.filter_of(statement.query, statement.context)
    results_of = evaluate.prepare(statement.query, statement.context)
    rows = data.scan(container.rid, scope.low, scope.high, partition=scope.partition, after=after, chosen=chosen)
    for row in rows:
        scanned += 1
        document = row.document()
        for given, result in enumerate(results_of([document])):
            if given < skip:
                continue
            if len(results) >= max_items or size > PAGE_BYTES:
                return _page(results, size, scanned, scope, {"after": after, "skip": given})
            results.append(result)
            size += len(row.body)
        skip = 0
        after = (row.epk, row.rid)
        if len(results) >= max_items or size > PAGE_BYTES:
            more = next(rows, None)
            return _page(results, size, scanned, scope, {"after": after} if more is not None else None)
    return _page(results, size, scanned, scope, None)


def _whole(
    data: Database, container: Container, statement: Statement, scope: Scope, max_items: int, token: str | None
) -> Page:
    scanned = 0
    chosen = filters.filter_of(statement.query, statement.context)

    def documents() -> Iterator[dict[str, Any]]:
        nonlocal scanned
        for row in data.scan(container.rid, scope.low, scope.high, partition=scope.partition, chosen=chosen):
            scanned += 1
            yield row.document()

    given = _number(_decode(token), "given")
    results: list[Any] = []
    size = 0
    more = False
    for index, result in enumerate(evaluate.run(statement.query, documents(), statement.context)):
        if index < given:
            continue
        if len(results) >= max_items or size > PAGE_BYTES:
            more = True
            break
        results.append(result)
        size += len(json.dumps(result))
    page = _page(results, size, scanned, scope, {"given": given + len(results)} if more else None)
    return replace(page, loaded=0) if _counts_all(statement.query) else page


def _counts_all(query: Query) -> bool:
    """Whether the index alone answers the query."""
    items = query.items or ()
    counted = len(items) == 1 and isinstance(items[0].expression, Call) and items[0].expression.name == "COUNT"
    return counted and query.where is None and not query.group_by


def _page(results: list[Any], size: int, scanned: int, scope: Scope, state: Mapping[str, Any] | None) -> Page:
    charge = charges.query(scanned, size, scope.partitions)
    return Page(results, _encode(state) if state is not None else None, charge, scanned)


def feed(data: Database, container: Container, scope: Scope, max_items: int, token: str | None) -> Page:
    """One page of all items."""
    statement = Statement.of("SELECT * FROM c", container)
    return _listed(data, container, statement, scope, max_items, token)


def scope_of(container: Container, components: Sequence[Any]) -> Scope:
    """The scope of a partition key, or of a prefix of a hierarchical one."""
    epk = partitioning.effective(components, container.key)
    if container.key.hierarchical and len(components) < len(container.key.paths):
        return Scope(epk, epk + "FF")
    return Scope(epk, epk, partitioning.logical(components))


def pinned_key(container: Container, statement: Statement) -> list[Any] | None:
    """The partition key that the conditions of a query fix; None if they don't fix all of it."""
    fixed = filters.fixed_texts(statement.query, statement.context)
    names = [path[0] if len(path) == 1 else "" for path in container.key.paths]
    return [fixed[name] for name in names] if all(name in fixed for name in names) else None


def changes(rows: Sequence[Row], start: int) -> tuple[list[dict[str, Any]], int]:
    """Items of a change feed as answered, and the number after which the next request goes on."""
    documents = [{**row.document(), "_lsn": row.lsn} for row in rows]
    return documents, rows[-1].lsn if rows else start


def _encode(state: Mapping[str, Any]) -> str:
    return base64.b64encode(json.dumps(state, separators=(",", ":")).encode()).decode()


def _decode(token: Any) -> dict[str, Any]:
    if not token:
        return {}
    try:
        state = json.loads(base64.b64decode(token))
    except (ValueError, TypeError):
        raise _malformed() from None
    if not is_object(state):
        raise _malformed()
    return state


def _place(given: Any) -> tuple[str, str] | None:
    if given is None:
        return None
    if not is_array(given) or len(given) != 2 or not all(isinstance(part, str) for part in given):
        raise _malformed()
    return given[0], given[1]


def _number(state: Mapping[str, Any], name: str) -> int:
    value = state.get(name, 0)
    if not isinstance(value, int):
        raise _malformed()
    return value


def _malformed() -> BadRequest:
    return BadRequest("The continuation token is malformed.")
