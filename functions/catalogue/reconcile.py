"""The catalogue's sweeper: compares the files in `vendor-uploads` with the products and drops that are recorded.

Blob triggers miss files (a crash between event and record, an event never sent) and do not report deletions; a listing
shows both.
"""

from __future__ import annotations

from dataclasses import dataclass

from functions.catalogue import products, rejections
from functions.catalogue.documents import DropId, DropStatus, drops
from functions.catalogue.settings import catalogue_settings
from functions.catalogue.vendor_files import VendorFile, file_of, record_upload
from shared import blobs, clock, telemetry
from shared.catalogue.documents import OFFERED, PARTS, Part, ProductDocument, ProductStatus
from shared.catalogue.documents import products as repository
from shared.documents.fields import where
from shared.passes import Pass

type Key = tuple[str, str]
"""Vendor, and name of the file below the vendor's folder."""


@dataclass(frozen=True)
class Reconciled:
    """How many files were recorded, products retired, changes propagated; and how many items could not be handled."""

    recorded: int
    retired: int
    propagated: int
    failed: int = 0


def reconcile() -> Reconciled:
    """One pass. Two passes at the same time do no harm: every write is conditional."""
    sweep = Pass("catalogue.sweep")
    current = list(repository.iterate(where(ProductDocument.status, "in", OFFERED), page_size=1000))
    known = {(product.vendor_id, file.name): file.etag for product in current for file in product.sources.files}
    # The listing comes after the products: a file of a product made meanwhile must not look deleted.
    present: set[Key] = set()
    recorded = retired = 0
    for blob in blobs.listing(blobs.VENDOR_UPLOADS):
        with sweep.item(blob=blob.name):
            file = file_of(blob)
            if file is not None:
                present.add((file.vendor_id, file.name))
            old = blob.modified < clock.now() - catalogue_settings().catalogue_orphan_s
            if file is None and old:
                rejections.reject_unassigned(blob)
            elif file is not None and old and known.get((file.vendor_id, file.name)) != file.etag:
                recorded += _record_missed(file, blob.size)
    for product in current:
        with sweep.item(productId=product.id, userId=product.vendor_id):
            retired += _retire_if_deleted(product, present)
    return Reconciled(recorded, retired, products.propagate_overdue(), sweep.failed)


def _record_missed(file: VendorFile, size: int) -> bool:
    """Record a file that no trigger reported; finish a rejection whose original was left."""
    drop = drops.find(DropId.of(file.id), file.vendor_id)
    if drop is not None:
        if drop.status is DropStatus.REJECTED:
            rejections.delete_original(file)
        return False
    telemetry.log("drop.missed", level="warning", userId=file.vendor_id, dropId=file.id)
    return record_upload(file, size)


def _retire_if_deleted(product: ProductDocument, present: set[Key]) -> bool:
    """Retire a product whose photo (or, before there was one, whose metadata) was deleted."""
    missing: list[Part] = [part for part in PARTS if _is_missing(product, part, present)]
    deciding: Part = "metadata" if product.status is ProductStatus.AWAITING_IMAGE else "image"
    if deciding not in missing:
        return False
    retired = products.retire(product, missing)
    if retired is None:
        return False
    telemetry.log("product.retired", userId=product.vendor_id, productId=product.id)
    products.propagate(retired)
    return True


def _is_missing(product: ProductDocument, part: Part, present: set[Key]) -> bool:
    file = product.sources.of(part)
    if file is None or (product.vendor_id, file.name) in present:
        return False
    return blobs.info(blobs.VENDOR_UPLOADS, f"{product.vendor_id}/{file.name}") is None
