"""Products and drops over HTTP: list, get, delete."""

from __future__ import annotations

from functions.catalogue import products
from functions.catalogue.documents import DropDocument, DropId, drops
from functions.catalogue.index_status import indexed_seqs
from functions.catalogue.models import Drop, DropList, DropsQuery, Product, ProductList, ProductsQuery
from shared import audit, blobs
from shared.catalogue.documents import PARTS, ProductDocument, ProductStatus
from shared.catalogue.documents import products as repository
from shared.documents.fields import where
from shared.errors import Conflict, NotFound
from shared.http.auth import Principal
from shared.http.pages import equals, list_latest


def list_products(user: Principal, query: ProductsQuery) -> ProductList:
    """The vendor's products, latest change first."""
    wanted = [query.status] if query.status else [ProductStatus.ACTIVE, ProductStatus.AWAITING_IMAGE]
    shown = where(ProductDocument.status, "in", wanted)
    page = list_latest(repository, query, shown, partition=user.user_id, by=ProductDocument.updated_at)
    seqs = indexed_seqs(page.items)
    items = [Product.of_document(product, seqs.get(product.id)) for product in page.items]
    return ProductList(items=items, continuation=page.continuation)


def get_product(user: Principal, id: str) -> Product:
    """The vendor's product. Raises NotFound."""
    product = products.get_product(user.user_id, id)
    return Product.of_document(product, indexed_seqs([product]).get(id))


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
