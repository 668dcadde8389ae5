"""The contract for queries: conditions, order, pages, counts."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from shared.documents import DocumentStore, InvalidOperation, Where

ITEMS: list[dict[str, Any]] = [
    {
        "id": "a",
        "type": "job",
        "status": "QUEUED",
        "n": 1,
        "tags": ["x", 1],
        "o": {"kind": "one"},
        "flag": True,
    },
    {"id": "b", "type": "job", "status": "DONE", "n": 2.5, "tags": [], "o": {"kind": "two"}, "flag": False},
    {"id": "c", "type": "file", "status": "DONE", "n": "1", "tags": "x", "o": {"kind": None}},
    {"id": "d", "type": "file", "n": None, "o": "kind", "made-at": "2026"},
]


@pytest.fixture
def filled(store: DocumentStore, user: str) -> DocumentStore:
    for item in ITEMS:
        store.create("studio", {**item, "userId": user})
        store.create("studio", {**item, "userId": user + "-other"})
    return store


def ids(store: DocumentStore, user: str, *where: Where, **options: Any) -> str:
    return "".join(item["id"] for item in store.query("studio", *where, partition=user, **options).items)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ([], "abcd"),
        ([Where("type", "=", "job")], "ab"),
        ([Where("type", "=", "job"), Where("status", "=", "DONE")], "b"),
        ([Where("status", "!=", "DONE")], "a"),
        ([Where("n", "=", 1)], "a"),
        ([Where("n", "=", "1")], "c"),
        ([Where("n", ">", 0)], "ab"),
        ([Where("n", ">=", 2)], "b"),
        ([Where("n", "<", 2)], "a"),
        ([Where("n", "!=", 1)], "b"),
        ([Where("n", "=", None)], "d"),
        ([Where("n", "=", True)], ""),
        ([Where("flag", "=", True)], "a"),
        ([Where("flag", "=", 1)], ""),
        ([Where("status", "in", ["QUEUED", "DONE"])], "abc"),
        ([Where("n", "in", [1, 2.5, 7])], "ab"),
        ([Where("n", "in", {1})], "a"),
        ([Where("status", "in", [])], ""),
        ([Where("tags", "contains", "x")], "a"),
        ([Where("tags", "contains", 1)], "a"),
        ([Where("tags", "contains", True)], ""),
        ([Where("status", "exists")], "abc"),
        ([Where("status", "exists", False)], "d"),
        ([Where("n", "exists")], "abcd"),
        ([Where("o.kind", "=", "one")], "a"),
        ([Where("o.kind", "in", ["one", "two"])], "ab"),
        ([Where("o.kind", "exists")], "abc"),
        ([Where("o.kind", "=", None)], "c"),
        ([Where("o", "=", "kind")], "d"),
        ([Where("made-at", "=", "2026")], "d"),
        ([Where("id", ">", "b")], "cd"),
    ],
)
def test_conditions(filled: DocumentStore, user: str, where: list[Where], expected: str) -> None:
    assert ids(filled, user, *where) == expected
    assert filled.count("studio", *where, partition=user) == len(expected)


def test_across_partitions(filled: DocumentStore, user: str) -> None:
    users = Where("userId", "in", [user, user + "-other"])
    page = filled.query("studio", users, Where("type", "=", "job"))
    assert [d["id"] for d in page.items] == ["a", "a", "b", "b"]
    assert {d["userId"] for d in page.items} == {user, user + "-other"}
    assert filled.count("studio", users, Where("type", "=", "job")) == 4


def test_order(store: DocumentStore, user: str) -> None:
    for id, at, n in [("a", "2026-02", 10), ("b", "2026-01", 9), ("c", "2026-03", 2.5)]:
        store.create("studio", {"id": id, "userId": user, "at": at, "o": {"n": n}})
    store.create("studio", {"id": "d", "userId": user, "at": None})
    store.create("studio", {"id": "e", "userId": user})
    assert ids(store, user, order_by="at") == "bac"
    assert ids(store, user, order_by="at", descending=True) == "cab"
    assert ids(store, user, order_by="o.n") == "cba"
    assert ids(store, user, descending=True) == "edcba"
    assert ids(store, user, Where("at", ">", "2026-01"), order_by="o.n", descending=True) == "ac"


@pytest.mark.parametrize("partitioned", [True, False])
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("order_by", [None, "at"])
def test_pages_are_complete_and_stable(
    store: DocumentStore, user: str, order_by: str | None, descending: bool, partitioned: bool
) -> None:
    """Rows of the same order value straddle pages, and rows are inserted on both sides of the reader."""
    users = [user] if partitioned else [user, user + "-other"]
    for n in range(9):
        item = {"id": f"m{n:02}", "userId": users[n % len(users)], "kind": "x", "at": n // 4}
        store.create("studio", item)
    where = [Where("kind", "=", "x"), Where("userId", "in", users)]
    seen: list[dict[str, Any]] = []
    token: str | None = None
    for round in range(30):
        page = store.query(
            "studio",
            *where,
            partition=user if partitioned else None,
            order_by=order_by,
            descending=descending,
            limit=3,
            continuation=token,
        )
        seen += page.items
        token = page.continuation
        if token is None:
            break
        assert len(page.items) == 3
        for id, at in ((f"a{round}", -1), (f"z{round}", 99)):
            store.create("studio", {"id": id, "userId": user, "kind": "x", "at": at})
    assert token is None
    keys = [(item["userId"], item["id"]) for item in seen]
    assert len(keys) == len(set(keys))
    assert sum(item["id"].startswith("m") for item in seen) == 9
    values = [item[order_by or "id"] for item in seen]
    assert values == sorted(values, reverse=descending)


def test_the_last_page_has_no_continuation(filled: DocumentStore, user: str) -> None:
    assert filled.query("studio", partition=user, limit=4).continuation is None
    first = filled.query("studio", partition=user, limit=3)
    assert len(first.items) == 3
    assert first.continuation is not None
    last = filled.query("studio", partition=user, limit=3, continuation=first.continuation)
    assert [d["id"] for d in last.items] == ["d"]
    assert last.continuation is None


def test_bad_tokens_are_refused(filled: DocumentStore, user: str) -> None:
    token = filled.query("studio", partition=user, limit=2).continuation
    with pytest.raises(InvalidOperation):
        filled.query("studio", partition=user, order_by="n", continuation=token)
    surrogate = b'{"by":null,"desc":false,"after":["\\ud800","u","i"]}'
    foreign = base64.urlsafe_b64encode(surrogate).decode()
    for bad in (foreign, "", "x", "é", "bnVsbA", "W10", "e30", "eyJhZnRlciI6IDF9", "\ud800", "=" * 9):
        with pytest.raises(InvalidOperation):
            filled.query("studio", partition=user, continuation=bad)


def test_bad_questions_are_refused(store: DocumentStore, user: str) -> None:
    for field in ("", "a b", "a'", 'a"]', "a.", "_etag", "1a", "a..b", "a\n"):
        with pytest.raises(InvalidOperation):
            Where(field, "=", 1)
        with pytest.raises(InvalidOperation):
            store.query("studio", partition=user, order_by=field)
    conditions: list[tuple[Any, Any]] = [
        ("like", "x"),
        ("=", [1]),
        ("=", {"a": 1}),
        ("=", float("nan")),
        ("=", 2**63),
        ("=", "\ud800"),
        ("!=", None),
        ("in", "abc"),
        ("in", 1),
        ("in", [1, "a"]),
        ("in", [None]),
        ("exists", "yes"),
    ]
    for op, value in conditions:
        with pytest.raises(InvalidOperation):
            Where("x", op, value)
    for limit in (0, -1, 1001):
        with pytest.raises(InvalidOperation):
            store.query("studio", partition=user, limit=limit)
    with pytest.raises(InvalidOperation):
        store.query("studio", partition="")
