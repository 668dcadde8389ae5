"""Files that can't be used: moved to `vendor-rejected` with the reason, and reported once for a whole window."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import Final

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from functions.catalogue.documents import (
    KEEP_S,
    DigestPayload,
    DigestResult,
    DropDocument,
    DropId,
    DropStatus,
    FileKind,
    Rejection,
    drops,
)
from functions.catalogue.settings import catalogue_settings
from functions.catalogue.vendor_files import VendorFile, version_of
from shared import blobs, clock, telemetry
from shared.blobs import BlobInfo
from shared.documents.fields import Change, assign, where
from shared.documents.model import Timestamp
from shared.errors import Conflict, DocumentConflict, NotFound, StudioError
from shared.images.scrubbing import without_metadata
from shared.images.settings import image_settings
from shared.jobs import protocol, queues
from shared.jobs.models import JobId
from shared.jobs.protocol import Outcome
from shared.jobs.settings import job_settings
from shared.jobs.step import Task
from shared.notifications.admins import notify_admins
from shared.notifications.announce import announce

DIGEST: Final = "drop.digest"
"""Kind of the job that reports the rejections of a window."""
MARGIN_S: Final = 2
"""How long after its window a digest waits for rejections that are being committed."""
UNASSIGNED: Final = "unassigned"
"""The partition and folder of files without a vendor."""
MAX_LISTED: Final = 5
"""Files that a digest names; of the others it says how many they are."""


class Reason(BaseModel):
    """The JSON file that is stored with a rejected file."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)

    vendor_id: str
    name: str
    etag: str
    code: str
    message: str
    field: str | None
    at: Timestamp


def reject(file: VendorFile, error: StudioError, *, notify: bool) -> list[Change]:
    """Keep a file without its metadata and the reason in `vendor-rejected`; returns the changes of its drop. May be
    repeated.

    The original is deleted by `delete_original`, after those changes are committed.

    Args:
        notify: whether the vendor exists, and is to be notified.
    """
    kept = _keep(file.blob, file.etag, f"{file.vendor_id}/{file.id}/{file.name}")
    reason = Reason(
        vendor_id=file.vendor_id,
        name=file.name,
        etag=file.etag,
        code=error.code,
        message=error.message,
        field=error.field,
        at=clock.iso(),
    )
    blobs.put(
        blobs.VENDOR_REJECTED,
        f"{file.vendor_id}/{file.id}.reason.json",
        reason.model_dump_json(by_alias=True, indent=1).encode(),
        content_type="application/json",
    )
    telemetry.count("studio_drops_rejected", code=error.code)
    return [
        assign(DropDocument.status, DropStatus.REJECTED),
        assign(DropDocument.error, Rejection(code=error.code, message=error.message)),
        assign(DropDocument.rejected_blob, kept),
        assign(DropDocument.window, _schedule_digest(file.vendor_id) if notify else None),
    ]


def _keep(blob: str, etag: str, name: str) -> str | None:
    """Keep what can be kept of a file for its vendor to look at: nothing that may say where a photo was taken, nothing
    too large. Returns its name in `vendor-rejected`."""
    found = blobs.info(blobs.VENDOR_UPLOADS, blob)
    if found is None or found.size > image_settings().file_max_bytes:
        return None
    try:
        data = without_metadata(blobs.get(blobs.VENDOR_UPLOADS, blob, etag=etag))
    except (NotFound, Conflict):
        return name if blobs.info(blobs.VENDOR_REJECTED, name) is not None else None
    if data is None:
        return None
    blobs.put(blobs.VENDOR_REJECTED, name, data, content_type="application/octet-stream")
    return name


def reject_unassigned(blob: BlobInfo) -> None:
    """Move aside a file that lies in no vendor's folder; administrators are notified, once in a window. One whose name
    no request can carry stays where it is."""
    id = hashlib.sha256(f"{blob.name}|{version_of(blob)}".encode()).hexdigest()[:32]
    movable = blobs.is_addressable(blob.name)
    if not movable and drops.find(DropId.of(id), UNASSIGNED) is not None:
        return
    at = clock.now()
    error = Rejection(code="no_vendor", message="The file lies in no vendor's folder. Upload it as VENDOR/SKU.jpg.")
    kept = _keep(blob.name, version_of(blob), f"{UNASSIGNED}/{id}") if movable else None
    drops.upsert(
        DropDocument(
            id=DropId.of(id), user_id=UNASSIGNED, name=blob.name, kind=FileKind.OTHER, file_etag=version_of(blob),
            size=blob.size, status=DropStatus.REJECTED, error=error, rejected_blob=kept, created_at=clock.iso(at),
            updated_at=clock.iso(at), ttl=KEEP_S,
        )
    )  # fmt: skip
    telemetry.log("drop.unassigned", level="error", dropId=id)
    telemetry.count("studio_drops_rejected", code=error.code)
    window = int(at // max(1.0, catalogue_settings().vendor_digest_s))
    notify_admins("drops.unassigned", f"drops-unassigned-{window}", {"container": blobs.VENDOR_REJECTED})
    if movable:
        blobs.delete(blobs.VENDOR_UPLOADS, blob.name, etag=version_of(blob))


def delete_original(file: VendorFile) -> None:
    """Delete a rejected file from `vendor-uploads`, unless it was overwritten."""
    blobs.delete(blobs.VENDOR_UPLOADS, file.blob, etag=file.etag)


def _schedule_digest(vendor_id: str) -> int:
    """Make sure that a digest of the current window will be sent; returns the window's number."""
    length = max(1.0, catalogue_settings().vendor_digest_s)
    window = int(clock.now() // length)
    wait = (window + 1) * length - clock.now() + MARGIN_S
    payload = DigestPayload(window=window)
    job = protocol.new_job(DIGEST, queues.DROPS, vendor_id, payload, id=JobId.of(f"digest-{window}"))
    job = job.model_copy(update={"due_at": clock.now() + wait + job_settings().job_grace_s})
    with suppress(DocumentConflict):
        protocol.jobs.create(job)
        protocol.enqueue(job, delay_s=wait)
    return window


def send_digest(task: Task) -> Outcome:
    """One notification of all files that were rejected in a window."""
    window = task.payload_as(DigestPayload).window
    rejected = [
        (drop.name, drop.error.code)
        for drop in drops.iterate(where(DropDocument.window, "=", window), partition=task.user_id, page_size=500)
        if drop.error is not None
    ]
    result = DigestResult(count=len(rejected))
    if not rejected:
        return Outcome(result=result)
    listed = ", ".join(f"{name} ({code.replace('_', ' ')})" for name, code in rejected[:MAX_LISTED])
    more = len(rejected) - MAX_LISTED
    data = {
        "count": len(rejected),
        "listed": listed + (f" and {more} more." if more > 0 else "."),
        "codes": sorted({code for _, code in rejected}),
    }
    operations = announce(task.user_id, "drops.rejected", f"drops-{window}", data, request_id=None)
    return Outcome(result=result, operations=operations)
