"""The shop window: list products, get one, read a public picture."""

from __future__ import annotations

import base64
import binascii
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from functions.shop.models import Sort, WindowPage, WindowQuery
from functions.shop.shelf import ShelfItem, shelf
from shared import blobs
from shared.catalogue.documents import ProductDocument, products
from shared.catalogue.window import (
    PUBLIC,
    Facet,
    WindowFacetValue,
    WindowProduct,
    is_on_sale,
    sells_in,
    shop_exists,
    version_of,
    window_product,
)
from shared.documents.fields import where
from shared.errors import NotFound, Unprocessable
from shared.http.endpoint import Reply

PICTURE_CACHE: Final = "public, max-age=604800, immutable"
"""A week: the address names the version of the photo, and a product that is no longer sold leaves caches then."""
FACET_VALUES: Final = 50

type Matches = Callable[[ShelfItem], bool]


def list_products(shop: str, query: WindowQuery) -> WindowPage:
    """Products on sale in a shop. Raises NotFound; Unprocessable: `bad_cursor`."""
    items = shelf.items(shop)
    if not items and not shop_exists(shop):
        raise NotFound("there is no such shop", code="shop_not_found")
    filters = _filters(query)
    matching = sorted((item for item in items if all(f(item) for f in filters.values())), key=_key(query.sort))
    page = _after(matching, query)[: query.limit + 1]
    shown, more = page[: query.limit], len(page) > query.limit
    documents = products.find_many([(item.id, item.vendor_id) for item in shown]) if shown else []
    return WindowPage(
        items=[
            window_product(shop, document) for document in documents if document is not None and is_on_sale(document)
        ],
        total=len(matching),
        facets={facet: _counts(facet, items, filters) for facet in dict.fromkeys(query.facets)},
        continuation=_cursor(query.sort, shown[-1]) if more else None,
    )


def get_product(shop: str, id: str) -> WindowProduct:
    """A product on sale in a shop. Raises NotFound."""
    return window_product(shop, _find(shop, id))


def read_picture(shop: str, id: str, version: str, name: str) -> Reply:
    """A public picture of a product, to be kept by browsers and CDNs.

    Raises:
        NotFound: the product is not on sale in this shop, or has another photo by now.
    """
    product = _find(shop, id)
    if product.image is None or name not in PUBLIC or version != version_of(product.image):
        raise NotFound("there is no such picture", code="picture_not_found")
    rendition = product.image.renditions.by_name()[name]
    return Reply(
        content=blobs.get(rendition.container, rendition.name),
        media=rendition.content_type,
        headers={
            "Cache-Control": PICTURE_CACHE,
            "ETag": f'"{version}-{name}"',
            "Cross-Origin-Resource-Policy": "cross-origin",
        },
    )


def _find(shop: str, id: str) -> ProductDocument:
    for product in products.list(where(ProductDocument.id, "=", id), limit=10).items:
        if is_on_sale(product) and sells_in(product.vendor_id, shop):
            return product
    raise NotFound("there is no such product", code="product_not_found")


def _filters(query: WindowQuery) -> Mapping[Facet | None, Matches]:
    """What a product must meet, by the facet whose own counts leave it out; None: no facet."""
    low = None if query.min_price is None else round(query.min_price * 100)
    high = None if query.max_price is None else round(query.max_price * 100)
    filters: dict[Facet | None, Matches] = {}
    if query.category:
        filters[Facet.CATEGORY] = lambda item: item.category in query.category
    if query.colour:
        filters[Facet.COLOUR] = lambda item: any(colour in query.colour for colour in item.colours)
    if query.vendor:
        filters[Facet.VENDOR] = lambda item: item.vendor_id in query.vendor
    if low is not None or high is not None:
        filters[None] = lambda item: (
            item.price is not None
            and item.currency == query.currency
            and (low is None or item.price >= low)
            and (high is None or item.price <= high)
        )
    return filters


def _counts(
    facet: Facet, items: Sequence[ShelfItem], filters: Mapping[Facet | None, Matches]
) -> list[WindowFacetValue]:
    others = [matches for name, matches in filters.items() if name is not facet]
    counts = Counter(
        value for item in items if all(matches(item) for matches in others) for value in _values(facet, item)
    )
    ranked = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))[:FACET_VALUES]
    return [WindowFacetValue(value=value, count=count) for value, count in ranked]


def _values(facet: Facet, item: ShelfItem) -> Iterable[str]:
    match facet:
        case Facet.CATEGORY:
            return () if item.category is None else (item.category,)
        case Facet.COLOUR:
            return item.colours
        case Facet.VENDOR:
            return (item.vendor_id,)


type Key = tuple[Any, ...]


def _key(sort: Sort) -> Callable[[ShelfItem], Key]:
    """A key that sorts ascending and is different for every product, so that a page can begin after any."""
    match sort:
        case Sort.NEWEST:
            return lambda item: (*(-ord(c) for c in item.created_at), item.id)
        case Sort.PRICE:
            return lambda item: (item.price is None, item.price or 0, item.id)
        case Sort.PRICE_DESCENDING:
            return lambda item: (item.price is None, -(item.price or 0), item.id)
        case Sort.TITLE:
            return lambda item: (item.title.casefold(), item.id)


def _cursor(sort: Sort, item: ShelfItem) -> str:
    return base64.urlsafe_b64encode(json.dumps([sort, *_key(sort)(item)]).encode()).decode().rstrip("=")


def _after(found: Sequence[ShelfItem], query: WindowQuery) -> Sequence[ShelfItem]:
    if query.continuation is None:
        return found
    try:
        sort, *parts = json.loads(base64.urlsafe_b64decode(query.continuation + "=" * (-len(query.continuation) % 4)))
        if sort != query.sort:
            raise ValueError("of a list in another order")
        after, key = tuple(parts), _key(query.sort)
        return [item for item in found if key(item) > after]
    except (ValueError, TypeError, binascii.Error):
        raise Unprocessable(
            "send the `continuation` of the page before, with the same `sort`", code="bad_cursor", field="continuation"
        ) from None
