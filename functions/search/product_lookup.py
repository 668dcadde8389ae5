"""Hits to results: only products that are offered in this shop now, whatever the index says."""

from __future__ import annotations

from collections.abc import Sequence

from functions.search.embeddings import colours_of, split_item_id
from functions.search.engine.results import Hit
from functions.search.models import Money, SearchResult, Why
from shared import blobs
from shared.accounts.cache import account_cache
from shared.accounts.documents import AccountDocument
from shared.catalogue.documents import ProductDocument, ProductStatus, products
from shared.documents.fields import where
from shared.errors import NotFound
from shared.images.documents import StoredRendition


def results_of(shop: str, hits: Sequence[Hit]) -> list[SearchResult]:
    """The hits as results, in order, without those whose product is gone, retired or of another shop."""
    keys = [(product_id, vendor_id) for vendor_id, product_id in (split_item_id(hit.id) for hit in hits)]
    vendors = {vendor_id: _vendor_in_shop(vendor_id, shop) for vendor_id in {vendor_id for _, vendor_id in keys}}
    shown: list[tuple[Hit, ProductDocument, AccountDocument, StoredRendition]] = []
    for hit, product in zip(hits, products.find_many(keys), strict=True):
        if product is None or product.status is not ProductStatus.ACTIVE or product.image is None:
            continue
        if (vendor := vendors[product.vendor_id]) is not None:
            shown.append((hit, product, vendor, product.image.renditions.cutout_thumbnail))
    urls = _read_urls([picture for _, _, _, picture in shown])
    return [_result(hit, product, vendor, url) for (hit, product, vendor, _), url in zip(shown, urls, strict=True)]


def get_in_shop(shop: str, id: str) -> ProductDocument:
    """A product that is offered in a shop. Raises NotFound."""
    offered = where(ProductDocument.status, "=", ProductStatus.ACTIVE)
    for product in products.list(offered, where(ProductDocument.id, "=", id), limit=10).items:
        if _vendor_in_shop(product.vendor_id, shop) is not None:
            return product
    raise NotFound("there is no such product", code="product_not_found")


def _vendor_in_shop(id: str, shop: str) -> AccountDocument | None:
    """The vendor's account, if it is enabled and of this shop."""
    account = account_cache.find(id)
    return account if account is not None and not account.disabled and account.shop == shop else None


def _read_urls(pictures: Sequence[StoredRendition]) -> list[str]:
    """A URL for each; those of one container and content type are signed together."""
    groups: dict[tuple[str, str], dict[str, str]] = {}
    for picture in pictures:
        groups.setdefault((picture.container, picture.content_type), {})[picture.name] = ""
    for (container, content_type), urls in groups.items():
        urls.update(zip(urls, blobs.read_urls(container, list(urls), content_type=content_type), strict=True))
    return [groups[picture.container, picture.content_type][picture.name] for picture in pictures]


def _result(hit: Hit, product: ProductDocument, vendor: AccountDocument, url: str) -> SearchResult:
    price = product.price
    return SearchResult(
        id=product.id,
        score=hit.score,
        title=product.name,
        image=url,
        price=None if price is None else Money(amount=price.amount, currency=price.currency),
        vendor=product.vendor_id,
        vendor_name=vendor.display_name,
        category=product.category or product.garment_class,
        colours=list(colours_of(product)),
        why=Why(image=hit.parts.image, text=hit.parts.text, words=hit.parts.words),
    )
