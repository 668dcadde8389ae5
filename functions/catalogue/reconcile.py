"""The catalogue's sweeper: compares the files in `vendor-uploads` with the products and drops that are recorded.

Blob triggers miss files (a crash between event and record, an event never sent) and do not report deletions; a listing
shows both. A process reads all products once a day; in between a pass reads those that have changed, so that it costs
what changed and not what is on sale.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final
from weakref import WeakKeyDictionary

from functions.catalogue import products, rejections
from functions.catalogue.documents import DropId, DropStatus, drops
from functions.catalogue.settings import catalogue_settings
from functions.catalogue.vendor_files import VendorFile, file_of, record_upload
from shared import blobs, clock, telemetry
from shared.catalogue.documents import OFFERED, PARTS, Part, ProductDocument, ProductStatus, SourceFile
from shared.catalogue.documents import products as repository
from shared.documents import DocumentStore, store
from shared.documents.fields import where
from shared.passes import Pass

type Key = tuple[str, str]
"""Vendor, and name of the file below the vendor's folder."""


WHOLE_S: Final = 24 * 3600
"""Seconds after which a process reads all products again."""
OVERLAP_S: Final = 300
"""Seconds before the last pass from which changes are read again: clocks differ, and a write may take a while."""


@dataclass(frozen=True)
class _Offer:
    """What a comparison needs of a product; a shop's products are too many to keep whole."""

    vendor_id: str
    status: ProductStatus
    files: Mapping[Part, SourceFile]

    def missing(self, present: Collection[Key]) -> list[Part]:
        """The parts whose files are in no listing and not in the store."""
        return [part for part, file in self.files.items() if _is_missing(self.vendor_id, file, present)]


@dataclass
class _Shelf:
    """The products on offer by their ids, as of the last pass of this process; times are epoch seconds."""

    offers: dict[str, _Offer] = field(default_factory=dict[str, _Offer])
    read_at: float = 0.0
    whole_at: float = 0.0

    def refresh(self) -> None:
        """Read what has changed since the last pass; once a day, everything."""
        at = clock.now()
        if at - self.whole_at >= WHOLE_S:
            self.offers.clear()
            self.whole_at = at
            changed = repository.iterate(where(ProductDocument.status, "in", OFFERED), page_size=1000)
        else:
            since = clock.iso(self.read_at - OVERLAP_S)
            changed = repository.iterate(where(ProductDocument.updated_at, ">=", since), page_size=1000)
        for product in changed:
            self.put(product.id, product)
        self.read_at = at

    def put(self, id: str, product: ProductDocument | None) -> None:
        """Remember a product as it is now; None: it is gone."""
        if product is None or product.status not in OFFERED:
            self.offers.pop(id, None)
        else:
            self.offers[id] = _Offer(product.vendor_id, product.status, _files(product))


_shelves: WeakKeyDictionary[DocumentStore, _Shelf] = WeakKeyDictionary()


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
    shelf = _shelves.setdefault(store(), _Shelf())
    shelf.refresh()
    known = {
        (offer.vendor_id, file.name): file.etag for offer in shelf.offers.values() for file in offer.files.values()
    }
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
    for id, offer in list(shelf.offers.items()):
        with sweep.item(productId=id, userId=offer.vendor_id):
            missing = offer.missing(present)
            if missing and _is_deciding(missing, offer.status):
                retired += _retire(shelf, id, offer.vendor_id, present)
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


def _retire(shelf: _Shelf, id: str, vendor_id: str, present: Collection[Key]) -> bool:
    """Retire a product, as it is now, if its photo (or, before there was one, its metadata) was deleted."""
    product = repository.find(id, vendor_id)
    shelf.put(id, product)
    offer = shelf.offers.get(id)
    missing = [] if offer is None else offer.missing(present)
    if product is None or offer is None or not _is_deciding(missing, offer.status):
        return False
    retired = products.retire(product, missing)
    if retired is None:
        return False
    shelf.put(id, retired)
    telemetry.log("product.retired", userId=product.vendor_id, productId=product.id)
    products.propagate(retired)
    return True


def _is_deciding(missing: Collection[Part], status: ProductStatus) -> bool:
    deciding: Part = "metadata" if status is ProductStatus.AWAITING_IMAGE else "image"
    return deciding in missing


def _is_missing(vendor_id: str, file: SourceFile, present: Collection[Key]) -> bool:
    if (vendor_id, file.name) in present:
        return False
    return blobs.info(blobs.VENDOR_UPLOADS, f"{vendor_id}/{file.name}") is None


def _files(product: ProductDocument) -> dict[Part, SourceFile]:
    files: dict[Part, SourceFile] = {}
    for part in PARTS:
        file = product.sources.of(part)
        if file is not None:
            files[part] = file
    return files
