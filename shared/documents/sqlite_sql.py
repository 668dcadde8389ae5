# ruff: noqa: S608
"""The SQL behind `SqliteStore`: schema, statements, and conditions compiled to parameters.

Only names checked by `check_field` and container names of our own are ever formatted into a statement; values
are always parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shared.documents.containers import Container
from shared.documents.store import Where
from shared.documents.values import check_field, encodable, kind, orderable

_TYPES = {
    "null": "('null')",
    "boolean": "('true','false')",
    "number": "('integer','real')",
    "string": "('text')",
}
_LIVE = "(expires_at IS NULL OR expires_at > ?)"


def table(container: Container) -> str:
    """Quoted name of the container's table."""
    return f'"documents_{container.name}"'


def schema(container: Container) -> list[str]:
    """Statements that make the container's table and indexes if they are missing.

    A unique key compares JSON texts, with a missing field equal to null, as Cosmos DB does.
    """
    name = table(container)
    statements = [
        f"""CREATE TABLE IF NOT EXISTS {name} (
            lsn INTEGER PRIMARY KEY AUTOINCREMENT,
            partition TEXT NOT NULL,
            id TEXT NOT NULL,
            body TEXT NOT NULL,
            etag TEXT NOT NULL,
            ts REAL NOT NULL,
            expires_at REAL,
            UNIQUE (partition, id)
        )""",
        f'CREATE INDEX IF NOT EXISTS "{container.name}_expires" ON {name} (expires_at) WHERE expires_at IS NOT NULL',
    ]
    if container.indexed:
        by = {"type_status": f"{_value('type')}, {_value('status')}", "partition_type": f"partition, {_value('type')}"}
        for index, fields in {**by, "id": "id"}.items():
            statements.append(f'CREATE INDEX IF NOT EXISTS "{container.name}_{index}" ON {name} ({fields})')
    for field in container.unique:
        check_field(field)
        statements.append(
            f'CREATE UNIQUE INDEX IF NOT EXISTS "{container.name}_unique_{field}" ON {name}'
            f" (partition, ifnull(body -> {_path(field)}, 'null'))"
        )
    return statements


def insert(container: Container) -> str:
    """Parameters: partition, id, body, etag, ts, expires_at."""
    return f"INSERT INTO {table(container)} (partition, id, body, etag, ts, expires_at) VALUES (?,?,?,?,?,?)"


def delete(container: Container) -> str:
    """Parameters: partition, id."""
    return f"DELETE FROM {table(container)} WHERE partition = ? AND id = ?"


def delete_row(container: Container) -> str:
    """Parameter: lsn."""
    return f"DELETE FROM {table(container)} WHERE lsn = ?"


def purge(container: Container) -> str:
    """Parameter: now."""
    return f"DELETE FROM {table(container)} WHERE expires_at <= ?"


def point_read(container: Container) -> str:
    """Columns: body, etag, ts. Parameters: partition, id, now."""
    return f"SELECT body, etag, ts FROM {table(container)} WHERE partition = ? AND id = ? AND {_LIVE}"


def point_reads(container: Container) -> str:
    """Columns: body, etag, ts, id, partition. Parameters: JSON list of [id, partition], now."""
    return (
        f"SELECT body, etag, ts, d.id, partition FROM json_each(?) AS k CROSS JOIN {table(container)} AS d"
        f" ON partition = k.value ->> 1 AND d.id = k.value ->> 0 WHERE {_LIVE}"
    )


def changes(container: Container) -> str:
    """Columns: body, etag, ts, lsn. Parameters: lsn, now, limit."""
    return f"SELECT body, etag, ts, lsn FROM {table(container)} WHERE lsn > ? AND {_LIVE} ORDER BY lsn LIMIT ?"


def take(container: Container, where: Sequence[Where]) -> tuple[str, list[Any]]:
    """Columns: body, etag, lsn, whether the conditions hold. Further parameters: partition, id."""
    condition, parameters = _conditions(where)
    holds = f"({condition}) IS TRUE"
    statement = f"SELECT body, etag, lsn, {holds} FROM {table(container)} WHERE partition = ? AND id = ?"
    return statement, parameters


def count(container: Container, where: Sequence[Where], now: float, partition: str | None) -> tuple[str, list[Any]]:
    """Column: the number of live rows that meet the conditions."""
    scope, parameters = _scope(where, now, partition)
    return f"SELECT count(*) FROM {table(container)} WHERE {scope}", parameters


def page(
    container: Container,
    where: Sequence[Where],
    now: float,
    partition: str | None,
    order_by: str | None,
    descending: bool,
    limit: int,
    after: Sequence[Any] | None,
) -> tuple[str, list[Any]]:
    """Columns: body, etag, ts and the keyset (order value, partition, id) that `after` continues from."""
    scope, parameters = _scope(where, now, partition)
    order = "id"
    if order_by is not None:
        check_field(order_by)
        order = _value(order_by)
        scope += f" AND {_type(order_by)} IN ('text','integer','real')"
    direction = "DESC" if descending else "ASC"
    if after is not None:
        scope += f" AND ({order}, partition, id) {'<' if descending else '>'} (?,?,?)"
        parameters += after
    statement = (
        f"SELECT body, etag, ts, {order}, partition, id FROM {table(container)} WHERE {scope}"
        f" ORDER BY {order} {direction}, partition {direction}, id {direction} LIMIT ?"
    )
    return statement, [*parameters, limit]


def valid_after(after: object) -> bool:
    """Whether a token's payload is a keyset (order value, partition, id)."""
    match after:
        case [value, str() as partition, str() as id]:
            return orderable(value) and encodable(partition) and encodable(id)
        case _:
            return False


def _scope(where: Sequence[Where], now: float, partition: str | None) -> tuple[str, list[Any]]:
    condition, parameters = _conditions(where)
    if partition is None:
        return f"{_LIVE} AND {condition}", [now, *parameters]
    return f"partition = ? AND {_LIVE} AND {condition}", [partition, now, *parameters]


def _conditions(where: Sequence[Where]) -> tuple[str, list[Any]]:
    """An expression that is true exactly if all conditions hold, and its parameters."""
    terms: list[str] = []
    parameters: list[Any] = []
    for one in where:
        term, values = _condition(one)
        terms.append(term)
        parameters += values
    return " AND ".join(terms) or "1", parameters


def _condition(where: Where) -> tuple[str, list[Any]]:
    field, op, value = where.field, where.op, where.value
    match op:
        case "exists":
            return f"{_type(field)} IS {'NOT ' if value else ''}NULL", []
        case "in":
            values = list(value)
            if not values:
                return "0", []
            marks = ",".join("?" * len(values))
            return f"{_value(field)} IN ({marks}) AND {_type(field)} IN {_TYPES[kind(values[0])]}", values
        case "contains":
            test = f"type IN {_TYPES[kind(value)]} AND atom IS ?"
            elements = f"SELECT 1 FROM json_each(body, {_path(field)}) WHERE {test}"
            return f"{_type(field)} = 'array' AND EXISTS ({elements})", [value]
        case "=" if field == "id" and isinstance(value, str):
            # With this hint of how few items share an id, SQLite prefers the index of `id` to that of `type`.
            return "likelihood(id = ?, 0.000001)", [value]
        case _:
            if value is None:
                return f"{_type(field)} = 'null'", []
            return f"{_value(field)} {op} ? AND {_type(field)} IN {_TYPES[kind(value)]}", [value]


def _path(field: str) -> str:
    return "'$" + "".join(f'."{segment}"' for segment in field.split(".")) + "'"


def _value(field: str) -> str:
    return f"json_extract(body, {_path(field)})"


def _type(field: str) -> str:
    return f"json_type(body, {_path(field)})"
