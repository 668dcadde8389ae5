"""A file has landed: a record and a job, once for every version of every file, whoever says so and how often."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Literal

from shared import blobs, clock, telemetry
from shared.blobs import BlobInfo
from shared.documents import Create, store
from shared.errors import BatchFailed, DocumentConflict, Unprocessable
from shared.jobs import protocol, queues

CONTAINER = "studio"
KEEP_S = 30 * 24 * 3600
PICTURES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".avif", ".heic"})
METADATA = ".json"
_SKU = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

type Kind = Literal["image", "metadata", "other"]


@dataclass(frozen=True)
class Dropped:
    """A file of `vendor-uploads`: whose it is, its name below the vendor's folder, and its version."""

    vendor: str
    name: str
    etag: str

    @property
    def blob(self) -> str:
        """Its name in the container."""
        return f"{self.vendor}/{self.name}"

    @property
    def id(self) -> str:
        """Names this version of this file."""
        return hashlib.sha256(f"{self.blob}|{self.etag}".encode()).hexdigest()[:32]

    @property
    def kind(self) -> Kind:
        """By its ending."""
        ending = self._split()[1]
        return "metadata" if ending == METADATA else "image" if ending in PICTURES else "other"

    @property
    def sku(self) -> str:
        """The vendor's name of the product.

        Raises:
            Unprocessable: `bad_name`, `unsupported_file`.
        """
        stem, _ = self._split()
        if not _SKU.fullmatch(stem):
            raise Unprocessable(
                "The name must be SKU.jpg or SKU.json: letters, digits, `.`, `_` and `-`, 64 at most, no folders.",
                code="bad_name",
            )
        if self.kind == "other":
            raise Unprocessable(
                "Not a kind of file that is taken: JPEG, PNG, WebP, AVIF or HEIC, and JSON.", code="unsupported_file"
            )
        return stem

    def _split(self) -> tuple[str, str]:
        stem, dot, ending = self.name.rpartition(".")
        return (stem, f".{ending.lower()}") if dot else (self.name, "")


def product_id(vendor: str, sku: str) -> str:
    """The id of a vendor's product, the same for ever."""
    return hashlib.sha256(f"{vendor}/{sku}".encode()).hexdigest()[:26]


def version_of(found: BlobInfo) -> str:
    """A blob's ETag without quotes: listings give it bare, properties do not."""
    return found.etag.strip('"')


def arrived(path: str) -> None:
    """A trigger says that there is a file at `vendor-uploads/{vendor}/{name}`. What is there now is what counts."""
    _, _, blob = path.partition("/")
    vendor, _, name = blob.partition("/")
    found = blobs.info(blobs.VENDOR_UPLOADS, blob) if name else None
    if found is not None:
        notice(Dropped(vendor, name, version_of(found)), found.size)


def notice(dropped: Dropped, size: int) -> bool:
    """Record a version of a file and enqueue its job; False when that was done before."""
    job = protocol.new_job(
        "drop",
        queues.DROPS,
        dropped.vendor,
        {"name": dropped.name, "etag": dropped.etag},
        id=f"job:drop-{dropped.id}",
        subject_id=f"drop:{dropped.id}",
    )
    record = {
        "id": f"drop:{dropped.id}",
        "userId": dropped.vendor,
        "type": "vendor_drop",
        "name": dropped.name,
        "kind": dropped.kind,
        "etag": dropped.etag,
        "size": size,
        "status": "queued",
        "productId": None,
        "error": None,
        "createdAt": clock.iso(),
        "updatedAt": clock.iso(),
        "ttl": KEEP_S,
    }
    try:
        store().batch(CONTAINER, dropped.vendor, [Create(record), Create(job)])
    except BatchFailed as failure:
        if isinstance(failure.cause, DocumentConflict):
            return False
        raise
    protocol.enqueue(job)
    telemetry.count("studio_drops", kind=dropped.kind)
    return True
