"""Typed access to the documents of one kind, over the document store."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from pydantic import ValidationError

from shared import telemetry
from shared.documents import fields
from shared.documents.fields import Change
from shared.documents.model import StoredDocument
from shared.documents.store import Create, Delete, Document, Patch, Replace, Upsert, Where
from shared.errors import DocumentNotFound


class DocumentPage[T](NamedTuple):
    """One page of a list; `continuation`, handed back with the same question, asks for the next. None: the last."""

    items: list[T]
    continuation: str | None = None


class Repository[T: StoredDocument]:
    """The documents of one kind.

    A document of another kind under the same id is missing here. Errors are those of `DocumentStore`.

    Args:
        model: the kind; names the container and, where it has a `type`, the tag that its documents carry.
    """

    def __init__(self, model: type[T]) -> None:
        self.model = model
        self.container = model.container
        tag = model.__pydantic_fields__.get("type")
        self._tag: str | None = tag.default if tag is not None else None

    def load(self, item: Document) -> T:
        """The document that the store gave."""
        return self.model.model_validate(item)

    def find(self, id: str, partition: str) -> T | None:
        """The document, or None."""
        item = _store().find(self.container, id, partition)
        return self.load(item) if item is not None and self._is_ours(item) else None

    def get(self, id: str, partition: str) -> T:
        """The document. Raises `DocumentNotFound`."""
        document = self.find(id, partition)
        if document is None:
            raise DocumentNotFound("there is no such document")
        return document

    def find_many(self, keys: Sequence[tuple[str, str]]) -> list[T | None]:
        """The documents of (id, partition), in this order, None for each that is missing or can't be read."""
        items = _store().find_many(self.container, keys)
        return [self._load_or_report(item) if item is not None and self._is_ours(item) else None for item in items]

    def list(
        self,
        *where: Where,
        partition: str | None = None,
        order_by: object = None,
        descending: bool = False,
        limit: int = 100,
        continuation: str | None = None,
        skip_unreadable: bool = False,
    ) -> DocumentPage[T]:
        """Documents that meet all conditions (`fields.where`), in one partition or (dearer) in all.

        Args:
            order_by: field of the model to sort by; by id without it.
            limit: documents on a page, 1 to 1000.
            skip_unreadable: leave out what is no document of this kind, and report it (`studio_documents_unreadable`):
                right for lists and passes, wrong where a missing document would have consequences.

        Raises:
            ValidationError: a document can't be read, and is not to be skipped.
        """
        page = _store().query(
            self.container,
            *self._ours(),
            *where,
            partition=partition,
            order_by=None if order_by is None else fields.path_of(order_by),
            descending=descending,
            limit=limit,
            continuation=continuation,
        )
        load = self._load_or_report if skip_unreadable else self.load
        loaded = (load(item) for item in page.items)
        return DocumentPage([document for document in loaded if document is not None], page.continuation)

    def iterate(self, *where: Where, partition: str | None = None, page_size: int = 100) -> Iterator[T]:
        """All documents that meet all conditions, by id, page after page; one that can't be read is skipped, and
        reported."""
        continuation: str | None = None
        while True:
            page = self.list(
                *where, partition=partition, limit=page_size, continuation=continuation, skip_unreadable=True
            )
            yield from page.items
            continuation = page.continuation
            if continuation is None:
                return

    def count(self, *where: Where, partition: str | None = None) -> int:
        """How many documents meet all conditions."""
        return _store().count(self.container, *self._ours(), *where, partition=partition)

    def create(self, document: T) -> T:
        """Write a new document. Raises `DocumentConflict` if the id or a unique key is taken."""
        return self.load(_store().create(self.container, document.to_item()))

    def replace(self, document: T, *, etag: str | None = None) -> T:
        """Overwrite a document, with `etag` only that version. Raises `DocumentNotFound`, `PreconditionFailed`."""
        return self.load(_store().replace(self.container, document.to_item(), etag=etag))

    def upsert(self, document: T) -> T:
        """Write a document whether it exists or not."""
        return self.load(_store().upsert(self.container, document.to_item()))

    def patch(
        self, id: str, partition: str, *changes: Change, where: Sequence[Where] = (), etag: str | None = None
    ) -> T:
        """Make 1 to 10 changes (`assign`, `increment`, `remove`) atomically; returns the document after them.

        Raises `DocumentNotFound`, `PreconditionFailed` if `where` does not hold or `etag` is another version.
        """
        made = fields.patch(id, changes, where, etag)
        item = _store().patch(
            self.container,
            id,
            partition,
            set=made.set,
            incr=made.incr,
            remove=made.remove,
            where=made.where,
            etag=made.etag,
        )
        return self.load(item)

    def delete(self, id: str, partition: str, *, etag: str | None = None) -> None:
        """Remove a document, with `etag` only that version. Raises `DocumentNotFound`, `PreconditionFailed`."""
        _store().delete(self.container, id, partition, etag=etag)

    @staticmethod
    def creation(document: T) -> Create:
        """`create` as an operation of a batch."""
        return Create(document.to_item())

    @staticmethod
    def replacement(document: T, *, etag: str | None = None) -> Replace:
        """`replace` as an operation of a batch."""
        return Replace(document.to_item(), etag)

    @staticmethod
    def upsertion(document: T) -> Upsert:
        """`upsert` as an operation of a batch."""
        return Upsert(document.to_item())

    @staticmethod
    def change(id: str, *changes: Change, where: Sequence[Where] = (), etag: str | None = None) -> Patch:
        """`patch` as an operation of a batch."""
        return fields.patch(id, changes, where, etag)

    @staticmethod
    def deletion(id: str, *, etag: str | None = None) -> Delete:
        """`delete` as an operation of a batch."""
        return Delete(id, etag)

    def _load_or_report(self, item: Document) -> T | None:
        try:
            return self.load(item)
        except ValidationError as error:
            telemetry.log(
                "document.unreadable", level="error", container=self.container, id=item.get("id"), kind=self._tag,
                fields=[".".join(str(part) for part in problem["loc"]) for problem in error.errors()[:10]],
            )  # fmt: skip
            telemetry.count("studio_documents_unreadable", kind=self._tag or self.container)
            return None

    def _is_ours(self, item: Document) -> bool:
        return self._tag is None or item.get("type") == self._tag

    def _ours(self) -> tuple[Where, ...]:
        return () if self._tag is None else (Where("type", "=", self._tag),)


def _store() -> Any:
    from shared.documents import store

    return store()
