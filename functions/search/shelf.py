"""From hits to what a shopper is shown: only what is on the shelf of this shop now, whatever the index says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from functions.search import records
from functions.search.engine.port import Hit
from functions.search.models import Money, SearchResult, Why
from shared import blobs
from shared.accounts.cache import account_cache
from shared.accounts.documents import AccountDocument
from shared.documents import Document, Where, store
from shared.errors import NotFound

PRODUCTS = "garments"
ACTIVE = "active"


def results(shop: str, hits: Sequence[Hit]) -> list[SearchResult]:
    """The hits as results, in order, without those whose product is gone, retired or of another shop."""
    keys = [(id, vendor) for vendor, id in (records.split(hit.id) for hit in hits)]
    vendors = {vendor: _vendor(vendor, shop) for vendor in {vendor for _, vendor in keys}}
    shown: list[tuple[Hit, Document, AccountDocument]] = []
    for hit, product in zip(hits, store().find_many(PRODUCTS, keys), strict=True):
        if product is None or product["status"] != ACTIVE:
            continue
        if (vendor := vendors[product["tenantId"]]) is not None:
            shown.append((hit, product, vendor))
    urls = _urls([_picture(product) for _, product, _ in shown])
    return [_view(hit, product, vendor, url) for (hit, product, vendor), url in zip(shown, urls, strict=True)]


def in_shop(shop: str, id: str) -> Document:
    """A product on the shelf of a shop. Raises NotFound."""
    where = (Where("type", "=", "product"), Where("status", "=", ACTIVE), Where("id", "=", id))
    for product in store().query(PRODUCTS, *where, limit=10).items:
        if _vendor(product["tenantId"], shop) is not None:
            return product
    raise NotFound("there is no such product", code="product_not_found")


def _vendor(id: str, shop: str) -> AccountDocument | None:
    """The vendor's account, if it is open and of this shop."""
    account = account_cache.find(id)
    if account is None or account.disabled or account.shop != shop:
        return None
    return account


def _picture(product: Document) -> Mapping[str, Any]:
    return product["image"]["blobs"]["cutoutThumbnail"]


def _urls(pictures: Sequence[Mapping[str, Any]]) -> list[str]:
    """A URL for each, those of one kind signed together."""
    kinds: dict[tuple[str, str], dict[str, str]] = {}
    for one in pictures:
        kinds.setdefault((one["container"], one["contentType"]), {})[one["name"]] = ""
    for (container, kind), urls in kinds.items():
        urls.update(zip(urls, blobs.read_urls(container, list(urls), content_type=kind), strict=True))
    return [kinds[one["container"], one["contentType"]][one["name"]] for one in pictures]


def _view(hit: Hit, product: Document, vendor: Mapping[str, Any], url: str) -> SearchResult:
    return SearchResult(
        id=product["id"],
        score=hit.score,
        title=product["title"] or product["sku"],
        image=url,
        price=Money(**product["price"]) if product["price"] else None,
        vendor=product["tenantId"],
        vendor_name=vendor.get("displayName"),
        category=product["category"] or product["garmentClass"],
        colours=records.colours_of(product),
        why=Why(image=hit.parts.image, text=hit.parts.text, words=hit.parts.words),
    )
