"""Stored segmentations: the same image, model, target and output are computed once for each user.

They belong to who requested them, also if the image is another user's public one, and live as long as their document:
it is deleted with the image (`shared.images.derived`), with its user, or after `KEEP_S`, and `sweep` deletes the blobs.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

from shared import blobs, clock
from shared.images.segmentations import (
    Output,
    SegmentationDocument,
    SegmentationId,
    SegmentedBlob,
    StoredBox,
    StoredClass,
    segmentations,
)
from shared.images.sources import Source
from shared.images.targets import Target
from shared.passes import Pass
from shared.vision import careful, cutout, parser, room, segments

KEEP_S: Final = 30 * 24 * 3600
"""Seconds that a segmentation is kept after it was computed."""
UNNAMED_S: Final = 3600
"""Seconds that a blob may exist without a document: it is stored before its document."""
NAME: Final = re.compile(r"(?P<user>[^/]+)/[0-9a-f]{64}/(?P<key>[0-9a-f]{32})-(?:mask|cutout)\.png")
"""Names of the blobs stored here; the container has other masks, too."""


def get_or_compute(
    user_id: str, source: Source, data: bytes, target: Target, output: Output
) -> tuple[SegmentationDocument, bool]:
    """The segmentation of these bytes, computed if it is not stored, and whether it was stored.

    Raises:
        Unprocessable: `nothing_found`.
    """
    known = find(user_id, hashlib.sha256(data).hexdigest(), target, output)
    if known is not None:
        return known, True
    return compute(user_id, source, data, target, output), False


def find(user_id: str, sha256: str, target: Target, output: Output) -> SegmentationDocument | None:
    """The stored segmentation of an image, unless its blobs were deleted with the image."""
    segmentation = segmentations.find(SegmentationId.of(_key(sha256, target, output)), user_id)
    if segmentation is None or not all(blobs.info(blobs.MASKS, name) for name in segmentation.blobs.values()):
        return None
    return segmentation


def compute(user_id: str, source: Source, data: bytes, target: Target, output: Output) -> SegmentationDocument:
    """Segment an image and store the result: blobs first, the document last.

    Raises:
        Unprocessable: `nothing_found`.
    """
    with room.for_image(data):
        return _compute(user_id, source, data, target, output)


def _compute(user_id: str, source: Source, data: bytes, target: Target, output: Output) -> SegmentationDocument:
    sha256 = hashlib.sha256(data).hexdigest()
    with segments.in_turn():
        found, forms = _made(data, target, output)
    height, width = found.alpha.shape
    key = _key(sha256, target, output)
    stored: dict[str, str] = {}
    for form, file in forms.items():
        stored[form] = f"{user_id}/{sha256}/{key}-{form}.png"
        blobs.put(blobs.MASKS, stored[form], file, content_type="image/png")
    classes = [
        StoredClass(name=one.name, area_share=one.area_share, box=StoredBox.model_validate(vars(one.box)))
        for one in found.classes
    ]
    return segmentations.upsert(
        SegmentationDocument(
            id=SegmentationId.of(key),
            user_id=user_id,
            image_id=source.image_id,
            source=SegmentedBlob(container=source.container, name=source.name),
            input_sha256=sha256,
            model_version=found.version,
            target=target,
            output=output,
            width=width,
            height=height,
            classes=classes,
            area_share=found.area_share,
            worn=found.worn,
            worn_chance=found.worn_chance,
            confidence=found.confidence,
            quality=found.quality,
            blobs=stored,
            created_at=clock.iso(),
            ttl=KEEP_S,
        )
    )


def _made(data: bytes, target: Target, output: Output) -> tuple[segments.Segment, dict[str, bytes]]:
    """The segmentation of an image, and its files by form."""
    image = segments.decode(data)
    found = segments.segment(image, target)
    forms: dict[str, bytes] = {}
    if output != "cutout":
        forms["mask"] = segments.png(found.alpha)
    if output != "mask":
        forms["cutout"] = segments.png(cutout.transparent(image, found.alpha))
    return found, forms


def sweep(limit: int = 2000) -> int:
    """Delete masks and cut-outs whose document is gone; returns how many.

    Args:
        limit: of one run; the rest waits for the next.
    """
    deleted = 0
    masks = Pass("masks.sweep")
    for blob in blobs.listing(blobs.MASKS):
        parts = NAME.fullmatch(blob.name)
        if parts is None or blob.modified >= clock.now() - UNNAMED_S:
            continue
        with masks.item(blob=blob.name):
            if segmentations.find(SegmentationId.of(parts["key"]), parts["user"]) is None:
                deleted += blobs.delete(blobs.MASKS, blob.name)
        if deleted >= limit or masks.failed >= limit:
            break
    return deleted


def _key(sha256: str, target: Target, output: Output) -> str:
    return hashlib.sha256(f"{sha256}|{parser.version()}|{careful.METHOD}|{target}|{output}".encode()).hexdigest()[:32]
