"""What is kept for a time and no longer: pictures by their kind, loose blobs by their container."""

from __future__ import annotations

from shared import audit, blobs, clock, telemetry
from shared.documents import Where, store
from shared.documents.containers import DAY
from shared.errors import Conflict, NotFound
from shared.images import library
from shared.settings import settings

IMAGE_KINDS = ("person", "garment", "result")
OWNED = (blobs.IMAGES, blobs.THUMBNAILS, blobs.RESULTS, blobs.TRYON, blobs.MODELS)
LOOSE = tuple(name for name in blobs.CONTAINERS if name not in OWNED)
"""Containers whose blobs may go by their age alone; in the others a record owns each."""


def run(limit: int = 2000) -> dict[str, int]:
    """Remove what is over its time by `RETENTION_DAYS`; returns how many of each kind.

    Args:
        limit: of each kind in one run; the rest waits for the next.
    """
    removed: dict[str, int] = {}
    for kind, days in settings().retention_days.items():
        if days == 0:
            continue
        before = clock.now() - days * DAY
        if kind in IMAGE_KINDS:
            removed[kind] = _images(kind, before, limit)
        elif kind in LOOSE:
            removed[kind] = _blobs(kind, before, limit)
        else:
            telemetry.log("retention.unknown_kind", level="error", kind=kind)
    for kind, count in removed.items():
        telemetry.count("studio_retention_removed", count, kind=kind)
    return removed


def _images(kind: str, before: float, limit: int) -> int:
    """Private images of a kind; what a seller has published is their catalogue and stays."""
    old = (
        Where("type", "=", "file"),
        Where("kind", "=", kind),
        Where("visibility", "=", "private"),
        Where("status", "=", "ready"),
        Where("createdAt", "<", clock.iso(before)),
    )
    done = 0
    continuation: str | None = None
    while done < limit:
        page = store().query(library.CONTAINER, *old, limit=100, continuation=continuation)
        for record in page.items:
            try:
                library.delete(record)
            except (Conflict, NotFound):
                continue
            audit.record(record["userId"], "IMAGE_EXPIRED", subject=record["imageId"], kind=kind)
            done += 1
        continuation = page.continuation
        if continuation is None:
            break
    return done


def _blobs(container: str, before: float, limit: int) -> int:
    done = 0
    for blob in blobs.listing(container):
        if blob.modified < before:
            done += blobs.delete(container, blob.name)
        if done >= limit:
            break
    return done
