"""The blobs of try-ons: whose they are, and removing those that nobody has.

A container that did not hear of a cancellation, or a worker that had lost its lease, may write below a try-on's name
after the try-on was deleted, or its person was. Each of them tidies up behind itself; what one that was killed has left
is found by the sweep. The documents are the truth: a blob counts while its try-on is being made, or while an image's
record names it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from typing import Final

from functions.tryon import records
from functions.tryon.settings import tryon_settings
from shared import blobs, clock, telemetry
from shared.blobs import BlobInfo
from shared.documents import store
from shared.documents.fields import where
from shared.images.documents import ImageDocument, images
from shared.jobs.models import Job

CONTAINERS: Final = (blobs.TRYON, blobs.THUMBNAILS)
NAME: Final = re.compile(r"(?P<user>[^/]+)/(?P<id>[^/]+)/\d+/(?:\d+-\w+\.webp|[0-9a-f]{24}\.png|report\.json)")
"""Of whatever a try-on leaves; in the container of thumbnails others have theirs, too."""


def life(job: Job) -> str:
    """A generation of a try-on: where its blobs lie below the user's name."""
    return f"{job['id'].removeprefix('job:')}/{job['generation']}"


def remove(user_id: str, what: str) -> None:
    """Delete the blobs of a try-on, or of one generation of it."""
    for container, blob in _below(user_id, what):
        blobs.delete(container, blob.name)


def tidy(job: Job) -> int:
    """Delete what of a generation nobody has; how many blobs that were. While it is being made all may count."""
    id, _, _ = life(job).partition("/")
    return _tidied(job["userId"], id, list(_below(job["userId"], life(job))))


def sweep(limit: int = 2000) -> int:
    """Delete what has lain for `TRYON_ORPHAN_S` and belongs to no try-on; how many blobs that were.

    Args:
        limit: of one run; the rest waits for the next.
    """
    before = clock.now() - tryon_settings().tryon_orphan_s
    removed = 0
    for container in CONTAINERS:
        for (user_id, id), found in groupby(_named(container), key=lambda one: one[0]):
            old = [(container, blob) for _, blob in found if blob.modified < before]
            removed += _tidied(user_id, id, old) if old else 0
            if removed >= limit:
                return removed
    return removed


def _named(container: str) -> Iterator[tuple[tuple[str, str], BlobInfo]]:
    for blob in blobs.listing(container):
        if (parts := NAME.fullmatch(blob.name)) is not None:
            yield (parts["user"], parts["id"]), blob


def _below(user_id: str, what: str) -> Iterator[tuple[str, BlobInfo]]:
    for container in CONTAINERS:
        for blob in list(blobs.listing(container, records.prefix(user_id, what))):
            yield container, blob


def _tidied(user_id: str, id: str, found: list[tuple[str, BlobInfo]]) -> int:
    kept = _owned(user_id, id) if found else None
    if kept is None:
        return 0
    removed = sum(blobs.delete(container, blob.name) for container, blob in found if blob.name not in kept)
    if removed:
        telemetry.log("tryon.orphans", userId=user_id, tryonId=id, blobs=removed)
        telemetry.count("studio_tryon_orphans", removed)
    return removed


def _owned(user_id: str, id: str) -> set[str] | None:
    """Names of the blobs that a try-on's images have; None while it is being made.

    Its status is read first: the batch that ends it writes the images.
    """
    record = store().find(records.CONTAINER, f"tryon:{id}", user_id)
    if record is not None and record["status"] not in records.ENDED:
        return None
    made = images.list(where(ImageDocument.tryon_id, "=", f"tryon:{id}"), partition=user_id).items
    return {stored.name for image in made for stored in image.renditions.values()}
