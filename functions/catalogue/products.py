"""The product document, and what follows from it.

A photo and its metadata arrive in any order and on several workers, so each writes its own part, conditional on the
document's ETag, and only while the file it was made from is still the current one. What must follow (the image record
shoppers can use, the message to the index, removal of replaced pictures) is done by `settle` until `settleDue` is
cleared; a crash in between leaves the mark, and the sweeper settles.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Literal

from functions.catalogue import pictures
from functions.catalogue.drops import Dropped, product_id, version_of
from shared import blobs, clock, telemetry
from shared.documents import Document, Where, store
from shared.errors import DocumentConflict, DocumentNotFound, NotFound, PreconditionFailed, Unavailable
from shared.images.documents import ImageId, ImageKind, StoredRenditions, Visibility, images, ready_image
from shared.jobs import queues
from shared.settings import settings

CONTAINER = "garments"
STUDIO = "studio"
ACTIVE, AWAITING, RETIRED = "active", "awaiting_image", "retired"
TRIES = 20
OF_IMAGE: Mapping[str, Any] = {
    "image": None,
    "colours": [],
    "garmentClass": None,
    "worn": None,
    "confidence": None,
    "quality": None,
    "modelVersion": None,
}
OF_METADATA: Mapping[str, Any] = {
    "title": None,
    "category": None,
    "price": None,
    "colour": None,
    "tags": [],
    "description": None,
}

type Part = Literal["image", "metadata"]


def find(vendor: str, id: str) -> Document:
    """A vendor's product. Raises NotFound, for a foreign one too."""
    found = store().find(CONTAINER, id, vendor)
    if found is None or found.get("type") != "product":
        raise NotFound("there is no such product", code="product_not_found")
    return found


def has(dropped: Dropped, part: Part) -> Document | None:
    """The product, if this very version of the file is in it already."""
    product = store().find(CONTAINER, product_id(dropped.vendor, dropped.sku), dropped.vendor)
    if product is None or product["sources"].get(part) != _source(dropped):
        return None
    return product


def write(dropped: Dropped, part: Part, fields: Mapping[str, Any]) -> Document | None:
    """Put a file's facts into its product; None when the file was overwritten or deleted meanwhile."""
    id = product_id(dropped.vendor, dropped.sku)
    for _ in range(TRIES):
        product = store().find(CONTAINER, id, dropped.vendor)
        # after the product was read: whoever writes a newer file later changes the ETag checked below
        blob = blobs.info(blobs.VENDOR_UPLOADS, dropped.blob)
        if blob is None or version_of(blob) != dropped.etag:
            return None
        changed = _changed(product or _new(id, dropped), {**fields, "sources": {part: _source(dropped)}})
        try:
            if product is None:
                return store().create(CONTAINER, changed)
            return store().replace(CONTAINER, changed, etag=product.etag)
        except (DocumentConflict, PreconditionFailed, DocumentNotFound):
            continue
    raise Unavailable("the product is being changed by others again and again", code="product_busy")


def retire(product: Document, parts: tuple[Part, ...]) -> Document | None:
    """Take a product off the shelf; None when somebody changed it meanwhile.

    Args:
        parts: whose files are gone; metadata that is still there waits for the next photo.
    """
    fields: dict[str, Any] = {}
    for part in parts:
        fields |= OF_IMAGE if part == "image" else OF_METADATA
    changed = _changed(product, {**fields, "sources": dict.fromkeys(parts)})
    changed["status"] = RETIRED
    try:
        return store().replace(CONTAINER, changed, etag=product.etag)
    except (PreconditionFailed, DocumentNotFound):
        return None


def _source(dropped: Dropped) -> dict[str, str]:
    return {"name": dropped.name, "etag": dropped.etag}


def _new(id: str, dropped: Dropped) -> dict[str, Any]:
    return {
        "id": id,
        "tenantId": dropped.vendor,
        "type": "product",
        "sku": dropped.sku,
        "revision": 0,
        "sources": {},
        "stale": [],
        **OF_IMAGE,
        **OF_METADATA,
        "createdAt": clock.iso(),
    }


def _changed(product: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    before = product["image"]["prefix"] if product["image"] else None
    changed = {**product, **fields, "sources": {**product["sources"], **fields["sources"]}}
    after = changed["image"]["prefix"] if changed["image"] else None
    stale = set(product["stale"]) | ({before} if before else set())
    changed["stale"] = sorted(stale - {after})
    changed["status"] = ACTIVE if after else AWAITING
    changed["revision"] = product["revision"] + 1
    changed["updatedAt"] = clock.iso()
    changed["settleDue"] = clock.now() + settings().job_orphan_s
    return changed


def settle(product: Document) -> None:
    """Make everything else follow the document, whatever version of it comes out last. May be repeated."""
    for _ in range(TRIES):
        _keep_image(product)
        message = {
            "v": 1,
            "tenantId": product["tenantId"],
            "productId": product["id"],
            "revision": product["revision"],
            "traceparent": telemetry.traceparent(),
        }
        queues.send(queues.INDEX, message)
        for prefix in product["stale"]:
            pictures.remove(prefix)
        same = (Where("revision", "=", product["revision"]),)
        try:
            store().patch(
                CONTAINER, product["id"], product["tenantId"], set={"settleDue": None, "stale": []}, where=same
            )
            return
        except PreconditionFailed:
            product = store().read(CONTAINER, product["id"], product["tenantId"])
        except DocumentNotFound:
            return


def _keep_image(product: Document) -> None:
    """The product's photo as a public image of a garment, so that shoppers can try it on; none when it is retired."""
    vendor = product["tenantId"]
    if product["status"] != ACTIVE:
        with suppress(DocumentNotFound):
            images.delete(ImageId.of(product["id"]), vendor)
        return
    image = ready_image(
        product["id"],
        vendor,
        StoredRenditions.model_validate(product["image"]),
        kind=ImageKind.GARMENT,
        visibility=Visibility.PUBLIC,
        name=product["title"] or product["sku"],
        bytes=0,
        product_id=product["id"],
    )
    images.upsert(image)


def settle_overdue(limit: int = 200) -> int:
    """Settle what a crash has left; returns how many."""
    overdue = (Where("type", "=", "product"), Where("settleDue", "<", clock.now()))
    found = store().query(CONTAINER, *overdue, limit=limit).items
    for product in found:
        settle(product)
    return len(found)
