"""The shops that have an index: a document each, so that timers know them."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from shared import clock
from shared.documents import Where, store
from shared.errors import DocumentConflict
from shared.settings import settings

CONTAINER: Final = "studio"
ID: Final = "search-shop"

_noted: set[tuple[str, str]] = set()


def partition(shop: str) -> str:
    """The partition of `studio` that holds a shop's rebuilds."""
    return f"search:{shop}"


def note(shop: str) -> None:
    """Remember that a shop has products; a write only the first time in this process."""
    key = (settings().documents, shop)
    if key in _noted:
        return
    with suppress(DocumentConflict):
        made = {"id": ID, "userId": partition(shop), "type": "search_shop", "shop": shop, "createdAt": clock.iso()}
        store().create(CONTAINER, made)
    _noted.add(key)


def known() -> list[str]:
    """All shops that ever had a product in their index."""
    found: list[str] = []
    continuation: str | None = None
    while True:
        page = store().query(CONTAINER, Where("type", "=", "search_shop"), limit=500, continuation=continuation)
        found += [one["shop"] for one in page.items]
        continuation = page.continuation
        if continuation is None:
            return found
