"""Lists as every step answers them: latest first, page by page."""

from __future__ import annotations

from typing import Any

from shared.documents import Page, Where, store
from shared.http.models import PageQuery


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
