"""Embedding documents: what the index holds of a product, kept so that a rebuild reads no picture.

They lie in a container of their own beside the products, in the vendor's partition: a kilobyte of vector makes no list
of products dearer, writing one never competes with the catalogue's writes, and they go with the vendor's account.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from functions.search.engine.port import Item
from shared import clock
from shared.accounts.documents import AccountDocument
from shared.documents import Document, Where, store
from shared.jobs.settings import job_settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

CONTAINER = "embeddings"
LEAST_COLOUR = 0.15
"""Share of a garment from which on it is said to have a measured colour."""


def item_id(vendor: str, product: str) -> str:
    """How the index names a product: with its vendor, whose partition it is read from."""
    return f"{vendor}_{product}"


def split(id: str) -> tuple[str, str]:
    """(vendor, product) of an item's id."""
    vendor, _, product = id.rpartition("_")
    return vendor, product


def find(vendor: str, product: str) -> Document | None:
    """What is kept of a product."""
    return store().find(CONTAINER, product, vendor)


def of_shop(shop: str) -> Iterator[Document]:
    """What is kept of all products of a shop."""
    continuation: str | None = None
    while True:
        where = (Where("type", "=", "embedding"), Where("shop", "=", shop))
        page = store().query(CONTAINER, *where, limit=500, continuation=continuation)
        yield from page.items
        continuation = page.continuation
        if continuation is None:
            return


def make(product: Mapping[str, Any], account: AccountDocument, shop: str, model_id: str, vector: Any) -> dict[str, Any]:
    """The document of a product as it is now, not yet confirmed to be in the index (`seq` None)."""
    colours = colours_of(product)
    category = product["category"] or product["garmentClass"]
    said = [product["title"] or product["sku"], category or "", *product["tags"], *colours]
    said.append(account.display_name or "")
    price = product["price"]
    return {
        "id": product["id"],
        "tenantId": product["tenantId"],
        "type": "embedding",
        "shop": shop,
        "revision": product["revision"],
        "modelId": model_id,
        "picture": picture_of(product),
        "vector": pack(vector),
        "category": category,
        "colours": colours,
        "price": None if price is None else int(Decimal(price["amount"]) * 100),
        "currency": None if price is None else price["currency"],
        "tags": product["tags"],
        "words": " ".join(said),
        "seq": None,
        "pendingSince": clock.now(),
        "dueAt": clock.now() + job_settings().job_orphan_s,
    }


def item(record: Mapping[str, Any]) -> Item:
    """A document as the index takes it."""
    return Item(
        id=item_id(record["tenantId"], record["id"]),
        revision=record["revision"],
        vector=unpack(record["vector"]),
        category=record["category"],
        colours=tuple(record["colours"]),
        price=record["price"],
        currency=record["currency"],
        vendor=record["tenantId"],
        tags=tuple(record["tags"]),
        words=record["words"],
    )


def picture_of(product: Mapping[str, Any]) -> str:
    """Names the picture that was embedded: its folder carries the version of the dropped file."""
    return product["image"]["prefix"]


def colours_of(product: Mapping[str, Any]) -> list[str]:
    """A product's colours: as the vendor named it, then those measured over enough of it."""
    named = [product["colour"]] if product["colour"] else []
    measured = [one["name"] for one in product["colours"] if one["share"] >= LEAST_COLOUR]
    return list(dict.fromkeys([*named, *measured]))


def pack(vector: NDArray[Any]) -> str:
    """A vector as base64 of little-endian float32."""
    return base64.b64encode(vector.astype("<f4").tobytes()).decode()


def unpack(text: str) -> NDArray[Any]:
    """(dim,) float32 of a packed vector."""
    import numpy as np

    return np.frombuffer(base64.b64decode(text), "<f4")
