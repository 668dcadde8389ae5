"""Creating documents of which a partition holds a limited number."""

from __future__ import annotations

from contextlib import suppress

from shared.documents.model import StoredDocument
from shared.documents.repository import Repository
from shared.errors import DocumentNotFound


def create_limited[T: StoredDocument](repository: Repository[T], document: T, partition: str, most: int) -> T | None:
    """Create a document unless its partition has as many of the kind already; None if it has.

    It is counted again afterwards: of several at the same time that are one too many together, all may be refused, and
    never too many stay.
    """
    if repository.count(partition=partition) >= most:
        return None
    made = repository.create(document)
    if repository.count(partition=partition) <= most:
        return made
    with suppress(DocumentNotFound):
        repository.delete(made.id, partition)
    return None
