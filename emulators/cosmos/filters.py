"""Conditions of a query that SQLite checks before an item is parsed.

A filter keeps every item for which its condition is true, and may keep more: the caller evaluates the condition on
what is left. To SQLite `true` is 1, arrays and objects are texts, and a text ends at its first NUL.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from emulators.cosmos.sql import evaluate
from emulators.cosmos.sql.syntax import (
    Between,
    Binary,
    Call,
    Expression,
    In,
    Literal,
    Parameter,
    Property,
    Query,
    Unary,
    Variable,
)

EXACT_BELOW: Final = 2**53
"""Whole numbers below it are the same as integers and as doubles, so SQLite and Python order them alike."""
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TURNED: Final = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


@dataclass(frozen=True)
class Filter:
    """A test of SQLite on the column `body`, with its parameters."""

    test: str
    values: tuple[Any, ...] = ()


def filter_of(query: Query, context: evaluate.Context) -> Filter | None:
    """What SQLite can check of the conditions of a query; None where that is nothing."""
    if query.where is None or not _reads_items(query):
        return None
    return _filter(query.where, context)


def fixed_texts(query: Query, context: evaluate.Context) -> dict[str, str]:
    """Properties at the top of an item that must equal a text for a query to find it."""
    if not _reads_items(query):
        return {}
    found: dict[str, str] = {}
    for condition in _joined(query.where):
        match condition:
            case Binary("=", Property(Variable(_), Literal(str(name))), Literal() | Parameter() as right):
                value = _constant(right, context)
                if isinstance(value, str) and name not in found:
                    found[name] = value
            case _:
                pass
    return found


def _reads_items(query: Query) -> bool:
    """Whether the names of a query's conditions are those of items: FROM names nothing within them."""
    if len(query.sources) != 1:
        return False
    source = query.sources[0]
    return not (source.path or source.each or source.query)


def _joined(condition: Expression | None) -> Iterator[Expression]:
    match condition:
        case None:
            pass
        case Binary("AND", left, right):
            yield from _joined(left)
            yield from _joined(right)
        case _:
            yield condition


def _filter(condition: Expression, context: evaluate.Context) -> Filter | None:
    match condition:
        case Binary("AND", left, right):
            parts = [part for part in (_filter(left, context), _filter(right, context)) if part is not None]
            return _all_of(parts, " AND ") if parts else None
        case Binary("OR", left, right):
            either = _filter(left, context), _filter(right, context)
            return None if either[0] is None or either[1] is None else _all_of([either[0], either[1]], " OR ")
        case Binary(operator, left, right) if operator in _TURNED:
            found = _comparison(operator, left, _constant(right, context))
            return found or _comparison(_TURNED[operator], right, _constant(left, context))
        case Between(operand, low, high):
            parts = [_comparison(">=", operand, _constant(low, context))]
            parts.append(_comparison("<=", operand, _constant(high, context)))
            given = [part for part in parts if part is not None]
            return _all_of(given, " AND ") if given else None
        case In(operand, options):
            return _membership(operand, [_constant(option, context) for option in options])
        case Call("IS_DEFINED", (operand,)):
            return _typed(operand, "IS NOT NULL")
        case Unary("NOT", Call("IS_DEFINED", (operand,))):
            return _typed(operand, "IS NULL")
        case Call("IS_NULL", (operand,)):
            return _typed(operand, "= 'null'")
        case _:
            return None


def _all_of(parts: list[Filter], word: str) -> Filter:
    if len(parts) == 1:
        return parts[0]
    return Filter(
        f"({word.join(part.test for part in parts)})", tuple(value for part in parts for value in part.values)
    )


def _comparison(operator: str, operand: Expression, value: Any) -> Filter | None:
    path = _path(operand)
    if path is None or not _is_comparable(value):
        return None
    if operator == ">" and isinstance(value, str):
        operator = ">="  # of a text that goes on after a NUL, SQLite sees the part before it
    return Filter(f"json_extract(body, '{path}') {operator} ?", (value,))


def _membership(operand: Expression, values: list[Any]) -> Filter | None:
    path = _path(operand)
    if path is None or not values or not all(map(_is_comparable, values)):
        return None
    return Filter(f"json_extract(body, '{path}') IN ({', '.join('?' * len(values))})", tuple(values))


def _typed(operand: Expression, test: str) -> Filter | None:
    path = _path(operand)
    return None if path is None else Filter(f"json_type(body, '{path}') {test}")


def _path(expression: Expression) -> str | None:
    """The JSON path of a property, or None: it is none, or SQLite would read its name as more than a name."""
    names: list[str] = []
    while isinstance(expression, Property):
        match expression.key:
            case Literal(str(name)) if _NAME.fullmatch(name):
                names.append(name)
            case _:
                return None
        expression = expression.target
    # Fields of the system are added to what is stored.
    if not isinstance(expression, Variable) or not names or names[-1].startswith("_"):
        return None
    return "$." + ".".join(reversed(names))


def _is_comparable(value: Any) -> bool:
    """Whether SQLite holds a value, and orders it as the service does."""
    match value:
        case bool():
            return True
        case int() | float():
            return abs(value) < EXACT_BELOW
        case str():
            return value.isprintable()
        case _:
            return False


def _constant(expression: Expression, context: evaluate.Context) -> Any:
    match expression:
        case Literal(value):
            return value
        case Parameter(name):
            return context.parameters.get(name)
        case Unary("-", Literal(int() | float() as value)) if not isinstance(value, bool):
            return -value
        case _:
            return None
