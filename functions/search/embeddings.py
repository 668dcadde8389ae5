"""Embedding documents (`shared.catalogue.documents`): made from products, and given to the index as items."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from functions.search.engine.items import Item
from shared import clock
from shared.accounts.documents import AccountDocument
from shared.catalogue.documents import EmbeddingDocument, ProductDocument, ProductImage, embeddings
from shared.documents.fields import where
from shared.jobs.settings import job_settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

MIN_COLOUR_SHARE: Final = 0.15
"""Share of a garment from which on a measured colour counts as a colour of the product."""


def item_id(vendor_id: str, product_id: str) -> str:
    """How the index names a product: with its vendor, whose partition it is read from."""
    return f"{vendor_id}_{product_id}"


def split_item_id(id: str) -> tuple[str, str]:
    """(vendor id, product id) of an item's id."""
    vendor_id, _, product_id = id.rpartition("_")
    return vendor_id, product_id


def iterate_shop(shop: str) -> Iterator[EmbeddingDocument]:
    """The embeddings of all products of a shop."""
    return embeddings.iterate(where(EmbeddingDocument.shop, "=", shop), page_size=500)


def new_embedding(
    product: ProductDocument, image: ProductImage, account: AccountDocument, model_id: str, vector: NDArray[Any]
) -> EmbeddingDocument:
    """The embedding of a product as it is now, not yet confirmed to be in the index (`seq` None).

    Args:
        image: the product's.
        account: the vendor's.
        vector: (dim,) of unit length.
    """
    colours = colours_of(product)
    category = product.category or product.garment_class
    words = [product.name, category or "", *product.tags, *colours, account.display_name or ""]
    price = product.price
    return EmbeddingDocument(
        id=product.id,
        vendor_id=product.vendor_id,
        shop=account.shop,
        revision=product.revision,
        model_id=model_id,
        picture=image.prefix,
        vector=pack_vector(vector),
        category=category,
        colours=colours,
        price=None if price is None else int(Decimal(price.amount) * 100),
        currency=None if price is None else price.currency,
        tags=product.tags,
        # One field a line: a phrase does not reach from one into the next.
        words="\n".join(" ".join(field.split()) for field in words if field),
        description=product.description or "",
        sku=product.sku,
        seq=None,
        pending_since=clock.now(),
        due_at=clock.now() + job_settings().job_orphan_s,
    )


def index_item(embedding: EmbeddingDocument) -> Item:
    """An embedding as the index takes it."""
    return Item(
        id=item_id(embedding.vendor_id, embedding.id),
        revision=embedding.revision,
        vector=unpack_vector(embedding.vector),
        category=embedding.category,
        colours=embedding.colours,
        price=embedding.price,
        currency=embedding.currency,
        vendor=embedding.vendor_id,
        tags=embedding.tags,
        words=embedding.words,
        description=embedding.description,
        sku=embedding.sku,
    )


def colours_of(product: ProductDocument) -> tuple[str, ...]:
    """A product's colours: as the vendor names it, then those measured over enough of it."""
    named = [product.colour] if product.colour else []
    measured = [colour.name for colour in product.colours if colour.share >= MIN_COLOUR_SHARE]
    return tuple(dict.fromkeys([*named, *measured]))


def pack_vector(vector: NDArray[Any]) -> str:
    """A vector as base64 of little-endian float32."""
    return base64.b64encode(vector.astype("<f4").tobytes()).decode()


def unpack_vector(text: str) -> NDArray[Any]:
    """(dim,) float32 of a packed vector."""
    import numpy as np

    return np.frombuffer(base64.b64decode(text), "<f4")
