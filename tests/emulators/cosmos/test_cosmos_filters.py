"""What SQLite filters is never more than the query excludes, and numbers, lists and missing fields are left to it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from emulators.cosmos.database import Database, Row, dump
from emulators.cosmos.filters import filter_of
from emulators.cosmos.sql import parser
from emulators.cosmos.sql.evaluate import Context, run

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0, 1, -1, 1.5, 2**53, "", "1", "a", "a\0b", "ab", "é", "\U0001f600", "[1]", "true", "null"]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=3),
)  # fmt: skip
values = st.one_of(scalars, st.lists(scalars, max_size=2), st.dictionaries(st.sampled_from(["b", "c"]), scalars))
items = st.dictionaries(st.sampled_from(["a", "b", "c"]), values)
CONDITIONS = (
    "c.a = @x", "c.a != @x", "c.a < @x", "c.a <= @x", "c.a > @x", "c.a >= @x", "@x < c.a", "@x >= c.a", "c.a.b = @x",
    "c['a'] >= @x", "c.a IN (@x, @y)", "NOT (c.a IN (@x, @y))", "c.a BETWEEN @x AND @y", "IS_DEFINED(c.a)",
    "NOT IS_DEFINED(c.a)", "IS_NULL(c.a)", "NOT IS_NULL(c.a)", "c.a = @x OR c.b = @y", "c.a = @x AND NOT (c.b = @y)",
    "c.a = null", "c.a = -1", "c.a > -1.5", "NOT (c.a > @x)", "c.a = @x OR LENGTH(c.b) > 1", "c._ts >= 0",
)  # fmt: skip


def stored(content: list[dict[str, Any]]) -> Database:
    data = Database(None)
    with data.transaction():
        for number, item in enumerate(content):
            body = dump({**item, "id": str(number)})
            data.put("k", Row("[1]", str(number), "0", f"{number:03}", number, "e", 0.0, None, body))
    return data


def read(data: Database, condition: str, context: Context) -> list[dict[str, Any]]:
    """The items that a query reads."""
    chosen = filter_of(parser.parse(f"SELECT * FROM c WHERE {condition}"), context)
    return [json.loads(row.body) for row in data.scan("k", "0", "", partition="[1]", chosen=chosen)]


@given(st.lists(items, max_size=4), scalars, scalars)
@example([{"a": "a\0b"}, {"a": True}, {"a": 1}, {"a": [1]}, {"a": {"b": 1}}, {"a": None}, {}], "a", 1)
def test_a_filter_loses_no_result(content: list[dict[str, Any]], x: Any, y: Any) -> None:
    data = stored(content)
    context = Context({"@x": x, "@y": y})
    for condition in CONDITIONS:
        query = parser.parse(f"SELECT * FROM c WHERE {condition}")
        every = [json.loads(row.body) for row in data.scan("k", "0", "", partition="[1]")]
        expected = list(run(query, every, context))
        assert list(run(query, read(data, condition, context), context)) == expected, condition
    data.close()


@pytest.mark.parametrize(
    "condition",
    ["c.n >= 7 AND c.n < 9", "c.n IN (7, 8)", "c.n BETWEEN 7 AND 8", "c.n = 7 OR c.text = 'text 8'", "c.deep.n > 6.5",
     "c.text IN ('text 7', 'text 8')", "IS_DEFINED(c.odd) AND c.n > 5", "(IS_NUMBER(c.n) AND c.n > 6)",
     "c.n > 6 AND ARRAY_LENGTH(c.list) = 0"],
)  # fmt: skip
def test_only_what_a_query_finds_is_read(condition: str) -> None:
    content: list[dict[str, Any]] = [
        {"n": n, "text": f"text {n}", "deep": {"n": n}, "list": [], **({"odd": True} if n > 6 else {})}
        for n in range(9)
    ]
    content.append({"n": "7", "text": 7, "deep": "n"})
    found = read(stored(content), condition, Context({}))
    assert [item["n"] for item in found if item["n"] != "7"] == [7, 8], json.dumps(found)
