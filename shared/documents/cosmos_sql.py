# ruff: noqa: S608
"""The Cosmos DB SQL behind `CosmosStore`: conditions, pages, patches.

Only names checked by `check_field` are formatted into a query; values are parameters, except in the predicate
of a patch, which takes none: there they are JSON literals.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.documents.containers import Container
from shared.documents.store import Patch, Where
from shared.documents.values import check_field, encodable, kind, orderable

_TESTS = {"null": "IS_NULL", "boolean": "IS_BOOL", "number": "IS_NUMBER", "string": "IS_STRING"}

Put = Callable[[Any], str]


@dataclass
class Statement:
    """A query under construction: its text, and its parameters in the form the SDK takes."""

    text: str = ""
    parameters: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def put(self, value: Any) -> str:
        """Add a parameter; returns its name."""
        name = f"@p{len(self.parameters)}"
        self.parameters.append({"name": name, "value": value})
        return name


def count(container: Container, where: Sequence[Where], partition: str | None) -> Statement:
    """The number of items that meet the conditions."""
    statement = Statement()
    terms = _scope(container, partition, statement.put) + _terms(where, statement.put)
    statement.text = f"SELECT VALUE COUNT(1) FROM c{_clause(terms)}"
    return statement


def page(
    container: Container,
    where: Sequence[Where],
    partition: str | None,
    order_by: str | None,
    descending: bool,
    limit: int,
    after: tuple[Any, Sequence[str]] | None,
) -> Statement:
    """Items in order of one field, after a position (`position`)."""
    statement = Statement()
    terms = _scope(container, partition, statement.put) + _terms(where, statement.put)
    order = _name("id" if order_by is None else order_by)
    if order_by is not None:
        terms.append(f"(IS_STRING({order}) OR IS_NUMBER({order}))")
    if after is not None:
        value, seen = statement.put(after[0]), statement.put(list(after[1]))
        key = f'CONCAT({_name(container.partition_key)}, "/", c.id)'
        terms.append(f"{order} {'<=' if descending else '>='} {value} AND NOT ARRAY_CONTAINS({seen}, {key})")
    direction = "DESC" if descending else "ASC"
    statement.text = f"SELECT TOP {limit} * FROM c{_clause(terms)} ORDER BY {order} {direction}"
    return statement


def position(
    container: Container,
    items: Sequence[Mapping[str, Any]],
    order_by: str | None,
    after: tuple[Any, Sequence[str]] | None,
) -> list[Any]:
    """Where a page ends: the last order value, and the keys of the items seen so far that have it."""
    path = check_field("id" if order_by is None else order_by)
    values = [_dig(item, path) for item in items]
    last = values[-1]
    seen = [
        f"{item[container.partition_key]}/{item['id']}"
        for item, value in zip(items, values, strict=True)
        if value == last
    ]
    if after is not None and after[0] == last:
        seen = [*after[1], *seen]
    return [last, seen]


def valid_after(after: object) -> bool:
    """Whether a token's payload is a position."""
    match after:
        case [value, list(seen)]:
            return orderable(value) and all(isinstance(key, str) and encodable(key) for key in seen)
        case _:
            return False


def predicate(where: Sequence[Where]) -> str | None:
    """The filter of a conditional patch; None without conditions."""
    terms = _terms(where, json.dumps)
    return f"FROM c{_clause(terms)}" if terms else None


def patch_operations(patch: Patch) -> list[dict[str, Any]]:
    """The operations of a patch in the order set, incr, remove."""
    return [
        *({"op": "set", "path": _pointer(name), "value": value} for name, value in (patch.set or {}).items()),
        *({"op": "incr", "path": _pointer(name), "value": value} for name, value in (patch.incr or {}).items()),
        *({"op": "remove", "path": _pointer(name)} for name in patch.remove or ()),
    ]


def _clause(terms: Sequence[str]) -> str:
    return f" WHERE {' AND '.join(terms)}" if terms else ""


def _scope(container: Container, partition: str | None, put: Put) -> list[str]:
    return [] if partition is None else [f"{_name(container.partition_key)} = {put(partition)}"]


def _terms(where: Sequence[Where], put: Put) -> list[str]:
    return [_term(one, put) for one in where]


def _term(where: Where, put: Put) -> str:
    name, op, value = _name(where.field), where.op, where.value
    match op:
        case "exists":
            return f"IS_DEFINED({name})" if value else f"NOT IS_DEFINED({name})"
        case "in":
            values = list(value)
            return f"{name} IN ({', '.join(put(one) for one in values)})" if values else "false"
        case "contains":
            return f"ARRAY_CONTAINS({name}, {put(value)})"
        case _ if value is None:
            return f"IS_NULL({name})"
        case "=":
            return f"{name} = {put(value)}"
        case _:
            # Comparisons across types are documented as undefined; the type test makes sure of it.
            return f"({_TESTS[kind(value)]}({name}) AND {name} {op} {put(value)})"


def _name(field: str) -> str:
    return "c" + "".join(f'["{segment}"]' for segment in check_field(field))


def _pointer(field: str) -> str:
    return "/" + field.replace(".", "/")


def _dig(item: Mapping[str, Any], path: Sequence[str]) -> Any:
    value: Any = item
    for segment in path:
        value = value[segment]
    return value
