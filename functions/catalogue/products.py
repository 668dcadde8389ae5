"""Changes of product documents, and the work that follows from one.

A photo and its metadata arrive in any order and on several workers, so each writes its own part, conditional on the
document's ETag, and only while the file it was made from is still the current one. The work that follows (the image
record that shoppers use, the message to the index, removal of replaced pictures) is done by `propagate` until
`propagation_due` is cleared; if a process crashes in between, the sweeper finds the product by that field.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from typing import Final

from functions.catalogue.photos import delete_pictures
from functions.catalogue.vendor_files import VendorFile, version_of
from shared import blobs, clock
from shared.catalogue.changes import ProductChange, send_change
from shared.catalogue.documents import (
    MetadataFields,
    Part,
    PhotoFields,
    ProductDocument,
    ProductSources,
    ProductStatus,
    products,
)
from shared.documents.fields import assign, where
from shared.errors import DocumentConflict, DocumentNotFound, NotFound, PreconditionFailed, Unavailable
from shared.images.documents import ImageId, ImageKind, StoredRenditions, Visibility, images, ready_image
from shared.jobs.settings import job_settings

MAX_TRIES: Final = 20
"""Of one write, while others change the same product."""


def get_product(vendor_id: str, id: str) -> ProductDocument:
    """A vendor's product. Raises NotFound, for another vendor's one too."""
    found = products.find(id, vendor_id)
    if found is None:
        raise NotFound("there is no such product", code="product_not_found")
    return found


def find_made_from(file: VendorFile) -> ProductDocument | None:
    """The product that this version of a file is part of already."""
    product = products.find(file.product_id, file.vendor_id)
    return product if product is not None and product.sources.of(_part(file)) == file.source else None


def write(file: VendorFile, fields: PhotoFields | MetadataFields) -> ProductDocument | None:
    """Put what a file says into its product; None when the file was overwritten or deleted meanwhile.

    Raises:
        Unavailable: `product_busy`, others change the product all the time.
    """
    for _ in range(MAX_TRIES):
        product = products.find(file.product_id, file.vendor_id)
        # After the product was read: a worker that writes a newer file later changes the ETag checked below.
        blob = blobs.info(blobs.VENDOR_UPLOADS, file.blob)
        if blob is None or version_of(blob) != file.etag:
            return None
        sources = (product.sources if product else ProductSources()).model_copy(update={_part(file): file.source})
        changed = _next_revision(product or _new_product(file), sources, fields)
        try:
            return products.create(changed) if product is None else products.replace(changed, etag=product.etag)
        except (DocumentConflict, PreconditionFailed, DocumentNotFound):
            continue
    raise Unavailable("the product is being changed by others again and again", code="product_busy")


def _part(file: VendorFile) -> Part:
    return "metadata" if file.kind == "metadata" else "image"


def retire(product: ProductDocument, missing: Collection[Part]) -> ProductDocument | None:
    """Stop offering a product; None when it was changed meanwhile.

    Args:
        missing: parts whose files were deleted; metadata that is still there waits for the next photo.
    """
    kept: list[PhotoFields | MetadataFields] = []
    if "image" in missing:
        kept.append(PhotoFields())
    if "metadata" in missing:
        kept.append(MetadataFields())
    sources = product.sources.model_copy(update=dict.fromkeys(missing))
    changed = _next_revision(product, sources, *kept).model_copy(update={"status": ProductStatus.RETIRED})
    try:
        return products.replace(changed, etag=product.etag)
    except (PreconditionFailed, DocumentNotFound):
        return None


def _new_product(file: VendorFile) -> ProductDocument:
    return ProductDocument(
        id=file.product_id,
        vendor_id=file.vendor_id,
        sku=file.sku(),
        status=ProductStatus.AWAITING_IMAGE,
        revision=0,
        created_at=clock.iso(),
        updated_at=clock.iso(),
    )


def _next_revision(
    product: ProductDocument, sources: ProductSources, *parts: PhotoFields | MetadataFields
) -> ProductDocument:
    changed = product.model_copy(update={name: value for part in parts for name, value in part})
    before = {product.image.prefix} if product.image else set[str]()
    after = {changed.image.prefix} if changed.image else set[str]()
    return changed.model_copy(
        update={
            "sources": sources,
            "stale": tuple(sorted((set(product.stale) | before) - after)),
            "status": ProductStatus.ACTIVE if changed.image else ProductStatus.AWAITING_IMAGE,
            "revision": product.revision + 1,
            "updated_at": clock.iso(),
            "propagation_due": clock.now() + job_settings().job_orphan_s,
        }
    )


def propagate(product: ProductDocument) -> None:
    """Bring everything that depends on a product up to its last revision. May be repeated."""
    for _ in range(MAX_TRIES):
        _update_image_record(product)
        send_change(ProductChange(vendor_id=product.vendor_id, product_id=product.id, revision=product.revision))
        for prefix in product.stale:
            delete_pictures(prefix)
        same = where(ProductDocument.revision, "=", product.revision)
        done = (assign(ProductDocument.propagation_due, None), assign(ProductDocument.stale, ()))
        try:
            products.patch(product.id, product.vendor_id, *done, where=(same,))
            return
        except PreconditionFailed:
            product = products.get(product.id, product.vendor_id)
        except DocumentNotFound:
            return


def _update_image_record(product: ProductDocument) -> None:
    """The product's photo as a public image of a garment, so that shoppers can try it on; none when it is retired."""
    if product.image is None or product.status is not ProductStatus.ACTIVE:
        with suppress(DocumentNotFound):
            images.delete(ImageId.of(product.id), product.vendor_id)
        return
    stored = StoredRenditions(
        renditions=product.image.renditions.by_name(),
        width=product.image.width,
        height=product.image.height,
        sha256=product.image.sha256,
        bytes=product.image.bytes,
    )
    # No bytes: products do not count in the vendor's storage quota.
    image = ready_image(
        product.id,
        product.vendor_id,
        stored,
        kind=ImageKind.GARMENT,
        visibility=Visibility.PUBLIC,
        name=product.name,
        bytes=0,
        product_id=product.id,
    )
    images.upsert(image)


def propagate_overdue(limit: int = 200) -> int:
    """Propagate changes that were left by a crash, `limit` of them at most; returns how many."""
    overdue = products.list(where(ProductDocument.propagation_due, "<", clock.now()), limit=limit).items
    for product in overdue:
        propagate(product)
    return len(overdue)
