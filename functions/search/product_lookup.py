"""Hits to results: only products that are offered in this shop now, whatever the index says."""

from __future__ import annotations

from collections.abc import Sequence

from functions.search.embeddings import colours_of, split_item_id
from functions.search.engine.results import Hit
from functions.search.models import Money, SearchResult, Why
from shared import blobs
from shared.accounts.cache import account_cache
from shared.catalogue.documents import ProductDocument, ProductStatus, products
from shared.catalogue.window import is_on_sale, sells_in
from shared.documents.fields import where
from shared.errors import NotFound
from shared.images.documents import StoredRendition


def offered(shop: str, hits: Sequence[Hit]) -> list[tuple[Hit, ProductDocument]]:
    """The hits with their products, in order, without those whose product is gone, retired or of another shop."""
    keys = [(product_id, vendor_id) for vendor_id, product_id in (split_item_id(hit.id) for hit in hits)]
    sells = {vendor_id: sells_in(vendor_id, shop) for vendor_id in {vendor_id for _, vendor_id in keys}}
    return [
        (hit, product)
        for hit, product in zip(hits, products.find_many(keys), strict=True)
        if product is not None and is_on_sale(product) and sells[product.vendor_id]
    ]


def results_of(shop: str, hits: Sequence[Hit]) -> list[SearchResult]:
    """The hits that are `offered` as results."""
    shown = offered(shop, hits)
    urls = _read_urls([product.image.renditions.cutout_thumbnail for _, product in shown if product.image])
    return [_result(hit, product, url) for (hit, product), url in zip(shown, urls, strict=True)]


def get_in_shop(shop: str, id: str) -> ProductDocument:
    """A product that is offered in a shop. Raises NotFound."""
    offered = where(ProductDocument.status, "=", ProductStatus.ACTIVE)
    for product in products.list(offered, where(ProductDocument.id, "=", id), limit=10).items:
        if sells_in(product.vendor_id, shop):
            return product
    raise NotFound("there is no such product", code="product_not_found")


def _read_urls(pictures: Sequence[StoredRendition]) -> list[str]:
    """A URL for each; those of one container and content type are signed together."""
    groups: dict[tuple[str, str], dict[str, str]] = {}
    for picture in pictures:
        groups.setdefault((picture.container, picture.content_type), {})[picture.name] = ""
    for (container, content_type), urls in groups.items():
        urls.update(zip(urls, blobs.read_urls(container, list(urls), content_type=content_type), strict=True))
    return [groups[picture.container, picture.content_type][picture.name] for picture in pictures]


def _result(hit: Hit, product: ProductDocument, url: str) -> SearchResult:
    price, vendor = product.price, account_cache.find(product.vendor_id)
    return SearchResult(
        id=product.id,
        score=hit.score,
        title=product.name,
        image=url,
        price=None if price is None else Money(amount=price.amount, currency=price.currency),
        vendor=product.vendor_id,
        vendor_name=None if vendor is None else vendor.display_name,
        category=product.category or product.garment_class,
        colours=list(colours_of(product)),
        why=why(hit),
    )


def why(hit: Hit) -> Why:
    """What each channel gave to a hit's score."""
    return Why(image=hit.parts.image, text=hit.parts.text, words=hit.parts.words)
