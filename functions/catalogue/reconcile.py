"""The sweeper of the catalogue: compares what lies in `vendor-uploads` with what is known.

Triggers miss files (a crash between event and record, an event never sent) and never tell of deletions; a listing
does both.
"""

from __future__ import annotations

from dataclasses import dataclass

from functions.catalogue import products, rejects
from functions.catalogue.drops import Dropped, notice, version_of
from shared import blobs, clock, telemetry
from shared.documents import Document, Where, store
from shared.settings import settings

type Key = tuple[str, str]


@dataclass(frozen=True)
class Swept:
    """How much there was to do: files recorded, products retired, products settled."""

    noticed: int
    retired: int
    settled: int


def reconcile() -> Swept:
    """One pass. Two passes beside each other do no harm: every write is conditional."""
    shelf = _shelf()
    known = {
        (product["tenantId"], source["name"]): source["etag"]
        for product in shelf
        for source in product["sources"].values()
        if source
    }
    # the listing comes after the products: a file of a product made meanwhile must not look deleted
    present: set[Key] = set()
    noticed = 0
    for blob in blobs.listing(blobs.VENDOR_UPLOADS):
        vendor, _, name = blob.name.partition("/")
        if not name:
            continue
        present.add((vendor, name))
        etag = version_of(blob)
        old = blob.modified < clock.now() - settings().catalogue_orphan_s
        if old and known.get((vendor, name)) != etag:
            noticed += _missed(Dropped(vendor, name, etag), blob.size)
    retired = sum(_retired(product, present) for product in shelf)
    return Swept(noticed, retired, products.settle_overdue())


def _shelf() -> list[Document]:
    found: list[Document] = []
    continuation: str | None = None
    live = (Where("type", "=", "product"), Where("status", "in", [products.ACTIVE, products.AWAITING]))
    while True:
        page = store().query(products.CONTAINER, *live, limit=1000, continuation=continuation)
        found += page.items
        continuation = page.continuation
        if continuation is None:
            return found


def _missed(dropped: Dropped, size: int) -> bool:
    """Record a file that nobody has recorded; finish a rejection whose original was left."""
    record = store().find(products.STUDIO, f"drop:{dropped.id}", dropped.vendor)
    if record is not None:
        if record["status"] == "rejected":
            rejects.remove(dropped)
        return False
    telemetry.log("drop.missed", level="warning", userId=dropped.vendor, dropId=dropped.id)
    return notice(dropped, size)


def _retired(product: Document, present: set[Key]) -> bool:
    """Retire a product whose photo (or, before there was one, whose metadata) was deleted."""
    gone: list[products.Part] = []
    parts: tuple[products.Part, ...] = ("image", "metadata")
    for part in parts:
        source = product["sources"].get(part)
        if source and (product["tenantId"], source["name"]) not in present:
            blob = f"{product['tenantId']}/{source['name']}"
            if blobs.info(blobs.VENDOR_UPLOADS, blob) is None:
                gone.append(part)
    deciding = "image" if product["status"] == products.ACTIVE else "metadata"
    if deciding not in gone:
        return False
    retired = products.retire(product, tuple(gone))
    if retired is None:
        return False
    telemetry.log("product.retired", userId=product["tenantId"], productId=product["id"])
    products.settle(retired)
    return True
