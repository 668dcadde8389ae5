"""Lists as every step answers them: latest first, page by page."""

from __future__ import annotations

from typing import Any

from shared.documents import Page, Where, store
from shared.documents.fields import where as condition
from shared.documents.model import StoredDocument
from shared.documents.repository import DocumentPage, Repository
from shared.http.page_query import PageQuery


def latest(
    container: str,
    query: PageQuery,
    *where: Where,
    partition: str | None = None,
    by: str = "createdAt",
    **equal: Any,
) -> Page:
    """The page of documents that a list's query asks for.

    Args:
        where: what else the documents meet.
        partition: None looks into all of them.
        by: the field whose largest value comes first.
        equal: field and the value it has; None asks nothing.

    Raises:
        InvalidOperation: the continuation token is not one of ours, or of another list.
    """
    asked = [Where(field, "=", value) for field, value in equal.items() if value is not None]
    return store().query(
        container,
        *asked,
        *where,
        partition=partition,
        order_by=by,
        descending=True,
        limit=query.limit,
        continuation=query.continuation,
    )


def equals(field: object, value: object) -> Where | None:
    """The condition that a field has a value; None, which asks nothing, for the value None."""
    return None if value is None else condition(field, "=", value)


def list_latest[T: StoredDocument](
    repository: Repository[T], query: PageQuery, *where: Where | None, partition: str | None, by: object
) -> DocumentPage[T]:
    """The page of documents that a list's query asks for, the largest value of the field `by` first.

    Args:
        where: what the documents meet; None asks nothing.
        partition: None looks into all of them.

    Raises:
        InvalidOperation: the continuation token is not one of ours, or of another list.
    """
    return repository.list(
        *(one for one in where if one is not None),
        partition=partition,
        order_by=by,
        descending=True,
        limit=query.limit,
        continuation=query.continuation,
        skip_unreadable=True,
    )
