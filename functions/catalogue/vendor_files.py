"""Files in `vendor-uploads`: their names and versions, and the record and job that are made for each version once."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final

from functions.catalogue.documents import KEEP_S, DropDocument, DropId, DropPayload, FileKind, drops
from shared import blobs, clock, telemetry
from shared.blobs import BlobInfo
from shared.catalogue.documents import ProductId, SourceFile
from shared.documents import store
from shared.documents.values import valid_id
from shared.errors import BatchFailed, DocumentConflict, Unprocessable
from shared.images import formats, others
from shared.jobs import protocol, queues
from shared.jobs.models import JobId

IMAGE_ENDINGS: Final = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".pjpeg", ".png", ".webp", ".avif", ".heic", ".heif", ".hif"}
)
METADATA_ENDING: Final = ".json"
_OTHER_ENDINGS: Final = frozenset(
    {".gif", ".bmp", ".tif", ".tiff", ".psd", ".svg", ".pdf", ".txt", ".csv", ".xml", ".zip", ".mp4", ".mov", ".tmp"}
)
_ENDINGS: Final = IMAGE_ENDINGS | {METADATA_ENDING} | _OTHER_ENDINGS
"""What is cut off a name to give the SKU; any other dot is part of it."""
HEAD_BYTES: Final = 512
_MARKS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_SKU = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class VendorFile:
    """One version of a file in `vendor-uploads`.

    Args:
        name: below the vendor's folder.
        etag: of the blob, without quotes.
    """

    vendor_id: str
    name: str
    etag: str

    @property
    def blob(self) -> str:
        """Its name in the container."""
        return f"{self.vendor_id}/{self.name}"

    @property
    def id(self) -> str:
        """Names this version of this file."""
        return hashlib.sha256(f"{self.blob}|{self.etag}".encode()).hexdigest()[:32]

    @property
    def job_id(self) -> JobId:
        """Id of the job that processes it."""
        return JobId.of(f"drop-{self.id}")

    @property
    def source(self) -> SourceFile:
        """The file as the product that is made from it names it."""
        return SourceFile(name=self.name, etag=self.etag)

    @property
    def kind(self) -> FileKind:
        """By its ending: a guess until its bytes are read."""
        ending = self._split()[1]
        if ending == METADATA_ENDING:
            return FileKind.METADATA
        return FileKind.IMAGE if ending in IMAGE_ENDINGS else FileKind.OTHER

    def kind_of(self, head: bytes) -> FileKind:
        """By its first bytes, whatever its ending; by its ending where they say nothing.

        Raises:
            Unprocessable: `unsupported_file`.
        """
        if formats.sniff(head) is not None:
            return FileKind.IMAGE
        for mark in _MARKS:
            head = head.removeprefix(mark)
        if head.replace(b"\0", b"").lstrip()[:1] in (b"{", b"["):
            return FileKind.METADATA
        if self.kind is FileKind.OTHER:
            found = others.describe(head)
            what = found.name if found else "This type of file"
            raise Unprocessable(
                f"{what} is not supported: upload JPEG, PNG, WebP, AVIF, HEIC or JSON.",
                code="unsupported_file",
            )
        return self.kind

    def sku(self) -> str:
        """The vendor's name of the product.

        Raises:
            Unprocessable: `bad_name`.
        """
        stem, _ = self._split()
        if not _SKU.fullmatch(stem):
            raise Unprocessable(
                "The name must be SKU.jpg or SKU.json: letters, digits, `.`, `_` and `-`, 64 at most, no folders.",
                code="bad_name",
            )
        return stem

    @property
    def product_id(self) -> ProductId:
        """Id of the product that it belongs to. Raises as `sku`."""
        return product_id(self.vendor_id, self.sku())

    def _split(self) -> tuple[str, str]:
        stem, _, ending = self.name.rpartition(".")
        ending = f".{ending.lower()}"
        return (stem, ending) if stem and ending in _ENDINGS else (self.name, "")


def product_id(vendor_id: str, sku: str) -> ProductId:
    """The id of a vendor's product; it never changes."""
    return ProductId(hashlib.sha256(f"{vendor_id}/{sku}".encode()).hexdigest()[:26])


def version_of(blob: BlobInfo) -> str:
    """A blob's ETag without quotes: listings give it bare, properties do not."""
    return blob.etag.strip('"')


def file_of(blob: BlobInfo) -> VendorFile | None:
    """The file that a blob of the container is; None if its name is not `{vendor}/{name}`."""
    vendor_id, _, name = blob.name.partition("/")
    if not name or not valid_id(vendor_id) or not blobs.is_addressable(blob.name):
        return None
    return VendorFile(vendor_id, name, version_of(blob))


def on_blob_created(name: str) -> None:
    """Record the file `{vendor}/{name}` in `vendor-uploads` as it is now; nothing if it is gone already.

    What lies in no vendor's folder is left to the sweeper.
    """
    found = blobs.info(blobs.VENDOR_UPLOADS, name) if name else None
    file = file_of(found) if found is not None else None
    if found is not None and file is not None:
        record_upload(file, found.size)


def record_upload(file: VendorFile, size: int) -> bool:
    """Record a version of a file and enqueue its job; False when that was done before.

    Args:
        size: bytes.
    """
    job = protocol.new_job(
        "drop",
        queues.DROPS,
        file.vendor_id,
        DropPayload(name=file.name, etag=file.etag, size=size),
        id=file.job_id,
        subject_id=DropId.of(file.id),
    )
    record = DropDocument(
        id=DropId.of(file.id),
        user_id=file.vendor_id,
        name=file.name,
        kind=file.kind,
        file_etag=file.etag,
        size=size,
        created_at=clock.iso(),
        updated_at=clock.iso(),
        ttl=KEEP_S,
    )
    try:
        store().batch(drops.container, file.vendor_id, [drops.creation(record), protocol.jobs.creation(job)])
    except BatchFailed as failure:
        if isinstance(failure.cause, DocumentConflict):
            return False
        raise
    protocol.enqueue(job)
    telemetry.count("studio_drops", kind=file.kind)
    return True
