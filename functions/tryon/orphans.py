"""Deletes blobs that belong to no try-on.

A container that did not receive a cancellation, or a worker that lost its lease, may store blobs under a try-on's name
after the try-on was deleted, or its user was. Each of them deletes what it stored; the sweep deletes what a killed
process left. The documents are the truth: a blob is kept while its try-on is open, or while an image names it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from typing import Final

from functions.tryon.settings import tryon_settings
from shared import blobs, clock, telemetry
from shared.blobs import BlobInfo
from shared.documents.fields import where
from shared.images.documents import ImageDocument, images
from shared.jobs.models import ENDED, Job
from shared.passes import Pass
from shared.tryons.documents import TryOnId, tryons

CONTAINERS: Final = (blobs.TRYON, blobs.THUMBNAILS)
NAME: Final = re.compile(r"(?P<user>[^/]+)/(?P<id>[^/]+)/\d+/(?:\d+-\w+\.webp|[0-9a-f]{24}\.png|report\.json)")
"""Names of all blobs of try-ons; the container of thumbnails has others, too."""


def generation_path(job: Job) -> str:
    """The path below the user's of what a generation of a try-on stores: `<id>/<generation>`."""
    return f"{job.id.public}/{job.generation}"


def delete_blobs(user_id: str, path: str) -> None:
    """Delete the blobs of a try-on, or of one generation of it."""
    for container, blob in _list_below(user_id, path):
        blobs.delete(container, blob.name)


def delete_unreferenced(job: Job) -> int:
    """Delete blobs of a generation that no document names, unless the try-on is open; returns how many."""
    return _delete_orphans(job.user_id, job.id.public, list(_list_below(job.user_id, generation_path(job))))


def sweep(limit: int = 2000) -> int:
    """Delete blobs older than `TRYON_ORPHAN_S` that belong to no try-on; returns how many.

    Args:
        limit: of one run; the rest waits for the next.
    """
    before = clock.now() - tryon_settings().tryon_orphan_s
    deleted = 0
    orphans = Pass("tryon.orphans")
    for container in CONTAINERS:
        for (user_id, id), found in groupby(_list_named(container), key=lambda one: one[0]):
            old = [(container, blob) for _, blob in found if blob.modified < before]
            with orphans.item(userId=user_id, tryonId=id):
                deleted += _delete_orphans(user_id, id, old) if old else 0
            if deleted >= limit or orphans.failed >= limit:
                return deleted
    return deleted


def _list_named(container: str) -> Iterator[tuple[tuple[str, str], BlobInfo]]:
    for blob in blobs.listing(container):
        if (parts := NAME.fullmatch(blob.name)) is not None:
            yield (parts["user"], parts["id"]), blob


def _list_below(user_id: str, path: str) -> Iterator[tuple[str, BlobInfo]]:
    for container in CONTAINERS:
        for blob in list(blobs.listing(container, f"{user_id}/{path}/")):
            yield container, blob


def _delete_orphans(user_id: str, id: str, found: list[tuple[str, BlobInfo]]) -> int:
    kept = _referenced(user_id, id) if found else None
    if kept is None:
        return 0
    deleted = sum(blobs.delete(container, blob.name) for container, blob in found if blob.name not in kept)
    if deleted:
        telemetry.log("tryon.orphans", userId=user_id, tryonId=id, blobs=deleted)
        telemetry.count("studio_tryon_orphans", deleted)
    return deleted


def _referenced(user_id: str, id: str) -> set[str] | None:
    """Names of the blobs that a try-on's images have; None while it is open.

    Its status is read first: the batch that ends it writes the images.
    """
    tryon = tryons.find(TryOnId.of(id), user_id)
    if tryon is not None and tryon.status not in ENDED:
        return None
    made = images.list(where(ImageDocument.tryon_id, "=", TryOnId.of(id)), partition=user_id).items
    return {stored.name for image in made for stored in image.renditions.values()}
