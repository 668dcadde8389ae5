"""Files that can't be used: moved to `vendor-rejected` with the reason, and reported once for a whole window."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from functions.catalogue.documents import DigestPayload, DigestResult, DropDocument, DropStatus, Rejection, drops
from functions.catalogue.settings import catalogue_settings
from functions.catalogue.vendor_files import VendorFile
from shared import blobs, clock, notifications, telemetry
from shared.documents.fields import Change, assign, where
from shared.documents.model import Timestamp
from shared.errors import Conflict, DocumentConflict, NotFound, StudioError
from shared.jobs import protocol, queues
from shared.jobs.models import JobId
from shared.jobs.protocol import Outcome
from shared.jobs.settings import job_settings
from shared.jobs.step import Task

DIGEST: Final = "drop.digest"
"""Kind of the job that reports the rejections of a window."""
MARGIN_S: Final = 2
"""How long after its window a digest waits for rejections that are being committed."""
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
    """Copy a file and the reason to `vendor-rejected`; returns the changes of its drop. May be repeated.

    The original is deleted by `delete_original`, after those changes are committed.

    Args:
        notify: whether the vendor exists, and is to be notified.
    """
    name = f"{file.vendor_id}/{file.id}/{file.name}"
    with suppress(NotFound, Conflict):
        blobs.copy(blobs.VENDOR_UPLOADS, file.blob, blobs.VENDOR_REJECTED, name, etag=file.etag)
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
        assign(DropDocument.rejected_blob, name),
        assign(DropDocument.window, _schedule_digest(file.vendor_id) if notify else None),
    ]


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
    operations = notifications.announce(task.user_id, "drops.rejected", f"drops-{window}", data, request_id=None)
    return Outcome(result=result, operations=operations)
