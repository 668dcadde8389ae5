"""SQLite against a plain dict: whatever the sequence of operations, both answer alike."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from shared.documents import Create, Delete, Document, Operation, Patch, Where
from shared.documents.sqlite import SqliteStore
from shared.errors import BatchFailed, DocumentConflict, DocumentNotFound, PreconditionFailed, StoreError

ids = st.sampled_from(["a", "b", "c"])
users = st.sampled_from(["u", "v"])
numbers = st.integers(-3, 3)
statuses = st.sampled_from(["new", "old", None])

Key = tuple[str, str]


class Documents(RuleBasedStateMachine):
    """The model maps (partition, id) to the item and remembers the ETags that have become stale."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.store = SqliteStore(Path(self.folder.name) / "documents.db")
        self.model: dict[Key, Document] = {}
        self.stale: dict[Key, str] = {}

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    def expect(self, error: type[StoreError] | None, call: Any) -> Any:
        try:
            result = call()
        except StoreError as raised:
            assert error is not None, raised
            assert type(raised) is error
            return None
        assert error is None, f"{error} not raised"
        return result

    def keep(self, user: str, id: str, item: dict[str, Any], stored: Document) -> None:
        assert {k: v for k, v in stored.items() if k not in ("_etag", "_ts")} == item
        old = self.model.get((user, id))
        if old is not None:
            assert old.etag != stored.etag
            self.stale[user, id] = old.etag
        self.model[user, id] = stored

    @rule(user=users, id=ids, n=numbers, status=statuses)
    def create(self, user: str, id: str, n: int, status: str | None) -> None:
        item = {"id": id, "userId": user, "n": n, "status": status}
        error = DocumentConflict if (user, id) in self.model else None
        stored = self.expect(error, lambda: self.store.create("studio", item))
        if stored is not None:
            self.keep(user, id, item, stored)

    @rule(user=users, id=ids, n=numbers, stale=st.booleans())
    def replace(self, user: str, id: str, n: int, stale: bool) -> None:
        item = {"id": id, "userId": user, "n": n}
        current = self.model.get((user, id))
        etag = self.stale.get((user, id)) if stale else current.etag if current is not None else None
        error: type[StoreError] | None = None
        if current is None:
            error = DocumentNotFound
        elif etag is not None and etag != current.etag:
            error = PreconditionFailed
        stored = self.expect(error, lambda: self.store.replace("studio", item, etag=etag))
        if stored is not None:
            self.keep(user, id, item, stored)

    @rule(user=users, id=ids, n=numbers, status=statuses, below=numbers)
    def patch(self, user: str, id: str, n: int, status: str | None, below: int) -> None:
        current = self.model.get((user, id))
        error: type[StoreError] | None = None
        if current is None:
            error = DocumentNotFound
        elif not current["n"] < below:
            error = PreconditionFailed
        stored = self.expect(
            error,
            lambda: self.store.patch(
                "studio", id, user, set={"status": status}, incr={"n": n}, where=[Where("n", "<", below)]
            ),
        )
        if stored is not None and current is not None:
            plain = {k: v for k, v in current.items() if k not in ("_etag", "_ts")}
            self.keep(user, id, {**plain, "status": status, "n": current["n"] + n}, stored)

    @rule(user=users, id=ids)
    def delete(self, user: str, id: str) -> None:
        error = None if (user, id) in self.model else DocumentNotFound
        self.expect(error, lambda: self.store.delete("studio", id, user))
        self.model.pop((user, id), None)
        self.stale.pop((user, id), None)

    @rule(user=users, new=ids, gone=ids, touched=ids)
    def batch(self, user: str, new: str, gone: str, touched: str) -> None:
        item = {"id": new, "userId": user, "n": 0}
        operations: list[Operation] = [Create(item), Delete(gone), Patch(touched, incr={"n": 1})]
        present = {id for owner, id in self.model if owner == user}
        failing = None
        if new in present:
            failing = 0
        elif gone not in present | {new}:
            failing = 1
        elif touched not in (present | {new}) - {gone}:
            failing = 2
        try:
            stored = self.store.batch("studio", user, operations)
        except BatchFailed as error:
            assert error.index == failing
            return
        assert failing is None
        for document in stored:
            if document:
                self.model[user, document["id"]] = document
        del self.model[user, gone]
        for key in ((user, gone), (user, touched), (user, new)):
            self.stale.pop(key, None)

    @rule(user=users | st.none(), status=st.sampled_from(["new", "old"]), descending=st.booleans())
    def query(self, user: str | None, status: str, descending: bool) -> None:
        where = Where("status", "=", status)
        found: list[Document] = []
        token = None
        while True:
            page = self.store.query(
                "studio",
                where,
                partition=user,
                order_by="n",
                descending=descending,
                limit=2,
                continuation=token,
            )
            found += page.items
            token = page.continuation
            if token is None:
                break
        expected = [
            item for (owner, _), item in self.model.items() if item.get("status") == status and user in (None, owner)
        ]
        expected.sort(key=lambda item: (item["n"], item["userId"], item["id"]), reverse=descending)
        assert found == expected

    @precondition(lambda self: self.model)
    @invariant()
    def reads_agree(self) -> None:
        for (user, id), item in self.model.items():
            assert self.store.read("studio", id, user) == item
        assert self.store.count("studio") == len(self.model)


TestDocuments = Documents.TestCase
TestDocuments.settings = settings(
    max_examples=25,
    stateful_step_count=30,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
