"""A shop with vendors, drawn products, and shoppers who search it, all in this process."""

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
from shared.accounts.documents import AccountDocument, Role, accounts
from shared.catalogue.documents import (
    MeasuredColour,
    Price,
    ProductDocument,
    ProductId,
    ProductImage,
    ProductRenditions,
    ProductStatus,
    products,
)
from shared.catalogue.search_log import SearchLogDocument, search_logs
from shared.documents.fields import assign, increment
from shared.http.auth import Principal
from shared.images.documents import ImageKind, StoredRendition, StoredRenditions, Visibility, images, ready_image
from shared.jobs import queues
from wardrobe import Garment, draw_garment, garment_specs

SIZE = (128, 160)

EVERY = "nordwind"
"""Finds every product by the name of its vendor, a word that the text model does not know."""


class Market:
    """One shop and the acts of those in it; `other` makes another shop on the same machine."""

    def __init__(self) -> None:
        self.shop = f"shop-{secrets.token_hex(4)}"
        self.made: list[ProductDocument] = []
        self.vendor = self.account("vendor")
        self.shopper = self.principal(self.account("shopper"))

    def account(self, role: str, **fields: Any) -> str:
        return add_account(role=role, **{"shop": self.shop, "display_name": "Nordwind", **fields}).id

    def principal(self, id: str, role: Role = Role.SHOPPER) -> Principal:
        return Principal(id, role, "t", clock.now() + 60, self.shop)

    def product(self, seed: int, *, vendor: str | None = None, index: bool = True) -> ProductDocument:
        """A drawn garment that is offered, as the catalogue leaves it, and in the index."""
        vendor = vendor or self.vendor
        piece = drawing(seed)
        id = clock.new_id()
        prefix = f"{vendor}/{id}/1"
        drawn = piece.attributes
        photo = piece.image.convert("RGB")
        cutout = _put(blobs.THUMBNAILS, f"{prefix}/cutout.webp", photo, "WEBP")
        original = _put(blobs.IMAGES, f"{prefix}/original.jpg", photo, "JPEG")
        renditions = ProductRenditions(
            original=original, optimised=original, thumbnail=cutout,
            mask=_put(blobs.MASKS, f"{prefix}/mask.png", piece.mask.convert("L"), "PNG"),
            cutout=cutout, cutout_thumbnail=cutout,
        )  # fmt: skip
        image = StoredRenditions(renditions=renditions.by_name(), width=SIZE[0], height=SIZE[1], sha256=None, bytes=0)
        product = ProductDocument(
            id=ProductId(id), vendor_id=vendor, sku=drawn["sku"], revision=1, status=ProductStatus.ACTIVE,
            title=drawn["title"], category=drawn["category"], colour=drawn["colour"], tags=("summer",),
            price=Price(amount=f"{10 + seed}.00", currency="EUR"),
            colours=(MeasuredColour(name=drawn["colour"], hex="#000000", share=0.9),), garment_class="upper",
            image=ProductImage(
                prefix=prefix, renditions=renditions, width=SIZE[0], height=SIZE[1], sha256=None, bytes=0
            ),
            created_at=clock.iso(), updated_at=clock.iso(),
        )  # fmt: skip
        products.create(product)
        images.create(ready_image(id, vendor, image, kind=ImageKind.GARMENT, visibility=Visibility.PUBLIC))
        if index:
            indexer.update_index(vendor, id)
        self.made.append(products.get(id, vendor))
        return self.made[-1]

    def change(self, product: ProductDocument, **fields: Any) -> ProductDocument:
        """Write a new revision of a product without a message to the index."""
        changes = [assign(getattr(ProductDocument, name), value) for name, value in fields.items()]
        return products.patch(product.id, product.vendor_id, *changes, increment(ProductDocument.revision))

    def retire(self, product: ProductDocument, *, index: bool = True) -> None:
        self.change(product, status=ProductStatus.RETIRED)
        if index:
            indexer.update_index(product.vendor_id, product.id)

    def move(self, vendor: str, shop: str) -> None:
        """Into another shop, without a message to the index."""
        accounts.patch(vendor, vendor, assign(AccountDocument.shop, shop))
        account_cache.invalidate(vendor)

    def text(self, query: str, **more: Any) -> SearchAnswer:
        return service.search_by_text(self.shopper, clock.new_id(), TextSearch(query=query, **more))

    def image(self, product: ProductDocument, **more: Any) -> SearchAnswer:
        wanted = ImageSearch(image_id=product.id, **{"crop": "none", **more})
        return service.search_by_image(self.shopper, clock.new_id(), wanted)

    def hybrid(self, product: ProductDocument, query: str, alpha: float, **more: Any) -> SearchAnswer:
        wanted = HybridSearch(image_id=product.id, query=query, alpha=alpha, **{"crop": "none", **more})
        return service.search_hybrid(self.shopper, clock.new_id(), wanted)

    def work(self) -> int:
        """Take what waits in the `index` queue; returns how many messages it were."""
        taken = 0
        while batch := list(queues.client(queues.INDEX).receive_messages(max_messages=32)):
            for message in batch:
                indexer.consume(message.content)
                queues.client(queues.INDEX).delete_message(message)
                taken += 1
        return taken

    def logged(self) -> list[SearchLogDocument]:
        return search_logs.list(partition=self.shopper.user_id, limit=1000).items


@cache
def drawing(seed: int) -> Garment:
    """One of a catalogue's garments, drawn once."""
    return draw_garment(garment_specs(12, 3)[seed], SIZE)


def ids(answer: SearchAnswer) -> list[str]:
    return [result.id for result in answer.results]


def _put(container: str, name: str, image: Image.Image, format: str) -> StoredRendition:
    buffer = io.BytesIO()
    image.save(buffer, format)
    content_type = f"image/{format.lower()}"
    blobs.put(container, name, buffer.getvalue(), content_type=content_type)
    return StoredRendition(
        container=container, name=name, width=image.width, height=image.height, content_type=content_type,
        bytes=len(buffer.getvalue()),
    )  # fmt: skip
