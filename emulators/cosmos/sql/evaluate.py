"""Runs a query over the items of one scope (a logical or a physical partition).

Expressions are compiled to functions of the names in scope. An operation on operands of the wrong type gives
`undefined`, which no condition accepts and no projection shows; AND, OR and NOT know three values.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import emulators.cosmos.sql.collection_functions  # pyright: ignore[reportUnusedImport] - registers
import emulators.cosmos.sql.date_functions  # noqa: F401  # pyright: ignore[reportUnusedImport] - registers
from emulators.cosmos.json_types import is_array, is_object
from emulators.cosmos.sql.functions import AGGREGATES, function
from emulators.cosmos.sql.groups import QueryError, check_groups, has_aggregate
from emulators.cosmos.sql.operators import (
    Evaluate,
    Names,
    aggregate_values,
    binary_operator,
    constant_membership,
    distinct_values,
    group_key,
    like,
    logic,
    membership,
    property_of,
    sorted_rows,
    unary_operator,
)
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
    OrderItem,
    Parameter,
    Property,
    Query,
    SelectItem,
    Source,
    Subquery,
    Unary,
    Variable,
)
from emulators.cosmos.sql.values import UNDEFINED

type Expand = Callable[[Names], Iterator[Any]]


@dataclass(frozen=True)
class Context:
    """What a query refers to besides its items: its parameters by name, and the distance functions by vector path."""

    parameters: Mapping[str, Any]
    distances: Mapping[str, str] = field(default_factory=dict[str, str])

    def value(self, name: str) -> Any:
        """The value of a parameter. Raises `QueryError`."""
        if name not in self.parameters:
            raise QueryError(f"Parameter {name} has no value.")
        return self.parameters[name]


def prepare(query: Query, context: Context) -> Callable[[Iterable[Any]], Iterator[Any]]:
    """A query compiled for its parameters: the results over items, undefined ones left out. Raises `QueryError`."""
    plan = _Plan(query, context, frozenset())
    return lambda items: plan.results(items, {})


def run(query: Query, items: Iterable[Any], context: Context) -> Iterator[Any]:
    """The results of a query over items; undefined ones are left out."""
    yield from prepare(query, context)(items)


class _Plan:
    """A query compiled for its parameters."""

    def __init__(self, query: Query, context: Context, outer: frozenset[str]) -> None:
        self.query = query
        self.context = context
        self.root = query.sources[0].alias if query.sources else None
        self.known = outer | {source.alias for source in query.sources}
        compiler = _Compiler(context, self.known)
        self.compiler = compiler
        self.where = compiler.compile(query.where) if query.where is not None else None
        self.sources = [self._source(index, source, outer) for index, source in enumerate(query.sources)]
        self.grouped = bool(query.group_by) or any(map(has_aggregate, self._projected()))
        check_groups(query)
        self.order = [] if self.grouped else [compiler.compile(item.expression) for item in query.order_by]
        if self.grouped:
            # Compiled with each group's rows; once without, for the names it refers to.
            self._group_projection([])
        else:
            self.project = self._projection()

    def _projected(self) -> list[Expression]:
        return [item.expression for item in self.query.items or ()]

    def results(self, items: Iterable[Any], outer: Names) -> Iterator[Any]:
        rows = self._rows(items, outer)
        if self.grouped:
            found: Iterable[tuple[tuple[Any, ...], Any]] = self._groups(rows)
        else:
            order, project = self.order, self.project
            found = ((tuple(key(row) for key in order), project(row)) for row in rows)
        if self.query.order_by and not self.grouped:
            found = sorted_rows(list(found), [self._is_descending(item) for item in self.query.order_by])
        values: Iterable[Any] = (value for _, value in found if value is not UNDEFINED)
        if self.query.distinct:
            values = distinct_values(values)
        yield from self._cut(values)

    def _is_descending(self, item: OrderItem) -> bool:
        match item.expression:
            case Call("VECTORDISTANCE", arguments, _):
                # The nearest first: similarities grow, distances shrink.
                return distance_function(arguments, self.context) != "euclidean"
            case _:
                return item.descending

    def _cut(self, values: Iterable[Any]) -> Iterator[Any]:
        offset = self._count(self.query.offset) or 0
        limits = [limit for limit in (self._count(self.query.top), self._count(self.query.limit)) if limit is not None]
        limit = min(limits) if limits else None
        if limit == 0:
            return
        given = 0
        for index, value in enumerate(values):
            if index < offset:
                continue
            yield value
            given += 1
            if limit is not None and given >= limit:
                return

    def _count(self, expression: Expression | None) -> int | None:
        if expression is None:
            return None
        value: Any = None
        if isinstance(expression, Parameter):
            value = self.context.value(expression.name)
        elif isinstance(expression, Literal):
            value = expression.value
        if type(value) not in (int, float) or value < 0 or value != int(value):
            raise QueryError("TOP, OFFSET and LIMIT take a whole number from 0 on.")
        return int(value)

    # Rows

    def _rows(self, items: Iterable[Any], outer: Names) -> Iterator[dict[str, Any]]:
        if not self.sources:
            rows: Iterator[dict[str, Any]] = iter([dict(outer)])
        else:
            rows = self._expand(items, outer)
        if self.where is None:
            yield from rows
            return
        where = self.where
        for row in rows:
            if where(row) is True:
                yield row

    def _expand(self, items: Iterable[Any], outer: Names) -> Iterator[dict[str, Any]]:
        first, *others = self.sources
        for item in items:
            for value in first({**outer, "\0": item}):
                row = {**outer, self.query.sources[0].alias: value}
                yield from self._join(row, others, 1) if others else [row]

    def _join(
        self, row: dict[str, Any], sources: list[Callable[[Names], Iterator[Any]]], at: int
    ) -> Iterator[dict[str, Any]]:
        for value in sources[0](row):
            joined = {**row, self.query.sources[at].alias: value}
            if len(sources) == 1:
                yield joined
            else:
                yield from self._join(joined, sources[1:], at + 1)

    def _source(self, index: int, source: Source, outer: frozenset[str]) -> Expand:
        bound = outer | {earlier.alias for earlier in self.query.sources[:index]}
        if source.query is not None:
            inner = _Plan(source.query, self.context, bound)

            def from_query(row: Names) -> Iterator[Any]:
                values = list(inner.results([row.get("\0")], row))
                if source.each:
                    return (item for value in values if is_array(value) for item in value)
                return iter(values)

            return from_query
        known = source.root in bound

        def from_path(row: Names) -> Iterator[Any]:
            value = row[source.root] if known else row["\0"]  # type: ignore[index]
            for step in source.path:
                value = property_of(value, step)
            if value is UNDEFINED:
                return iter(())
            if not source.each:
                return iter((value,))
            return iter(value) if is_array(value) else iter(())

        return from_path

    # Projections

    def _projection(self) -> Evaluate:
        query = self.query
        if query.items is None:
            if len(query.sources) != 1:
                raise QueryError("'SELECT *' is only valid with a single input set.")
            alias = query.sources[0].alias
            return lambda row: row[alias]
        if query.value:
            return self.compiler.compile(query.items[0].expression)
        return _object([(item.name, self.compiler.compile(item.expression)) for item in query.items])

    def _groups(self, rows: Iterable[dict[str, Any]]) -> Iterator[tuple[tuple[Any, ...], Any]]:
        keys = [self.compiler.compile(expression) for expression in self.query.group_by]
        groups: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]] = {}
        if not keys:
            groups[""] = ({}, [])
        for row in rows:
            key = json.dumps([group_key(evaluate(row)) for evaluate in keys], sort_keys=True) if keys else ""
            groups.setdefault(key, (row, []))[1].append(row)
        for first, members in groups.values():
            yield (), self._aggregated(first, members)

    def _aggregated(self, first: Names, members: list[dict[str, Any]]) -> Any:
        return self._group_projection(members)(first)

    def _group_projection(self, members: list[dict[str, Any]]) -> Evaluate:
        compiler = _Compiler(self.context, self.known, members)
        items: list[SelectItem] = list(self.query.items or ())
        if self.query.value:
            return compiler.compile(items[0].expression)
        return _object([(item.name, compiler.compile(item.expression)) for item in items])


def _object(pairs: list[tuple[str, Evaluate]]) -> Evaluate:
    def make(row: Names) -> Any:
        made: dict[str, Any] = {}
        for name, evaluate in pairs:
            value = evaluate(row)
            if value is not UNDEFINED:
                made[name] = value
        return made

    return make


def _chain(expression: Expression, operator: str) -> list[Expression]:
    """The conditions that an operator joins; a loop, as a client may join thousands."""
    parts: list[Expression] = []
    while isinstance(expression, Binary) and expression.operator == operator:
        parts.append(expression.right)
        expression = expression.left
    return [expression, *reversed(parts)]


class _Compiler:
    def __init__(self, context: Context, known: frozenset[str], members: list[dict[str, Any]] | None = None) -> None:
        self.context = context
        self.known = known
        self.members = members

    def compile(self, expression: Expression) -> Evaluate:
        match expression:
            case Literal(value):
                return lambda row: value
            case Parameter(name):
                constant = self.context.value(name)
                return lambda row: constant
            case Variable(name):
                if name not in self.known:
                    raise QueryError(f"Identifier '{name}' could not be resolved.")
                return lambda row: row[name]
            case Property(Variable(name), Literal(str(key))):
                if name not in self.known:
                    raise QueryError(f"Identifier '{name}' could not be resolved.")

                def direct(row: Names) -> Any:
                    target = row[name]
                    return target.get(key, UNDEFINED) if is_object(target) else UNDEFINED

                return direct
            case Property(target, key):
                find, named = self.compile(target), self.compile(key)
                return lambda row: property_of(find(row), named(row))
            case Unary(operator, operand):
                return unary_operator(operator, self.compile(operand))
            case Binary("AND" | "OR" as operator, _, _):
                return logic(operator, [self.compile(part) for part in _chain(expression, operator)])
            case Binary(operator, left, right):
                return binary_operator(operator, self.compile(left), self.compile(right))
            case Conditional(test, then, otherwise):
                decide, yes, no = self.compile(test), self.compile(then), self.compile(otherwise)
                return lambda row: yes(row) if decide(row) is True else no(row)
            case In(operand, options) if all(isinstance(option, Literal | Parameter) for option in options):
                return constant_membership(self.compile(operand), [self.compile(option)({}) for option in options])
            case In(operand, options):
                return membership(self.compile(operand), [self.compile(option) for option in options])
            case Between(operand, low, high):
                between = Binary("AND", Binary(">=", operand, low), Binary("<=", operand, high))
                return self.compile(between)
            case Like(operand, pattern, escape):
                return like(self.compile(operand), self.compile(pattern), escape)
            case ArrayLiteral(items):
                parts = [self.compile(item) for item in items]
                return lambda row: [value for value in (part(row) for part in parts) if value is not UNDEFINED]
            case ObjectLiteral(pairs):
                return _object([(name, self.compile(value)) for name, value in pairs])
            case Subquery(kind, query):
                return self._subquery(kind, query)
            case Call(name, arguments, user_defined):
                return self._call(name, arguments, user_defined)

    def _subquery(self, kind: str, query: Query) -> Evaluate:
        plan = _Plan(query, self.context, self.known)

        def evaluate(row: Names) -> Any:
            values = plan.results([None], row)
            if kind == "array":
                return list(values)
            first = next(iter(values), UNDEFINED)
            if kind == "exists":
                return first is not UNDEFINED
            return first

        return evaluate

    def _call(self, name: str, arguments: tuple[Expression, ...], user_defined: bool) -> Evaluate:
        if user_defined:
            raise QueryError("User-defined functions are not supported here.")
        if name in AGGREGATES:
            return self._aggregate(name, arguments)
        if name == "VECTORDISTANCE" and len(arguments) in (2, 3):
            options = ObjectLiteral((("distanceFunction", Literal(distance_function(arguments, self.context))),))
            exact = arguments[2] if len(arguments) == 3 else Literal(False)
            arguments = (*arguments[:2], exact, options)
        apply = function(name, len(arguments), len(arguments))
        if name.endswith("STATIC"):
            value = apply()
            return lambda row: value
        parts = [self.compile(argument) for argument in arguments]
        if len(parts) == 1:
            only = parts[0]
            return lambda row: apply(only(row))
        if len(parts) == 2:
            first, second = parts
            return lambda row: apply(first(row), second(row))
        return lambda row: apply(*(part(row) for part in parts))

    def _aggregate(self, name: str, arguments: tuple[Expression, ...]) -> Evaluate:
        if len(arguments) != 1:
            raise QueryError(f"The {name} function requires 1 argument.")
        members = self.members
        if members is None:
            # Compiled for its names only; the group gives the rows.
            self_check = _Compiler(self.context, self.known)
            self_check.compile(arguments[0])
            return lambda row: UNDEFINED
        argument = _Compiler(self.context, self.known).compile(arguments[0])
        return lambda row: aggregate_values(name, [argument(member) for member in members])


def distance_function(arguments: tuple[Expression, ...], context: Context) -> str:
    """The distance function of a call of `VectorDistance`: its own, or that of the container's policy for the path."""
    if len(arguments) == 4 and isinstance(arguments[3], ObjectLiteral):
        for name, value in arguments[3].pairs:
            if name.lower() == "distancefunction" and isinstance(value, Literal):
                return str(value.value).lower()
    for argument in arguments[:2]:
        path = property_path(argument)
        if path in context.distances:
            return context.distances[path].lower()
    return "cosine"


def property_path(expression: Expression) -> str:
    """`/a/b` for `c.a.b`; empty for any other expression."""
    match expression:
        case Property(target, Literal(str(key))):
            return f"{property_path(target)}/{key}"
        case _:
            return ""
