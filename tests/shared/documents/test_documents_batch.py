"""The contract for transactional batches: one partition, in order, all or nothing."""

from __future__ import annotations

import pytest

from shared.documents import (
    Create,
    Delete,
    DocumentStore,
    DocumentTooLarge,
    InvalidOperation,
    Operation,
    Patch,
    Replace,
    Upsert,
    Where,
)
from shared.errors import BatchFailed, DocumentConflict, DocumentNotFound, PreconditionFailed, StoreError


def ids(store: DocumentStore, user: str) -> list[str]:
    return [item["id"] for item in store.query("studio", partition=user).items]


def test_creates(store: DocumentStore, user: str) -> None:
    made = store.batch("studio", user, [Create({"id": id, "userId": user}) for id in ("file", "job")])
    assert [item["id"] for item in made] == ["file", "job"]
    assert ids(store, user) == ["file", "job"]
    assert store.read("studio", "file", user) == made[0]


def test_every_operation(store: DocumentStore, user: str) -> None:
    store.create("studio", {"id": "gone", "userId": user})
    quota = store.create("studio", {"id": "quota", "userId": user, "used": 9})
    done = store.batch(
        "studio",
        user,
        [
            Patch("quota", incr={"used": 1}, where=[Where("used", "<", 10)], etag=quota.etag),
            Create({"id": "job", "userId": user}),
            Replace({"id": "job", "userId": user, "status": "QUEUED"}),
            Upsert({"id": "profile", "userId": user}),
            Delete("gone"),
            Patch("job", set={"n": 1}),
        ],
    )
    assert [item.get("id") for item in done] == ["quota", "job", "job", "profile", None, "job"]
    assert done[0]["used"] == 10
    assert store.read("studio", "job", user) == done[-1]
    assert ids(store, user) == ["job", "profile", "quota"]


def test_create_that_fails_last(store: DocumentStore, user: str) -> None:
    store.create("studio", {"id": "there", "userId": user})
    with pytest.raises(BatchFailed) as failed:
        store.batch("studio", user, [Create({"id": id, "userId": user}) for id in ("a", "b", "there")])
    assert failed.value.index == 2
    assert isinstance(failed.value.cause, DocumentConflict)


def test_nothing_is_written_if_the_last_operation_fails(store: DocumentStore, user: str) -> None:
    store.create("studio", {"id": "there", "userId": user})
    with pytest.raises(BatchFailed):
        store.batch("studio", user, [Create({"id": id, "userId": user}) for id in ("a", "b", "there")])
    assert ids(store, user) == ["there"]


@pytest.mark.parametrize(
    ("last", "cause"),
    [
        (Patch("quota", incr={"used": 1}, where=[Where("used", "<", 10)]), PreconditionFailed),
        (Patch("quota", incr={"used": 1}, etag='"0"'), PreconditionFailed),
        (Patch("missing", incr={"used": 1}), DocumentNotFound),
        (Replace({"id": "quota"}, etag='"0"'), PreconditionFailed),
        (Replace({"id": "missing"}), DocumentNotFound),
        (Delete("missing"), DocumentNotFound),
    ],
)
def test_causes(store: DocumentStore, user: str, last: Operation, cause: type[StoreError]) -> None:
    before = store.create("studio", {"id": "quota", "userId": user, "used": 10})
    if isinstance(last, Replace):
        last = Replace({"userId": user, **last.item}, last.etag)
    with pytest.raises(BatchFailed) as failed:
        store.batch("studio", user, [Patch("quota", set={"n": 1}), Create({"id": "new", "userId": user}), last])
    assert failed.value.index == 2
    assert type(failed.value.cause) is cause
    assert store.read("studio", "quota", user) == before
    assert ids(store, user) == ["quota"]


@pytest.mark.parametrize(
    ("last", "cause"),
    [
        (Delete("a/b"), DocumentNotFound),
        (Patch("a/b", set={"n": 1}), DocumentNotFound),
        (Patch("a", set={}), InvalidOperation),
        (Create({"id": "a/b"}), InvalidOperation),
        (Create({"id": "x", "userId": "another-user"}), InvalidOperation),
        (Create({"id": "x", "x": "a" * (2 * 1024 * 1024)}), DocumentTooLarge),
    ],
)
def test_impossible_operations(store: DocumentStore, user: str, last: Operation, cause: type[StoreError]) -> None:
    if isinstance(last, Create):
        last = Create({"userId": user, **last.item})
    with pytest.raises(BatchFailed) as failed:
        store.batch("studio", user, [Create({"id": "new", "userId": user}), last])
    assert failed.value.index == 1
    assert type(failed.value.cause) is cause
    assert ids(store, user) == []


def test_limits(store: DocumentStore, user: str) -> None:
    with pytest.raises(InvalidOperation):
        store.batch("studio", user, [])
    operations = [Create({"id": f"{n:03}", "userId": user}) for n in range(101)]
    with pytest.raises(InvalidOperation):
        store.batch("studio", user, operations)
    half = "a" * (1024 * 1024)
    with pytest.raises(BatchFailed) as failed:
        store.batch("studio", user, [Create({"id": id, "userId": user, "x": half}) for id in "ab"])
    assert (failed.value.index, type(failed.value.cause)) == (1, DocumentTooLarge)
    assert ids(store, user) == []
    store.batch("studio", user, operations[:100])
    assert store.count("studio", partition=user) == 100
