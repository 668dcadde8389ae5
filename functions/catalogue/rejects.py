"""Files that can't be used: moved aside with a reason, and the vendor told once for a whole batch."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from functions.catalogue.drops import Dropped
from shared import blobs, clock, notifications, telemetry
from shared.documents import Where, store
from shared.errors import Conflict, DocumentConflict, NotFound, StudioError
from shared.jobs import protocol, queues
from shared.jobs.protocol import Outcome
from shared.jobs.step import Task
from shared.settings import settings

CONTAINER = "studio"
DIGEST = "drop.digest"
MARGIN_S = 2
"""How long after its window a digest waits for rejections that are being committed."""
LISTED = 5


def reject(dropped: Dropped, error: StudioError, *, known: bool) -> dict[str, Any]:
    """Copy a file and the reason to `vendor-rejected`; returns what its record shall say.

    The original goes with `remove`, after that record is committed. May be repeated.

    Args:
        known: there is a vendor to be told.
    """
    name = f"{dropped.vendor}/{dropped.id}/{dropped.name}"
    with suppress(NotFound, Conflict):
        blobs.copy(blobs.VENDOR_UPLOADS, dropped.blob, blobs.VENDOR_REJECTED, name, etag=dropped.etag)
    reason = {
        "vendorId": dropped.vendor,
        "name": dropped.name,
        "etag": dropped.etag,
        "code": error.code,
        "message": error.message,
        "field": error.field,
        "at": clock.iso(),
    }
    blobs.put(
        blobs.VENDOR_REJECTED,
        f"{dropped.vendor}/{dropped.id}.reason.json",
        json.dumps(reason, indent=1).encode(),
        content_type="application/json",
    )
    telemetry.count("studio_drops_rejected", code=error.code)
    window = _open_digest(dropped.vendor) if known else None
    return {
        "error": {"code": error.code, "message": error.message},
        "rejectedBlob": name,
        "window": window,
    }


def remove(dropped: Dropped) -> None:
    """Delete the original of a rejected file, unless it was overwritten."""
    blobs.delete(blobs.VENDOR_UPLOADS, dropped.blob, etag=dropped.etag)


def _open_digest(vendor: str) -> int:
    """Make sure that a digest of the current window will be sent; returns the window's number."""
    length = max(1.0, settings().vendor_digest_s)
    window = int(clock.now() // length)
    wait = (window + 1) * length - clock.now() + MARGIN_S
    job = protocol.new_job(DIGEST, queues.DROPS, vendor, {"window": window}, id=f"job:digest-{window}")
    job = job.model_copy(update={"due_at": clock.now() + wait + settings().job_grace_s})
    with suppress(DocumentConflict):
        protocol.jobs.create(job)
        protocol.enqueue(job, delay_s=wait)
    return window


def digest(task: Task) -> Outcome:
    """One notification of all that was refused in a window."""
    refused: list[dict[str, Any]] = []
    continuation: str | None = None
    while True:
        page = store().query(
            CONTAINER,
            Where("type", "=", "vendor_drop"),
            Where("window", "=", task.payload["window"]),
            partition=task.user_id,
            limit=500,
            continuation=continuation,
        )
        refused += [{"name": drop["name"], "code": drop["error"]["code"]} for drop in page.items if drop["error"]]
        continuation = page.continuation
        if continuation is None:
            break
    if not refused:
        return Outcome(result={"count": 0})
    listed = ", ".join(f"{one['name']} ({one['code'].replace('_', ' ')})" for one in refused[:LISTED])
    more = len(refused) - LISTED
    data = {
        "count": len(refused),
        "listed": listed + (f" and {more} more." if more > 0 else "."),
        "codes": sorted({one["code"] for one in refused}),
    }
    key = f"drops-{task.payload['window']}"
    operations = notifications.announce(task.user_id, "drops.rejected", key, data, request_id=None)
    return Outcome(result={"count": len(refused)}, operations=operations)
