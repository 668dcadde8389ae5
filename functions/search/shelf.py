"""From hits to what a shopper is shown: only what is on the shelf of this shop now, whatever the index says."""

from __future__ import annotations

from collections.abc import Sequence

from functions.search import records
from functions.search.engine.port import Hit
from functions.search.models import Money, SearchResult, Why
from shared import blobs
from shared.documents import Document, Where, store
from shared.errors import NotFound
from shared.http import auth

PRODUCTS = "garments"
ACTIVE = "active"


def results(shop: str, hits: Sequence[Hit]) -> list[SearchResult]:
    """The hits as results, in order, without those whose product is gone, retired or of another shop."""
    keys = [(id, vendor) for vendor, id in (records.split(hit.id) for hit in hits)]
    shown: list[SearchResult] = []
    for hit, product in zip(hits, store().find_many(PRODUCTS, keys), strict=True):
        if product is None or product["status"] != ACTIVE:
            continue
        if (vendor := _vendor(product["tenantId"], shop)) is not None:
            shown.append(_view(hit, product, vendor))
    return shown


def in_shop(shop: str, id: str) -> Document:
    """A product on the shelf of a shop. Raises NotFound."""
    where = (Where("type", "=", "product"), Where("status", "=", ACTIVE), Where("id", "=", id))
    for product in store().query(PRODUCTS, *where, limit=10).items:
        if _vendor(product["tenantId"], shop) is not None:
            return product
    raise NotFound("there is no such product", code="product_not_found")


def _vendor(id: str, shop: str) -> Document | None:
    """The vendor's account, if it is open and of this shop."""
    account = auth.accounts.get(id)
    if account is None or account.get("disabled") or auth.shop_of(account) != shop:
        return None
    return Document(account)


def _view(hit: Hit, product: Document, vendor: Document) -> SearchResult:
    picture = product["image"]["blobs"]["cutoutThumbnail"]
    return SearchResult(
        id=product["id"],
        score=hit.score,
        title=product["title"] or product["sku"],
        image=blobs.read_url(picture["container"], picture["name"], content_type=picture["contentType"]),
        price=Money(**product["price"]) if product["price"] else None,
        vendor=product["tenantId"],
        vendor_name=vendor.get("displayName"),
        category=product["category"] or product["garmentClass"],
        colours=records.colours_of(product),
        why=Why(image=hit.parts.image, text=hit.parts.text, words=hit.parts.words),
    )
