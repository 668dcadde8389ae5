"""Stored segmentations: the same picture, model, target and output are computed once for each user.

They belong to who asked, also where the picture is somebody else's public one, and live as long as their row: it goes
with the picture (`shared.images.derived`), with its person, or when `KEEP_S` is over, and `sweep` removes what it
named.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any, Final, Literal

from shared import blobs, clock
from shared.documents import Document, store
from shared.images.sources import Source
from shared.vision import cutout, parser, segments
from shared.vision.segments import Target

CONTAINER: Final = "studio"
KEEP_S: Final = 30 * 24 * 3600
UNNAMED_S: Final = 3600
"""How long a blob may lie that no row names: it is there before its row."""
NAME: Final = re.compile(r"(?P<user>[^/]+)/[0-9a-f]{64}/(?P<key>[0-9a-f]{32})-(?:mask|cutout)\.png")
"""Of what is stored here; the container holds other masks, too."""

type Output = Literal["mask", "cutout", "both"]


def settle(user_id: str, source: Source, data: bytes, target: Target, output: Output) -> tuple[Document, bool]:
    """The stored result for these bytes, made if there is none; and whether there was one.

    Raises:
        Unprocessable: `nothing_found`.
    """
    record = known(user_id, hashlib.sha256(data).hexdigest(), target, output)
    if record is not None:
        return record, True
    return make(user_id, source, data, target, output), False


def known(user_id: str, sha256: str, target: Target, output: Output) -> Document | None:
    """The stored result for a picture, unless its pictures have gone with the image."""
    record = store().find(CONTAINER, f"segmentation:{_key(sha256, target, output)}", user_id)
    if record is None or not all(blobs.info(blobs.MASKS, name) for name in record["blobs"].values()):
        return None
    return record


def make(user_id: str, source: Source, data: bytes, target: Target, output: Output) -> Document:
    """Segment a picture and keep the result: blobs first, the row last.

    Raises:
        Unprocessable: `nothing_found`.
    """
    sha256 = hashlib.sha256(data).hexdigest()
    picture = segments.decode(data)
    found = segments.segment(picture, target)
    key = _key(sha256, target, output)
    stored: dict[str, str] = {}
    pictures: dict[str, Any] = {}
    if output != "cutout":
        pictures["mask"] = found.alpha
    if output != "mask":
        pictures["cutout"] = cutout.transparent(picture, found.alpha)
    for form, pixels in pictures.items():
        stored[form] = f"{user_id}/{sha256}/{key}-{form}.png"
        blobs.put(blobs.MASKS, stored[form], segments.png(pixels), content_type="image/png")
    record = {
        "id": f"segmentation:{key}",
        "userId": user_id,
        "type": "segmentation_result",
        "imageId": source.image_id,
        "source": {"container": source.container, "name": source.name},
        "inputSha256": sha256,
        "modelVersion": found.version,
        "target": target,
        "output": output,
        "width": picture.shape[1],
        "height": picture.shape[0],
        "classes": [{"name": one.name, "areaShare": one.area_share, "box": vars(one.box)} for one in found.classes],
        "areaShare": found.area_share,
        "worn": found.worn,
        "wornChance": found.worn_chance,
        "confidence": found.confidence,
        "quality": found.quality,
        "blobs": stored,
        "createdAt": clock.iso(),
        "ttl": KEEP_S,
    }
    return store().upsert(CONTAINER, record)


def sweep(limit: int = 2000) -> int:
    """Remove masks and cut-outs whose row is gone; returns how many.

    Args:
        limit: of one run; the rest waits for the next.
    """
    removed = 0
    for blob in blobs.listing(blobs.MASKS):
        parts = NAME.fullmatch(blob.name)
        if parts is None or blob.modified >= clock.now() - UNNAMED_S:
            continue
        if store().find(CONTAINER, f"segmentation:{parts['key']}", parts["user"]) is None:
            removed += blobs.delete(blobs.MASKS, blob.name)
        if removed >= limit:
            break
    return removed


def _key(sha256: str, target: Target, output: Output) -> str:
    return hashlib.sha256(f"{sha256}|{parser.version()}|{target}|{output}".encode()).hexdigest()[:32]
