"""The contract for patches: atomic, conditional, strict."""

from __future__ import annotations

from typing import Any

import pytest

from shared.documents import DocumentStore, InvalidOperation, Where
from shared.errors import DocumentNotFound, PreconditionFailed


def plain(item: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if not name.startswith("_") and name != "userId"}


def test_set_incr_remove(store: DocumentStore, user: str) -> None:
    made = store.create("studio", {"id": user, "userId": user, "n": 1, "old": 1, "o": {"x": 1, "y": [1]}})
    changed = store.patch(
        "studio",
        user,
        user,
        set={"status": "done", "o.z": None, "o.y": {"deep": [1, 2]}},
        incr={"n": 2, "o.x": -1.5},
        remove=["old"],
    )
    assert plain(changed) == {
        "id": user,
        "n": 3,
        "o": {"x": -0.5, "y": {"deep": [1, 2]}, "z": None},
        "status": "done",
    }
    assert changed.etag != made.etag
    assert store.read("studio", user, user) == changed


def test_incr_creates_a_missing_field(store: DocumentStore, user: str) -> None:
    store.create("studio", {"id": user, "userId": user, "o": {}})
    changed = store.patch("studio", user, user, incr={"n": 3, "o.n": 1})
    assert (changed["n"], changed["o"]["n"]) == (3, 1)


def test_predicate_false_or_item_missing(store: DocumentStore, user: str) -> None:
    made = store.create("studio", {"id": user, "userId": user, "n": 1})
    with pytest.raises(PreconditionFailed):
        store.patch("studio", user, user, incr={"n": 1}, where=[Where("n", ">", 1)])
    with pytest.raises(DocumentNotFound):
        store.patch("studio", "missing", user, incr={"n": 1}, where=[Where("n", ">", 1)])
    with pytest.raises(DocumentNotFound):
        store.patch("studio", "missing", user, incr={"n": 1})
    assert store.read("studio", user, user) == made


@pytest.mark.parametrize(
    ("where", "holds"),
    [
        ([Where("status", "in", ["QUEUED", "RETRY_WAIT"])], True),
        ([Where("status", "in", ["RUNNING"])], False),
        ([Where("n", "<", 2), Where("status", "=", "QUEUED")], True),
        ([Where("n", "<", 2), Where("status", "=", "DONE")], False),
        ([Where("lease.until", "<=", 9.5)], True),
        ([Where("lease.owner", "exists", False)], True),
        ([Where("lease.owner", "exists")], False),
        ([Where("flag", "=", True)], True),
        ([Where("flag", "=", False)], False),
        ([Where("nothing", "=", None)], True),
        ([Where("tags", "contains", "red")], True),
        ([Where("tags", "contains", "blue")], False),
        ([Where("missing", "!=", "x")], False),
        ([Where("text", "=", 'it\'s "quoted" \\ é\n')], True),
    ],
)
def test_predicates(store: DocumentStore, user: str, where: list[Where], holds: bool) -> None:
    item = {
        "id": user,
        "userId": user,
        "n": 1,
        "status": "QUEUED",
        "lease": {"until": 9.5},
        "flag": True,
        "nothing": None,
        "tags": ["red", 1],
        "text": 'it\'s "quoted" \\ é\n',
    }
    store.create("studio", item)
    if holds:
        assert store.patch("studio", user, user, incr={"n": 1}, where=where)["n"] == 2
    else:
        with pytest.raises(PreconditionFailed):
            store.patch("studio", user, user, incr={"n": 1}, where=where)


def test_predicate_is_asked_of_this_partition(store: DocumentStore, user: str) -> None:
    store.create("studio", {"id": user, "userId": user, "n": 1})
    store.create("studio", {"id": user, "userId": user + "-other", "n": 2})
    with pytest.raises(PreconditionFailed):
        store.patch("studio", user, user, incr={"n": 1}, where=[Where("n", "=", 2)])


def test_etag(store: DocumentStore, user: str) -> None:
    first = store.create("studio", {"id": user, "userId": user, "n": 1})
    second = store.patch("studio", user, user, incr={"n": 1}, etag=first.etag)
    with pytest.raises(PreconditionFailed):
        store.patch("studio", user, user, incr={"n": 1}, etag=first.etag)
    with pytest.raises(DocumentNotFound):
        store.patch("studio", "missing", user, incr={"n": 1}, etag=first.etag)
    assert store.read("studio", user, user) == second


def test_a_missing_parent_is_refused(store: DocumentStore, user: str) -> None:
    made = store.create("studio", {"id": user, "userId": user, "n": 1})
    for change in ({"set": {"o.x": 1}}, {"incr": {"o.x": 1}}, {"set": {"n.x": 1}}):
        with pytest.raises(InvalidOperation):
            store.patch("studio", user, user, **change)
    assert store.read("studio", user, user) == made


def test_impossible_changes_are_refused(store: DocumentStore, user: str) -> None:
    made = store.create("studio", {"id": user, "userId": user, "text": "x"})
    changes: list[dict[str, Any]] = [
        {},
        {"set": {}},
        {"set": {f"f{n}": n for n in range(11)}},
        {"set": {"id": "b"}},
        {"set": {"userId": "b"}},
        {"remove": ["userId"]},
        {"set": {"_etag": "x"}},
        {"set": {"a b": 1}},
        {"set": {"a'b": 1}},
        {"set": {"": 1}},
        {"set": {"x": object()}},
        {"set": {"ttl": 0}},
        {"incr": {"n": "1"}},
        {"incr": {"n": True}},
        {"incr": {"text": 1}},
        {"remove": ["missing"]},
    ]
    for change in changes:
        with pytest.raises(InvalidOperation):
            store.patch("studio", user, user, **change)
    assert store.read("studio", user, user) == made
    store.patch("studio", user, user, set={f"f{n}": n for n in range(10)})
