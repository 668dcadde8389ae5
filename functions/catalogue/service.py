"""Products and drops over HTTP: list, get, change, delete."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from functions.catalogue import products
from functions.catalogue.documents import DropDocument, DropId, drops
from functions.catalogue.index_status import indexed_seqs
from functions.catalogue.models import Drop, DropList, DropsQuery, Product, ProductChange, ProductList, ProductsQuery
from shared import audit, blobs
from shared.catalogue.documents import OFFERED, PARTS, Price, ProductDocument, ProductStatus
from shared.catalogue.documents import products as repository
from shared.documents.fields import Assign, assign, where
from shared.errors import Conflict, NotFound, RevisionConflict
from shared.http import caching
from shared.http.auth import Principal
from shared.http.pages import equals, list_latest


def list_products(user: Principal, query: ProductsQuery) -> ProductList:
    """The vendor's products, latest change first."""
    wanted = [query.status] if query.status else OFFERED
    shown = where(ProductDocument.status, "in", wanted)
    page = list_latest(repository, query, shown, partition=user.user_id, by=ProductDocument.updated_at)
    seqs = indexed_seqs(page.items)
    items = [Product.of_document(product, seqs.get(product.id)) for product in page.items]
    return ProductList(items=items, continuation=page.continuation)


def get_product(user: Principal, id: str) -> Product:
    """The vendor's product. Raises NotFound."""
    product = products.get_product(user.user_id, id)
    return Product.of_document(product, indexed_seqs([product]).get(id))


def change_product(user: Principal, id: str, change: ProductChange, if_match: str | None) -> Product:
    """Change a product: what it says, and whether it is on sale.

    Args:
        if_match: the `If-Match` header; the change is made only to the version that it names.

    Raises:
        NotFound: there is no such product.
        RevisionConflict: `if_match` names another version.
        Conflict: `no_photo`, it can't be sold yet.
    """
    product = products.get_product(user.user_id, id)
    if change.status == "active":
        _require_complete(product, change)
    changes = list(assignments(change))
    changed = products.update(product, *changes, revision=_revision_of(if_match), status=change.status)
    products.propagate(changed)
    audit.record(user.user_id, "PRODUCT_CHANGED", subject=id)
    return get_product(user, id)


def assignments(change: ProductChange) -> Iterator[Assign]:
    """The fields of a product that a change sets."""
    given = change.model_fields_set
    if change.title is not None:
        yield assign(ProductDocument.title, change.title)
    if change.tags is not None:
        yield assign(ProductDocument.tags, tuple(change.tags))
    if "category" in given:
        yield assign(ProductDocument.category, change.category)
    if "colour" in given:
        yield assign(ProductDocument.colour, change.colour)
    if "description" in given:
        yield assign(ProductDocument.description, change.description)
    if "price" in given:
        price = change.price
        stored = price and Price(amount=f"{Decimal(price.amount):.2f}", currency=price.currency)
        yield assign(ProductDocument.price, stored)
    if change.status is not None:
        yield assign(ProductDocument.withheld, change.status == "draft")


def etag(product: Product) -> str:
    """Names this revision of a product, and this answer about it."""
    return f'"{product.revision}-{caching.etag_of(product.model_dump_json().encode())[1:17]}"'


def _revision_of(if_match: str | None) -> int | None:
    """The revision that the header names. Raises RevisionConflict if it names none of ours."""
    if if_match is None or if_match.strip() == "*":
        return None
    named = re.fullmatch(r'"(\d{1,12})(?:-[0-9a-f]+)?"', if_match.strip())
    if named is None:
        raise RevisionConflict("`If-Match` is not an ETag of a product", field="If-Match")
    return int(named[1])


def _require_complete(product: ProductDocument, change: ProductChange) -> None:
    if product.image is None:
        raise Conflict("the product has no photo yet: upload one", code="no_photo", field="status")
    if product.title is None and change.title is None:
        raise Conflict("the product has no title: set one, or upload SKU.json", code="no_title", field="status")


def delete_product(user: Principal, id: str) -> None:
    """Retire a product and delete the files it was made from. Repeating it is not an error.

    Raises:
        NotFound: there is no such product.
        Conflict: `product_busy`, a file of it is being processed; retryable.
    """
    product = products.get_product(user.user_id, id)
    if product.status is ProductStatus.RETIRED:
        return
    for file in product.sources.files:
        blobs.delete(blobs.VENDOR_UPLOADS, f"{user.user_id}/{file.name}")
    retired = products.retire(product, PARTS)
    if retired is None:
        raise Conflict("the product is being changed: try again", code="product_busy", retryable=True)
    products.propagate(retired)
    audit.record(user.user_id, "PRODUCT_RETIRED", subject=id)


def list_drops(user: Principal, query: DropsQuery) -> DropList:
    """The vendor's files, latest first."""
    wanted = equals(DropDocument.status, query.status)
    page = list_latest(drops, query, wanted, partition=user.user_id, by=DropDocument.created_at)
    return DropList(items=[Drop.of(drop) for drop in page.items], continuation=page.continuation)


def get_drop(user: Principal, id: str) -> Drop:
    """A vendor's file. Raises NotFound."""
    drop = drops.find(DropId.of(id), user.user_id)
    if drop is None:
        raise NotFound("there is no such drop", code="drop_not_found")
    return Drop.of(drop)
