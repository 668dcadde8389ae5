"""The query language of the Cosmos DB emulator without the service: results, refusals and plans."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from emulators.cosmos.sql import parser, plan
from emulators.cosmos.sql.evaluate import Context, QueryError, run

ITEMS: list[dict[str, Any]] = [
    {"id": "1", "kind": "a", "n": 1, "tags": ["x", "y"], "at": "2024-02-29T23:59:59.1234567Z"},
    {"id": "2", "kind": "a", "n": 3, "tags": ["y"]},
    {"id": "3", "kind": "b", "n": 2.5, "tags": []},
    {"id": "4", "n": "text"},
]
EVERYTHING = "Distinct, GroupBy, MultipleOrderBy, NonValueAggregate, OffsetAndLimit, OrderBy, Top"


def ask(query: str, **parameters: Any) -> list[Any]:
    return list(run(parser.parse(query), ITEMS, Context({f"@{name}": value for name, value in parameters.items()})))


def planned(query: str, features: str | None = EVERYTHING) -> Mapping[str, Any]:
    return plan.plan(query, parser.parse(query), Context({}), features)["queryInfo"]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("DateTimeAdd('mm', 1, '2024-01-31T10:00:00.1234567Z')", "2024-02-29T10:00:00.1234567Z"),
        ("DateTimeAdd('year', -1, '2024-02-29')", "2023-02-28T00:00:00.0000000Z"),
        ("DateTimeAdd('ns', 100, '2024-01-01T00:00:00Z')", "2024-01-01T00:00:00.0000001Z"),
        ("DateTimeDiff('hour', '2019-02-04T16:00:00.0000000Z', '2018-03-05T05:00:00.0000000Z')", -8075),
        ("DateTimeDiff('year', '2023-12-31T23:59:59Z', '2024-01-01')", 1),
        ("DateTimePart('mcs', '2020-05-29T08:30:00.1301617')", 130161),
        ("DateTimePart('weekday', '2020-05-29')", None),
        ("DateTimeBin('2021-06-28T17:24:29.2991234Z', 'hh', 6)", "2021-06-28T12:00:00.0000000Z"),
        ("DateTimeBin('2021-06-28', 'mm', 4)", "2021-05-01T00:00:00.0000000Z"),
        ("DateTimeFromParts(2017, 4, 20, 13, 15, 20, 3456789)", "2017-04-20T13:15:20.3456789Z"),
        ("DateTimeFromParts(2017, 13, 1)", None),
        ("DateTimeToTicks('2020-01-02T03:04:05.6789123Z')", 15779342456789123),
        ("TicksToDateTime(15943368134575530)", "2020-07-09T23:20:13.4575530Z"),
        ("DateTimeToTimestamp('2020-07-09T23:20:13.4575530Z')", 1594336813457),
        ("TimestampToDateTime(1594227912345)", "2020-07-08T17:05:12.3450000Z"),
        ("DateTimeAdd('dd', 1, 'yesterday')", None),
        ("ROUND(2.5)", 3), ("SQRT(9)", 3), ("6 / 2", 3), ("7 / 2", 3.5), ("POWER(10, 400)", None), ("1e308 * 10", None),
        ("IntBitLeftShift(1, 70)", None), ("'a' LIKE '[z-a]'", False), ("LEFT('abc', 1e300)", "abc"),
        ("(SELECT VALUE COUNT(1) FROM t IN (SELECT VALUE ['a', 'b']))", 2),
    ],
)  # fmt: skip
def test_values(expression: str, expected: Any) -> None:
    found = ask(f"SELECT VALUE {expression}")
    assert found == ([] if expected is None else [expected])
    assert all(type(one) is type(expected) for one in found)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT VALUE t FROM c JOIN (SELECT VALUE t FROM t IN c.tags WHERE t != 'x') AS t", ["y", "y"]),
        ("SELECT c.id, t FROM c JOIN t IN (SELECT VALUE c.tags) WHERE c.id = '2'", [{"id": "2", "t": "y"}]),
        ("SELECT VALUE DateTimePart('month', c.at) FROM c", [2]),
        ("SELECT VALUE LENGTH(GetCurrentDateTimeStatic())", [28]),
        (
            "SELECT c.kind, COUNT(1) AS n FROM c GROUP BY c.kind",
            [{"kind": "a", "n": 2}, {"kind": "b", "n": 1}, {"n": 1}],
        ),
        ("SELECT VALUE UPPER(c.kind) FROM c GROUP BY UPPER(c.kind)", ["A", "B"]),
        ("SELECT VALUE MAX(c.n) FROM c WHERE IS_NUMBER(c.n)", [3]),
    ],
)
def test_queries(query: str, expected: list[Any]) -> None:
    assert ask(query) == expected


@pytest.mark.parametrize(
    "query",
    [
        "SELECT c.n FROM c GROUP BY c.kind", "SELECT * FROM c GROUP BY c.kind", "SELECT c.n, COUNT(1) AS n FROM c",
        "SELECT c.kind FROM c GROUP BY c.kind ORDER BY c.kind", "SELECT VALUE {'n': c.n} FROM c GROUP BY c.kind",
    ],
)  # fmt: skip
def test_what_differs_within_a_group_is_refused(query: str) -> None:
    with pytest.raises(QueryError):
        ask(query)
    with pytest.raises(QueryError):
        planned(query)


def test_a_plan_has_groups_that_can_be_merged() -> None:
    """Run on two halves, the rewritten query gives parts whose sum is the whole."""
    made = planned("SELECT c.kind AS k, COUNT(1) AS n, AVG(c.n) AS mean FROM c WHERE IS_NUMBER(c.n) GROUP BY c.kind")
    assert made["groupByExpressions"] == ["c.kind"]
    assert made["groupByAliases"] == ["k", "n", "mean"]
    assert made["groupByAliasToAggregateType"] == {"k": None, "n": "Count", "mean": "Average"}
    assert not made["aggregates"]
    rewritten = parser.parse(made["rewrittenQuery"])
    halves = [list(run(rewritten, half, Context({}))) for half in (ITEMS[:1], ITEMS[1:3])]
    assert halves[0] == [
        {
            "groupByItems": [{"item": "a"}],
            "payload": {"k": "a", "n": {"item": 1}, "mean": {"item": {"sum": 1, "count": 1}}},
        }
    ]
    assert [one["payload"]["n"]["item"] for half in halves for one in half] == [1, 1, 1]


def test_a_plan_tells_an_empty_partition_from_a_least_value_of_null() -> None:
    made = planned("SELECT VALUE MIN(c.n) FROM c")
    rewritten = parser.parse(made["rewrittenQuery"])
    assert list(run(rewritten, [], Context({}))) == [[{"item2": {"count": 0}}]]
    nothing = [{"n": None}]
    assert list(run(rewritten, nothing, Context({}))) == [[{"item": None, "item2": {"min": None, "count": 1}}]]


def test_aggregates_by_name_are_listed_only_for_a_client_that_cannot_merge_them() -> None:
    query = "SELECT COUNT(1) AS n FROM c"
    assert planned(query)["groupByAliasToAggregateType"] == {"n": "Count"}
    assert planned(query)["aggregates"] == []
    assert planned(query, "Aggregate, OrderBy")["aggregates"] == ["Count"]
    with pytest.raises(plan.UnsupportedFeature):
        planned("SELECT c.kind FROM c GROUP BY c.kind", "Aggregate, OrderBy")


def test_a_client_may_join_thousands_of_conditions() -> None:
    """As read-many of the SDK for Python does; neither the depth nor the time grows with each condition and item."""
    several = " OR ".join(f"(c.id = '{number}' AND c.kind = 'a')" for number in range(3000))
    assert [item["id"] for item in ask(f"SELECT * FROM c WHERE {several}")] == ["1", "2"]
    ids = {f"id{number}": str(number) for number in range(1000)}
    names = ", ".join(f"@{name}" for name in ids)
    assert len(ask(f"SELECT * FROM c WHERE c.id IN ({names})", **ids)) == len(ITEMS)
    assert ask("SELECT VALUE c.id FROM c WHERE c.n IN (1, '1', 3.0, ['y'], null)") == ["1", "2"]
    assert ask("SELECT VALUE c.id FROM c WHERE c.tags IN (['y'], true)") == ["2"]


@pytest.mark.parametrize(
    "query", ["SELECT NOSUCH(c.id) FROM c", "SELECT d.id FROM c", "SELECT VALUE COUNT(d.x) FROM c"]
)
def test_a_wrong_query_is_refused_without_items(query: str) -> None:
    with pytest.raises(ValueError, match=r"NOSUCH|'d'"):
        list(run(parser.parse(query), [], Context({})))
