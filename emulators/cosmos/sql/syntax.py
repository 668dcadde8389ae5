"""The syntax tree of a query: what `parser` makes and `evaluate` and `plan` read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Span:
    """Where a piece of the query stands in its text."""

    start: int
    end: int


@dataclass(frozen=True)
class Literal:
    """A constant; `UNDEFINED` of `values` for `undefined`."""

    value: Any


@dataclass(frozen=True)
class Parameter:
    """`@name`."""

    name: str


@dataclass(frozen=True)
class Variable:
    """A name bound by FROM."""

    name: str


@dataclass(frozen=True)
class Property:
    """`target.key` or `target[key]`."""

    target: Expression
    key: Expression


@dataclass(frozen=True)
class Unary:
    """`NOT`, `-`, `+`, `~`."""

    operator: str
    operand: Expression


@dataclass(frozen=True)
class Binary:
    """An infix operator, in upper case."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True)
class Conditional:
    """`test ? then : otherwise`."""

    test: Expression
    then: Expression
    otherwise: Expression


@dataclass(frozen=True)
class In:
    """`operand [NOT] IN (options)`."""

    operand: Expression
    options: tuple[Expression, ...]


@dataclass(frozen=True)
class Between:
    """`operand BETWEEN low AND high`."""

    operand: Expression
    low: Expression
    high: Expression


@dataclass(frozen=True)
class Like:
    """`operand LIKE pattern [ESCAPE escape]`."""

    operand: Expression
    pattern: Expression
    escape: str | None


@dataclass(frozen=True)
class Call:
    """A built-in function, its name in upper case; `user_defined` for `udf.name(...)`."""

    name: str
    arguments: tuple[Expression, ...]
    user_defined: bool = False


@dataclass(frozen=True)
class ArrayLiteral:
    """`[a, b]`."""

    items: tuple[Expression, ...]


@dataclass(frozen=True)
class ObjectLiteral:
    """`{"a": b}`."""

    pairs: tuple[tuple[str, Expression], ...]


@dataclass(frozen=True)
class Subquery:
    """`(SELECT ...)`, `EXISTS(SELECT ...)` or `ARRAY(SELECT ...)`, by `kind`: scalar, exists, array."""

    kind: str
    query: Query


Expression = (
    Literal | Parameter | Variable | Property | Unary | Binary | Conditional | In | Between | Like | Call
    | ArrayLiteral | ObjectLiteral | Subquery
)  # fmt: skip


@dataclass(frozen=True)
class SelectItem:
    """One item of a projection with the name of its property, and its text."""

    expression: Expression
    name: str
    span: Span


@dataclass(frozen=True)
class Source:
    """One source of FROM: a path below a name, or a subquery; each element of it where `each`."""

    alias: str
    root: str | None
    path: tuple[str | int, ...]
    query: Query | None
    each: bool


@dataclass(frozen=True)
class OrderItem:
    """One expression of ORDER BY, and its text; `directed` if ASC or DESC was written."""

    expression: Expression
    descending: bool
    span: Span
    directed: bool = False


@dataclass(frozen=True)
class Query:
    """A query.

    `items` is None for `SELECT *`; `value` for `SELECT VALUE`, whose expression is then the only item. `count` of TOP,
    OFFSET and LIMIT are literals or parameters. Spans are of the clauses' contents, without their keyword.
    """

    distinct: bool
    top: Expression | None
    value: bool
    items: tuple[SelectItem, ...] | None
    sources: tuple[Source, ...]
    where: Expression | None
    group_by: tuple[Expression, ...]
    order_by: tuple[OrderItem, ...]
    offset: Expression | None
    limit: Expression | None
    from_span: Span | None
    where_span: Span | None
    group_spans: tuple[Span, ...]
