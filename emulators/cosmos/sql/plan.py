"""The query plan that a client asks for before it queries several physical partitions and merges their results.

Shape and rewriting are those of the service's `PartitionedQueryExecutionInfo`, as the SDK's
`_execution_context` reads it: ORDER BY makes each partition return `{orderByItems, payload}`, an aggregate
`[{item}]`, OFFSET moves to the client.
"""

from __future__ import annotations

from typing import Any, Final

from emulators.cosmos.sql.evaluate import Context, distance_function
from emulators.cosmos.sql.functions import AGGREGATES
from emulators.cosmos.sql.groups import QueryError, check_groups, has_aggregate
from emulators.cosmos.sql.syntax import Call, Expression, Literal, OrderItem, Parameter, Query, SelectItem, Span

WHOLE: Final[list[dict[str, Any]]] = [{"min": "", "max": "FF", "isMinInclusive": True, "isMaxInclusive": False}]
_NAMES: Final = {
    "COUNT": "Count", "SUM": "Sum", "MIN": "Min", "MAX": "Max", "AVG": "Average", "COUNTIF": "CountIf",
}  # fmt: skip


class UnsupportedFeature(ValueError):
    """The query needs a feature that the client does not name in its request."""


def needs_plan(query: Query) -> bool:
    """Whether results of several partitions must be merged by more than concatenation."""
    return bool(
        query.order_by
        or query.distinct
        or query.top is not None
        or query.offset is not None
        or query.group_by
        or any(has_aggregate(item.expression) for item in query.items or ())
    )


def has_bare_aggregate(query: Query) -> bool:
    """Whether an aggregate is a property of the results, as in `SELECT COUNT(1) AS n`."""
    return not query.value and any(has_aggregate(item.expression) for item in query.items or ())


def plan(text: str, query: Query, context: Context, features: str | None = None) -> dict[str, Any]:
    """The plan of a query.

    Args:
        features: comma-separated names of what the client can merge; None for everything.

    Raises:
        UnsupportedFeature: it lacks what the query needs.
    """
    supported = None if features is None else {feature.strip() for feature in features.split(",")}
    if supported is not None:
        _check(query, supported)
    check_groups(query)
    aggregates = _aggregates(query)
    if has_bare_aggregate(query) and (supported is None or "NonValueAggregate" in supported):
        # They are named by their properties; a client that can't merge those refuses the list.
        aggregates = []
    order_by = () if aggregates else query.order_by
    grouped = bool(query.group_by) or has_bare_aggregate(query)
    vector = bool(order_by) and is_vector(query.order_by[0].expression)
    info: dict[str, Any] = {
        "distinctType": _distinct_type(query),
        "top": _count(query.top, context),
        "offset": _count(query.offset, context),
        "limit": _count(query.limit, context),
        "orderBy": ["Descending" if _is_descending(item, context) else "Ascending" for item in order_by],
        "orderByExpressions": [_text(text, item.span) for item in order_by],
        "groupByExpressions": [_text(text, span) for span in query.group_spans],
        "groupByAliases": [item.name for item in query.items or ()] if grouped and not query.value else [],
        "aggregates": aggregates,
        "groupByAliasToAggregateType": _aggregate_types(query) if grouped and not query.value else {},
        "rewrittenQuery": _grouped(text, query) if grouped else _rewritten(text, query, context, aggregates, vector),
        "hasSelectValue": query.value,
        "hasNonStreamingOrderBy": vector,
    }  # fmt: skip
    return {"partitionedQueryExecutionInfoVersion": 2, "queryInfo": info, "queryRanges": WHOLE}


def _check(query: Query, supported: set[str]) -> None:
    needed: list[str] = []
    if query.group_by:
        needed.append("GroupBy")
    if query.distinct:
        needed.append("Distinct")
    if len(query.order_by) > 1:
        needed.append("MultipleOrderBy")
    if query.order_by:
        needed.append("OrderBy")
    if query.top is not None:
        needed.append("Top")
    if query.offset is not None:
        needed.append("OffsetAndLimit")
    missing = [feature for feature in needed if feature not in supported]
    if missing:
        raise UnsupportedFeature(
            "Query contains the following features, which the calling client does not support: " + ", ".join(missing)
        )


def _aggregates(query: Query) -> list[str]:
    found: list[str] = []
    for item in query.items or ():
        if isinstance(item.expression, Call) and item.expression.name in AGGREGATES:
            found.append(_NAMES[item.expression.name])
        elif has_aggregate(item.expression):
            raise UnsupportedFeature("Compositions of aggregates and other expressions are not allowed.")
    return found


def _aggregate_types(query: Query) -> dict[str, str | None]:
    """The aggregate by the name of its property, None for any other expression."""
    return {
        item.name: _NAMES.get(item.expression.name) if isinstance(item.expression, Call) else None
        for item in query.items or ()
    }


def _grouped(text: str, query: Query) -> str:
    """Each partition returns its groups, with aggregates that can be merged."""
    items = list(query.items or ())
    if query.value:
        payload = f"[{_partial(text, items[0])}]" if has_aggregate(items[0].expression) else _text(text, items[0].span)
    else:
        pairs = [
            f'"{item.name}": {_partial(text, item) if has_aggregate(item.expression) else _text(text, item.span)}'
            for item in items
        ]
        payload = f"{{{', '.join(pairs)}}}"
    keys = ", ".join(f'{{"item": {_text(text, span)}}}' for span in query.group_spans)
    groups = f"[{keys}] AS groupByItems, " if keys else ""
    source = f" FROM {_text(text, query.from_span)}" if query.from_span else ""
    where = f" WHERE ({_text(text, query.where_span)})" if query.where_span else ""
    by = f" GROUP BY {', '.join(_text(text, span) for span in query.group_spans)}" if keys else ""
    return f"SELECT {groups}{payload} AS payload{source}{where}{by}"


def _distinct_type(query: Query) -> str:
    if not query.distinct:
        return "None"
    ordered = query.value and query.items and query.order_by
    same = ordered and query.items and query.items[0].expression == query.order_by[0].expression
    return "Ordered" if same else "Unordered"


def _count(expression: Expression | None, context: Context) -> int | None:
    if expression is None:
        return None
    value = context.value(expression.name) if isinstance(expression, Parameter) else None
    if isinstance(expression, Literal):
        value = expression.value
    if not isinstance(value, int | float) or isinstance(value, bool) or value != int(value) or value < 0:
        raise QueryError("TOP, OFFSET and LIMIT take a whole number from 0 on.")
    return int(value)


def _rewritten(text: str, query: Query, context: Context, aggregates: list[str], vector: bool) -> str:
    source = f" FROM {_text(text, query.from_span)}" if query.from_span else ""
    where = f"({_text(text, query.where_span)})" if query.where_span else ""
    offset, limit = _count(query.offset, context), _count(query.limit, context)
    top = _count(query.top, context)
    if aggregates and query.value and query.items:
        item = query.items[0]
        return f"SELECT VALUE [{_partial(text, item)}]{source}" + (f" WHERE {where}" if where else "")
    first = f"TOP {top} " if top is not None else ""
    if offset is not None and limit is not None:
        first = f"TOP {offset + limit} "
    if query.distinct:
        # Only the merged results are distinct: each partition must return all of its results.
        first = ""
    distinct = "DISTINCT " if query.distinct else ""
    if not query.order_by:
        if offset is None and not (query.distinct and top is not None):
            return ""
        return f"SELECT {distinct}{first}{_projection(text, query)}{source}" + (f" WHERE {where}" if where else "")
    alias = query.sources[0].alias
    items = ", ".join(f'{{"item": {_text(text, item.span)}}}' for item in query.order_by)
    order = ", ".join(
        f"{_text(text, item.span)} {'DESC' if item.descending else 'ASC'}" for item in query.order_by
    )  # fmt: skip
    filtered = "" if vector else "({documentdb-formattableorderbyquery-filter})"
    conditions = " AND ".join(part for part in (where, filtered) if part)
    condition = f" WHERE {conditions}" if conditions else ""
    select = f"SELECT {distinct}{first}{alias}._rid, [{items}] AS orderByItems, {_payload(text, query)} AS payload"
    direction = _text(text, query.order_by[0].span) if vector else order
    return f"{select}{source}{condition} ORDER BY {direction}"


def _partial(text: str, item: SelectItem) -> str:
    call = item.expression
    expression = _text(text, item.span)
    if isinstance(call, Call) and call.name == "AVG":
        argument = expression[expression.index("(") :]
        return f'{{"item": {{"sum": SUM{argument}, "count": COUNT{argument}}}}}'
    if isinstance(call, Call) and call.name in ("MIN", "MAX"):
        # `item2` tells a partition without values from one whose least value is null.
        argument = expression[expression.index("(") :]
        item2 = f'{{"{call.name.lower()}": {expression}, "count": COUNT{argument}}}'
        return f'{{"item": {expression}, "item2": {item2}}}'
    return f'{{"item": {expression}}}'


def _projection(text: str, query: Query) -> str:
    if query.items is None:
        return "*"
    if query.value:
        return f"VALUE {_text(text, query.items[0].span)}"
    return ", ".join(f"{_text(text, item.span)} AS {_alias(item)}" for item in query.items)


def _alias(item: SelectItem) -> str:
    return item.name


def _payload(text: str, query: Query) -> str:
    if query.items is None:
        return query.sources[0].alias
    if query.value:
        return _text(text, query.items[0].span)
    pairs = ", ".join(f'"{item.name}": {_text(text, item.span)}' for item in query.items)
    return f"{{{pairs}}}"


def _is_descending(item: OrderItem, context: Context) -> bool:
    if isinstance(item.expression, Call) and item.expression.name == "VECTORDISTANCE":
        return distance_function(item.expression.arguments, context) != "euclidean"
    return item.descending


def is_vector(expression: Expression) -> bool:
    """Whether an expression of ORDER BY is a call of `VectorDistance`."""
    return isinstance(expression, Call) and expression.name == "VECTORDISTANCE"


def _text(text: str, span: Span | None) -> str:
    return text[span.start : span.end] if span is not None else ""
