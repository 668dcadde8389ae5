"""The shops that have an index: a document for each, so that timers find them."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from functions.search.documents import SearchShopDocument, search_shops
from shared import clock
from shared.errors import DocumentConflict
from shared.settings import settings

_recorded: Final[set[tuple[str, str]]] = set()


def partition(shop: str) -> str:
    """The partition of `studio` that holds a shop's rebuilds."""
    return f"search:{shop}"


def record_shop(shop: str) -> None:
    """Record that a shop has products; a write only the first time in this process."""
    key = (settings().documents, shop)
    if key in _recorded:
        return
    with suppress(DocumentConflict):
        search_shops.create(SearchShopDocument(user_id=partition(shop), shop=shop, created_at=clock.iso()))
    _recorded.add(key)


def list_shops() -> list[str]:
    """All shops that ever had a product in their index."""
    return [document.shop for document in search_shops.iterate(page_size=500)]
