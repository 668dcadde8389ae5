"""A shop with vendors, drawn products on its shelf, and shoppers who search it, all in this process."""

from __future__ import annotations

import io
import secrets
from functools import cache
from typing import Any

from account_factory import add_account
from PIL import Image

from functions.search import indexer, service
from functions.search.models import HybridSearch, ImageSearch, SearchAnswer, TextSearch
from shared import blobs, clock
from shared.accounts.cache import account_cache
from shared.accounts.documents import Role
from shared.documents import Document, Where, store
from shared.http.auth import Principal
from shared.images.documents import ImageKind, StoredRenditions, Visibility, images, ready_image
from shared.jobs import queues
from wardrobe import Garment, draw_garment, garment_specs

SIZE = (128, 160)

EVERY = "nordwind"
"""Finds every product by the name of its vendor, a word that the text model does not know."""


class Market:
    """One shop and the acts of those in it; `other` makes another shop on the same machine."""

    def __init__(self) -> None:
        self.shop = f"shop-{secrets.token_hex(4)}"
        self.made: list[Document] = []
        self.vendor = self.account("vendor")
        self.shopper = self.principal(self.account("shopper"))

    def account(self, role: str, **fields: Any) -> str:
        return add_account(role=role, **{"shop": self.shop, "display_name": "Nordwind", **fields}).id

    def principal(self, id: str, role: Role = Role.SHOPPER) -> Principal:
        return Principal(id, role, "t", clock.now() + 60, self.shop)

    def product(self, seed: int, *, vendor: str | None = None, index: bool = True, **fields: Any) -> Document:
        """A drawn garment on the shelf, as the catalogue leaves it, and in the index."""
        vendor = vendor or self.vendor
        piece = drawing(seed)
        id = clock.new_id()
        prefix = f"{vendor}/{id}/1"
        told = piece.attributes
        stored = {
            "original": _put(blobs.IMAGES, f"{prefix}/original.jpg", piece.image.convert("RGB"), "JPEG"),
            "mask": _put(blobs.MASKS, f"{prefix}/mask.png", piece.mask.convert("L"), "PNG"),
            "cutoutThumbnail": _put(blobs.THUMBNAILS, f"{prefix}/cutout.webp", piece.image.convert("RGB"), "WEBP"),
        }
        product = {
            "id": id, "tenantId": vendor, "type": "product", "sku": told["sku"], "revision": 1, "status": "active",
            "title": told["title"], "category": told["category"], "colour": told["colour"], "tags": ["summer"],
            "price": {"amount": f"{10 + seed}.00", "currency": "EUR"}, "description": None,
            "colours": [{"name": told["colour"], "hex": "#000000", "share": 0.9}], "garmentClass": "upper",
            "image": {"prefix": prefix, "blobs": stored}, "updatedAt": clock.iso(), **fields,
        }  # fmt: skip
        store().create("garments", product)
        image = StoredRenditions.model_validate(
            {"blobs": stored, "width": SIZE[0], "height": SIZE[1], "sha256": None, "bytes": 0}
        )
        images.create(ready_image(id, vendor, image, kind=ImageKind.GARMENT, visibility=Visibility.PUBLIC))
        if index:
            indexer.follow(vendor, id)
        self.made.append(store().read("garments", id, vendor))
        return self.made[-1]

    def change(self, product: Document, **fields: Any) -> Document:
        """Write a new revision of a product, telling nobody."""
        return store().patch("garments", product["id"], product["tenantId"], set=fields or None, incr={"revision": 1})

    def retire(self, product: Document, *, index: bool = True) -> None:
        self.change(product, status="retired")
        if index:
            indexer.follow(product["tenantId"], product["id"])

    def move(self, vendor: str, shop: str) -> None:
        """Into another shop, telling nobody."""
        store().patch("accounts", vendor, vendor, set={"shop": shop})
        account_cache.invalidate(vendor)

    def text(self, query: str, **more: Any) -> SearchAnswer:
        return service.by_text(self.shopper, clock.new_id(), TextSearch(query=query, **more))

    def image(self, product: Document, **more: Any) -> SearchAnswer:
        wanted = ImageSearch(image_id=product["id"], **{"crop": "none", **more})
        return service.by_image(self.shopper, clock.new_id(), wanted)

    def hybrid(self, product: Document, query: str, alpha: float, **more: Any) -> SearchAnswer:
        wanted = HybridSearch(image_id=product["id"], query=query, alpha=alpha, **{"crop": "none", **more})
        return service.by_both(self.shopper, clock.new_id(), wanted)

    def work(self) -> int:
        """Take what waits in the `index` queue; returns how many messages it were."""
        taken = 0
        while batch := list(queues.client(queues.INDEX).receive_messages(max_messages=32)):
            for message in batch:
                indexer.consume(message.content)
                queues.client(queues.INDEX).delete_message(message)
                taken += 1
        return taken

    def logged(self, user: str | None = None) -> list[Document]:
        where = Where("type", "=", "search_log")
        return store().query("search_log", where, partition=user or self.shopper.user_id, limit=1000).items


@cache
def drawing(seed: int) -> Garment:
    """One of a catalogue's garments, drawn once."""
    return draw_garment(garment_specs(12, 3)[seed], SIZE)


def ids(answer: SearchAnswer) -> list[str]:
    return [result.id for result in answer.results]


def _put(container: str, name: str, image: Image.Image, format: str) -> dict[str, Any]:
    buffer = io.BytesIO()
    image.save(buffer, format)
    blobs.put(container, name, buffer.getvalue(), content_type=f"image/{format.lower()}")
    return {
        "container": container, "name": name, "width": image.width, "height": image.height,
        "contentType": f"image/{format.lower()}", "bytes": len(buffer.getvalue()),
    }  # fmt: skip
