"""What is on sale, in this process: enough of each product to filter, sort and count without asking the store.

A pass reads only the products that have changed since the pass before, so that its cost follows the changes and not
the size of the shops. Hard deletions (of a vendor's account) leave no change behind: everything is read again once an
hour, and each page is checked against the documents before it is shown.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from functions.shop.settings import shop_settings
from shared import clock
from shared.catalogue.documents import ProductDocument, ProductStatus, products
from shared.catalogue.window import colours_of, sells_in
from shared.documents.fields import where

RELOAD_S: Final = 3600
OVERLAP: Final = timedelta(minutes=2)
"""How far back a pass reads again: a document's time is set before it is written, and clocks differ."""


@dataclass(frozen=True, slots=True)
class ShelfItem:
    """A product on sale.

    Args:
        price: minor units of `currency`.
        colours: in lower case.
    """

    id: str
    vendor_id: str
    title: str
    category: str | None
    colours: tuple[str, ...]
    price: int | None
    currency: str | None
    created_at: str


class Shelf:
    """The products of all shops that are on sale, by id."""

    def __init__(self) -> None:
        self._items: dict[str, ShelfItem] = {}
        self._loading = threading.Lock()
        self._refreshed = self._reloaded = 0.0
        self._since = ""

    def items(self, shop: str) -> list[ShelfItem]:
        """The products of a shop, as they were at most `SHELF_REFRESH_S` ago."""
        self._refresh()
        items = list(self._items.values())
        sellers = {vendor: sells_in(vendor, shop) for vendor in {item.vendor_id for item in items}}
        return [item for item in items if sellers[item.vendor_id]]

    def forget(self) -> None:
        """Read everything again on the next use."""
        with self._loading:
            self._items, self._refreshed, self._reloaded, self._since = {}, 0.0, 0.0, ""

    def _refresh(self) -> None:
        if clock.now() - self._refreshed < shop_settings().shelf_refresh_s:
            return
        # A caller who comes while another one reads goes on with what is there; only the first readers have to wait.
        if self._loading.acquire(blocking=not self._reloaded):
            try:
                if clock.now() - self._refreshed >= shop_settings().shelf_refresh_s:
                    self._read()
            finally:
                self._loading.release()

    def _read(self) -> None:
        now = clock.now()
        if now - self._reloaded >= RELOAD_S:
            on_sale = where(ProductDocument.status, "=", ProductStatus.ACTIVE)
            self._items = {product.id: _item(product) for product in products.iterate(on_sale, page_size=500)}
            self._reloaded = now
        else:
            changed = products.iterate(where(ProductDocument.updated_at, ">=", self._since), page_size=500)
            self._items = _changed(self._items, changed)
        self._since = clock.iso((datetime.fromtimestamp(now, UTC) - OVERLAP).timestamp())
        self._refreshed = now


def _changed(items: dict[str, ShelfItem], changed: Iterable[ProductDocument]) -> dict[str, ShelfItem]:
    result: dict[str, ShelfItem] | None = None
    for product in changed:
        result = dict(items) if result is None else result
        if product.status is ProductStatus.ACTIVE:
            result[product.id] = _item(product)
        else:
            result.pop(product.id, None)
    return items if result is None else result


def _item(product: ProductDocument) -> ShelfItem:
    price = product.price
    return ShelfItem(
        id=product.id,
        vendor_id=product.vendor_id,
        title=product.name,
        category=(product.category or product.garment_class or "").casefold() or None,
        colours=colours_of(product),
        price=None if price is None else round(float(price.amount) * 100),
        currency=None if price is None else price.currency,
        created_at=product.created_at,
    )


shelf: Final = Shelf()
"""The shelf of this process."""
