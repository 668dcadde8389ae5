"""Which queries aggregate, and what a grouped query may show."""

from __future__ import annotations

from emulators.cosmos.sql.functions import AGGREGATES
from emulators.cosmos.sql.syntax import (
    ArrayLiteral,
    Between,
    Binary,
    Call,
    Conditional,
    Expression,
    In,
    Like,
    Literal,
    ObjectLiteral,
    Parameter,
    Property,
    Query,
    Subquery,
    Unary,
    Variable,
)


class QueryError(ValueError):
    """The query refers to what does not exist."""


def has_aggregate(expression: Expression) -> bool:
    """Whether an aggregate function is part of an expression, subqueries aside."""
    match expression:
        case Call(name, _, False) if name in AGGREGATES:
            return True
        case Call(_, arguments, _):
            return any(map(has_aggregate, arguments))
        case Binary(_, left, right):
            return has_aggregate(left) or has_aggregate(right)
        case Unary(_, operand):
            return has_aggregate(operand)
        case Property(target, _):
            return has_aggregate(target)
        case ArrayLiteral(items):
            return any(map(has_aggregate, items))
        case ObjectLiteral(pairs):
            return any(has_aggregate(value) for _, value in pairs)
        case Conditional(test, then, otherwise):
            return any(map(has_aggregate, (test, then, otherwise)))
        case _:
            return False


def check_groups(query: Query) -> None:
    """Raises `QueryError`: a grouped query sorts, or shows what differs within a group."""
    items = [item.expression for item in query.items or ()]
    if query.group_by:
        if query.items is None:
            raise QueryError("'SELECT *' is not valid with GROUP BY.")
        if query.order_by:
            raise QueryError("ORDER BY is not supported in a query with GROUP BY.")
    elif not any(map(has_aggregate, items)):
        return
    for expression in items:
        if not _is_grouped(expression, query.group_by):
            raise QueryError(
                "A property of the select list is invalid because it is not contained in either an aggregate function "
                "or the GROUP BY clause."
            )


def _is_grouped(expression: Expression, keys: tuple[Expression, ...]) -> bool:
    """Whether an expression has one value in each group."""
    if expression in keys:
        return True
    match expression:
        case Literal() | Parameter() | Subquery():
            return True
        case Call(name, arguments, _):
            return name in AGGREGATES or all(_is_grouped(argument, keys) for argument in arguments)
        case Property(target, key):
            return _is_grouped(target, keys) and _is_grouped(key, keys)
        case Unary(_, operand):
            return _is_grouped(operand, keys)
        case Binary(_, left, right):
            return _is_grouped(left, keys) and _is_grouped(right, keys)
        case Conditional(test, then, otherwise):
            return all(_is_grouped(part, keys) for part in (test, then, otherwise))
        case In(operand, options):
            return all(_is_grouped(part, keys) for part in (operand, *options))
        case Between(operand, low, high):
            return all(_is_grouped(part, keys) for part in (operand, low, high))
        case Like(operand, pattern, _):
            return _is_grouped(operand, keys) and _is_grouped(pattern, keys)
        case ArrayLiteral(items):
            return all(_is_grouped(item, keys) for item in items)
        case ObjectLiteral(pairs):
            return all(_is_grouped(value, keys) for _, value in pairs)
        case Variable():
            return False
