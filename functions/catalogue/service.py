"""A vendor's products and dropped files: list, read, take off the shelf."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.catalogue import indexed, products
from functions.catalogue.models import (
    Colour,
    Drop,
    DropList,
    DropsQuery,
    Picture,
    Price,
    Product,
    ProductList,
    ProductsQuery,
)
from shared import audit, blobs
from shared.documents import Where, store
from shared.errors import Conflict, NotFound
from shared.http.auth import Principal
from shared.http.pages import latest


def listed(user: Principal, query: ProductsQuery) -> ProductList:
    """One's products, latest change first."""
    wanted = [query.status] if query.status else [products.ACTIVE, products.AWAITING]
    shown = Where("status", "in", wanted)
    page = latest(products.CONTAINER, query, shown, partition=user.user_id, by="updatedAt", type="product")
    seqs = indexed.seqs(user.user_id, page.items)
    items = [view(product, seqs.get(product["id"])) for product in page.items]
    return ProductList(items=items, continuation=page.continuation)


def product(user: Principal, id: str) -> Product:
    """One's product. Raises NotFound."""
    found = products.find(user.user_id, id)
    return view(found, indexed.seqs(user.user_id, [found]).get(id))


def delete(user: Principal, id: str) -> None:
    """Retire a product and delete the files it was made from. Repeating it is not an error.

    Raises:
        NotFound: there is no such product.
        Conflict: `product_busy`, a file of it is being processed; retryable.
    """
    found = products.find(user.user_id, id)
    if found["status"] == products.RETIRED:
        return
    for source in found["sources"].values():
        if source:
            blobs.delete(blobs.VENDOR_UPLOADS, f"{user.user_id}/{source['name']}")
    retired = products.retire(found, ("image", "metadata"))
    if retired is None:
        raise Conflict("the product is being changed: try again", code="product_busy", retryable=True)
    products.settle(retired)
    audit.record(user.user_id, "PRODUCT_RETIRED", subject=id)


def drops(user: Principal, query: DropsQuery) -> DropList:
    """One's dropped files, latest first."""
    page = latest(products.STUDIO, query, partition=user.user_id, type="vendor_drop", status=query.status)
    return DropList(items=[view_drop(drop) for drop in page.items], continuation=page.continuation)


def drop(user: Principal, id: str) -> Drop:
    """What became of a file. Raises NotFound."""
    found = store().find(products.STUDIO, f"drop:{id}", user.user_id)
    if found is None:
        raise NotFound("there is no such dropped file", code="drop_not_found")
    return view_drop(found)


def view_drop(drop: Mapping[str, Any]) -> Drop:
    """A dropped file as an answer."""
    return Drop(
        id=drop["id"].removeprefix("drop:"),
        name=drop["name"],
        kind=drop["kind"],
        status=drop["status"],
        product_id=drop["productId"],
        error=drop["error"],
        created_at=drop["createdAt"],
        updated_at=drop["updatedAt"],
    )


def view(product: Mapping[str, Any], index_seq: int | None) -> Product:
    """A product as an answer, with URLs that live for minutes."""
    stored: Mapping[str, Any] = product["image"]["blobs"] if product["image"] else {}
    measured: list[Mapping[str, Any]] = product["colours"]
    return Product(
        id=product["id"],
        sku=product["sku"],
        vendor_id=product["tenantId"],
        status=product["status"],
        revision=product["revision"],
        title=product["title"] or product["sku"],
        category=product["category"],
        price=Price(**product["price"]) if product["price"] else None,
        colour=product["colour"] or (measured[0]["name"] if measured else None),
        tags=product["tags"],
        description=product["description"],
        image_id=product["id"] if product["status"] == products.ACTIVE else None,
        pictures={
            form: Picture(
                url=blobs.read_url(blob["container"], blob["name"], content_type=blob["contentType"]),
                width=blob["width"],
                height=blob["height"],
                content_type=blob["contentType"],
            )
            for form, blob in stored.items()
        },
        colours=[Colour(**colour) for colour in measured],
        garment_class=product["garmentClass"],
        worn=product["worn"],
        quality=product["quality"],
        model_version=product["modelVersion"],
        has_metadata=bool(product["sources"].get("metadata")),
        index_seq=index_seq,
        created_at=product["createdAt"],
        updated_at=product["updatedAt"],
    )
