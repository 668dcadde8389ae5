"""What was made of an image, beside its own forms: masks and cut-outs, and heat maps. All of it goes with the image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from shared import blobs
from shared.documents import Where, store
from shared.errors import DocumentNotFound

CONTAINER: Final = "studio"


def remove(record: Mapping[str, Any]) -> None:
    """Remove what was made of an image; what a twin, the same picture in another image of the owner's, shares stays."""
    if record.get("sha256") and not _twins(record):
        for container in (blobs.MASKS, blobs.HEATMAPS):
            for made in list(blobs.listing(container, f"{record['userId']}/{record['sha256']}/")):
                blobs.delete(container, made.name)
    remove_segmentations(record)


def remove_segmentations(record: Mapping[str, Any]) -> None:
    """Remove the segmentations of an image in any of its forms, and of a public one those that others have of it."""
    made = Where("type", "=", "segmentation_result")
    names = [form["name"] for form in (record.get("blobs") or {}).values()]
    if names:
        _remove([made, Where("source.name", "in", names)], record["userId"], record)
    if record.get("visibility") == "public":
        _remove([made, Where("imageId", "=", record["imageId"])], None, record)


def _remove(where: Sequence[Where], partition: str | None, record: Mapping[str, Any]) -> None:
    shared = record.get("sha256") if record.get("sha256") and _twins(record) else None
    continuation: str | None = None
    while True:
        page = store().query(CONTAINER, *where, partition=partition, continuation=continuation)
        for row in page.items:
            if row["userId"] == record["userId"] and row["inputSha256"] == shared:
                continue
            for name in row["blobs"].values():
                blobs.delete(blobs.MASKS, name)
            with suppress(DocumentNotFound):
                store().delete(CONTAINER, row["id"], row["userId"])
        continuation = page.continuation
        if continuation is None:
            return


def _twins(record: Mapping[str, Any]) -> int:
    """How many other images of the same person hold the very same picture."""
    same = (Where("sha256", "=", record["sha256"]), Where("status", "=", "ready"), Where("type", "=", "file"))
    return store().count(CONTAINER, *same, partition=record["userId"])
