"""The contract for single items: create, read, replace, upsert, delete, unique keys, ids, sizes, expiry."""

from __future__ import annotations

import time
from uuid import uuid4

import pytest

from shared.documents import DocumentStore, DocumentTooLarge, InvalidOperation, Where
from shared.errors import DocumentConflict, DocumentNotFound, PreconditionFailed

MB = 1024 * 1024
EXPIRED_S = 3
"""More than the time to live of items that expire here."""


def exists(store: DocumentStore, id: str, user: str) -> bool:
    """Asked by query, since the stand-in answers point reads of missing items wrongly."""
    return store.count("studio", Where("id", "=", id), partition=user) == 1


def test_create_returns_the_item_with_etag_and_time(store: DocumentStore, user: str) -> None:
    item = {"id": "a", "userId": user, "n": 1.5, "deep": {"list": [1, "x", None, True]}}
    made = store.create("studio", item)
    assert {k: v for k, v in made.items() if not k.startswith("_")} == item
    assert set(made) == {*item, "_etag", "_ts"}
    assert made.etag == made["_etag"]
    assert abs(made["_ts"] - time.time()) < 60
    assert store.read("studio", "a", user) == made
    assert store.find("studio", "a", user) == made


def test_create_if_absent_conflicts(store: DocumentStore, user: str) -> None:
    store.create("studio", {"id": "a", "userId": user, "n": 1})
    with pytest.raises(DocumentConflict):
        store.create("studio", {"id": "a", "userId": user, "n": 2})
    assert store.read("studio", "a", user)["n"] == 1


def test_point_read_of_a_missing_item(store: DocumentStore, user: str) -> None:
    with pytest.raises(DocumentNotFound):
        store.read("studio", "missing", user)


def test_find_of_a_missing_item(store: DocumentStore, user: str) -> None:
    assert store.find("studio", "missing", user) is None


def test_partitions_are_isolated(store: DocumentStore, user: str) -> None:
    other = user + "-other"
    store.create("studio", {"id": "a", "userId": user, "n": 1})
    store.create("studio", {"id": "a", "userId": other, "n": 2})
    store.patch("studio", "a", other, incr={"n": 10})
    assert store.read("studio", "a", user)["n"] == 1
    store.delete("studio", "a", user)
    assert not exists(store, "a", user)
    assert store.read("studio", "a", other)["n"] == 12


def test_read_from_another_partition(store: DocumentStore, user: str) -> None:
    store.create("studio", {"id": "a", "userId": user})
    assert store.find("studio", "a", user + "-other") is None


def test_many_items_come_in_the_order_asked_for(store: DocumentStore, user: str) -> None:
    other = user + "-other"
    made = {(id, who): store.create("studio", {"id": id, "userId": who}) for id in "ab" for who in (user, other)}
    made["ü'\"", user] = store.create("studio", {"id": "ü'\"", "userId": user})
    asked = [*made, ("missing", user), ("a", user), ("bad/id", user), ("a", user + "-third")]
    assert store.find_many("studio", asked) == [made.get(key) for key in asked]
    assert store.find_many("studio", [("b", other)]) == [made["b", other]]
    assert store.find_many("studio", []) == []
    with pytest.raises(InvalidOperation):
        store.find_many("studio", [("a", "")])


def test_replace(store: DocumentStore, user: str) -> None:
    made = store.create("studio", {"id": "a", "userId": user, "n": 1})
    again = store.replace("studio", {"id": "a", "userId": user, "m": 2})
    assert "n" not in again
    assert again.etag != made.etag
    assert store.read("studio", "a", user) == again


def test_replace_takes_back_what_was_read(store: DocumentStore, user: str) -> None:
    store.create("studio", {"id": "a", "userId": user, "n": 1})
    item = store.read("studio", "a", user)
    item["n"] = 2
    assert store.replace("studio", item, etag=item.etag)["n"] == 2


def test_replace_with_a_stale_etag(store: DocumentStore, user: str) -> None:
    first = store.create("studio", {"id": "a", "userId": user, "n": 1})
    store.replace("studio", {"id": "a", "userId": user, "n": 2}, etag=first.etag)
    with pytest.raises(PreconditionFailed):
        store.replace("studio", {"id": "a", "userId": user, "n": 3}, etag=first.etag)
    assert store.read("studio", "a", user)["n"] == 2


@pytest.mark.parametrize("etag", [None, '"0"'])
def test_replace_of_a_missing_item(store: DocumentStore, user: str, etag: str | None) -> None:
    with pytest.raises(DocumentNotFound):
        store.replace("studio", {"id": "missing", "userId": user}, etag=etag)
    assert not exists(store, "missing", user)


def test_upsert(store: DocumentStore, user: str) -> None:
    made = store.upsert("studio", {"id": "a", "userId": user, "n": 1})
    again = store.upsert("studio", {"id": "a", "userId": user, "m": 2})
    assert "n" not in again
    assert again.etag != made.etag
    assert store.count("studio", partition=user) == 1


def test_delete(store: DocumentStore, user: str) -> None:
    made = store.create("studio", {"id": "a", "userId": user})
    changed = store.patch("studio", "a", user, set={"n": 1})
    with pytest.raises(PreconditionFailed):
        store.delete("studio", "a", user, etag=made.etag)
    assert exists(store, "a", user)
    store.delete("studio", "a", user, etag=changed.etag)
    assert not exists(store, "a", user)
    with pytest.raises(DocumentNotFound):
        store.delete("studio", "a", user)
    store.create("studio", {"id": "a", "userId": user})


def test_unique_keys_hold_in_a_partition(store: DocumentStore, user: str) -> None:
    store.create("keyed", {"id": "a", "userId": user, "email": "x@y", "profile": {"handle": "one"}})
    with pytest.raises(DocumentConflict):
        store.create("keyed", {"id": "b", "userId": user, "email": "x@y", "profile": {"handle": "two"}})
    store.create("keyed", {"id": "b", "userId": user, "email": "z@y", "profile": {"handle": "two"}})
    store.create("keyed", {"id": "a", "userId": user + "-other", "email": "x@y", "profile": {"handle": "one"}})
    with pytest.raises(DocumentConflict):
        store.replace("keyed", {"id": "b", "userId": user, "email": "x@y", "profile": {"handle": "two"}})
    assert store.read("keyed", "b", user)["email"] == "z@y"


def test_unique_key_by_dotted_field(store: DocumentStore, user: str) -> None:
    store.create("keyed", {"id": "a", "userId": user, "email": "1", "profile": {"handle": "one"}})
    with pytest.raises(DocumentConflict):
        store.create("keyed", {"id": "b", "userId": user, "email": "2", "profile": {"handle": "one"}})


def test_unique_key_counts_a_missing_field_as_null(store: DocumentStore, user: str) -> None:
    store.create("keyed", {"id": "a", "userId": user, "email": "1"})
    with pytest.raises(DocumentConflict):
        store.create("keyed", {"id": "b", "userId": user, "email": "2", "profile": {"handle": None}})


def test_unique_key_holds_for_patches(store: DocumentStore, user: str) -> None:
    store.create("keyed", {"id": "a", "userId": user, "email": "1", "profile": {"handle": "1"}})
    store.create("keyed", {"id": "b", "userId": user, "email": "2", "profile": {"handle": "2"}})
    with pytest.raises(DocumentConflict):
        store.patch("keyed", "b", user, set={"email": "1"})
    assert store.read("keyed", "b", user)["email"] == "2"


@pytest.mark.parametrize("id", ["a:b|c@d.e", "ñandú ☂", "with space", "%2F", "'\"", "x" * 255])
def test_ids_that_hold(store: DocumentStore, user: str, id: str) -> None:
    store.create("studio", {"id": id, "userId": user})
    assert store.read("studio", id, user)["id"] == id
    store.patch("studio", id, user, set={"n": 1})
    assert [d["id"] for d in store.query("studio", Where("id", "=", id), partition=user).items] == [id]
    store.delete("studio", id, user)


@pytest.mark.parametrize("id", ["", "a/b", "a\\b", "a?b", "a#b", "a\nb", "a ", "x" * 1024, "\ud800", None, 7])
def test_ids_that_are_refused(store: DocumentStore, user: str, id: object) -> None:
    with pytest.raises(InvalidOperation) as refused:
        store.create("studio", {"id": id, "userId": user})
    assert refused.value.field == "id"
    assert refused.value.status == 400
    if isinstance(id, str):
        assert store.find("studio", id, user) is None
        with pytest.raises(DocumentNotFound):
            store.delete("studio", id, user)


def test_other_items_that_are_refused(store: DocumentStore, user: str) -> None:
    bad_items = [
        {"id": "a"},
        {"id": "a", "userId": ""},
        {"id": "a", "userId": 7},
        {"id": "a", "userId": user, "x": float("nan")},
        {"id": "a", "userId": user, "x": object()},
        {"id": "a", "userId": user, "x": "\ud800"},
        {"id": "a", "userId": user, "ttl": 0},
        {"id": "a", "userId": user, "ttl": None},
        {"id": "a", "userId": user, "ttl": 1.5},
    ]
    for item in bad_items:
        with pytest.raises(InvalidOperation):
            store.create("studio", item)
    with pytest.raises(InvalidOperation):
        store.create("nowhere", {"id": "a", "userId": user})
    assert store.count("studio", partition=user) == 0


def test_items_up_to_two_megabytes(store: DocumentStore, user: str) -> None:
    store.create("studio", {"id": "big", "userId": user, "x": "a" * (2 * MB - 4096)})
    assert len(store.read("studio", "big", user)["x"]) == 2 * MB - 4096
    for text in ("a" * 2 * MB, "é" * MB):
        with pytest.raises(DocumentTooLarge) as refused:
            store.create("studio", {"id": "bigger", "userId": user, "x": text})
        assert refused.value.status == 413
    assert not exists(store, "bigger", user)
    store.delete("studio", "big", user)


def test_patch_beyond_two_megabytes(store: DocumentStore, user: str) -> None:
    store.create("studio", {"id": "big", "userId": user, "x": "a" * (2 * MB - 4096)})
    try:
        with pytest.raises(DocumentTooLarge):
            store.patch("studio", "big", user, set={"y": "a" * 8192})
        assert "y" not in store.read("studio", "big", user)
    finally:
        store.delete("studio", "big", user)


def test_items_expire(store: DocumentStore, user: str) -> None:
    store.create("studio", {"id": "short", "userId": user, "ttl": 1})
    store.create("brief", {"id": "default", "userId": user})
    store.create("brief", {"id": "kept", "userId": user, "ttl": -1})
    store.create("brief", {"id": "longer", "userId": user, "ttl": 3600})
    time.sleep(EXPIRED_S)
    assert store.count("brief", partition=user) == 2
    assert store.count("studio", partition=user) == 0
    assert [d["id"] for d in store.query("brief", partition=user).items] == ["kept", "longer"]
    assert store.find("brief", "default", user) is None
    for attempt in (
        lambda: store.patch("studio", "short", user, set={"n": 1}),
        lambda: store.replace("studio", {"id": "short", "userId": user}),
        lambda: store.delete("studio", "short", user),
    ):
        with pytest.raises(DocumentNotFound):
            attempt()
    assert store.create("studio", {"id": "short", "userId": user})["id"] == "short"


def test_a_container_partitioned_by_id(store: DocumentStore) -> None:
    id = f"email:{uuid4().hex}"
    store.create("accounts", {"id": id, "n": 1})
    assert store.patch("accounts", id, id, incr={"n": 1})["n"] == 2
    assert store.count("accounts", Where("n", "=", 2), partition=id) == 1
    with pytest.raises(DocumentConflict):
        store.create("accounts", {"id": id})
    store.delete("accounts", id, id)
