"""What the container made: fetched, looked at, given its smaller copies, and turned into documents."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Final

from functions.tryon import records
from shared import blobs, clock, telemetry
from shared.documents import Create, Document, Operation
from shared.errors import NotFound, StudioError
from shared.images.documents import ImageKind, StoredRendition, StoredRenditions, images, ready_image
from shared.images.renditions import OPTIMISED, ORIGINAL, THUMBNAIL, sanitize_image, store_rendition
from shared.images.sanitizer import ImagePolicy
from shared.vto import errors
from shared.vto.protocol import REPORT, Sample, TryOnRequest, TryOnResult

MAX_BYTES: Final = 96 * 1024 * 1024
"""Of a picture without loss; photos of the largest size that is taken have less."""
PNG: Final = "image/png"


@dataclass(frozen=True)
class Made:
    """One result: its image's id, its sample, and its stored renditions."""

    image_id: str
    sample: Sample
    renditions: Mapping[str, StoredRendition]
    sha256: str

    def documents(self, record: Document, result: TryOnResult) -> list[Operation]:
        """The image's record and the result row."""
        user = record["userId"]
        stored = StoredRenditions(
            renditions=dict(self.renditions),
            width=self.sample.width,
            height=self.sample.height,
            sha256=self.sha256,
            bytes=sum(rendition.bytes for rendition in self.renditions.values()),
        )
        image = ready_image(self.image_id, user, stored, kind=ImageKind.RESULT, tryon_id=record["id"])
        row = {
            "id": f"tryon_result:{self.image_id}",
            "userId": user,
            "type": "tryon_result",
            "tryonId": record["id"],
            "imageId": self.image_id,
            "seed": self.sample.seed,
            "engine": result.engine,
            "version": result.version,
            "width": self.sample.width,
            "height": self.sample.height,
            "report": self.sample.report.model_dump(by_alias=True),
            "createdAt": clock.iso(),
            "ttl": records.keep_s(),
        }
        return [images.creation(image), Create(row)]


def fetched(result: TryOnResult, request: TryOnRequest) -> list[Made]:
    """The samples of a result, each checked to be a picture with a mask of its size.

    The original stays as the container wrote it, with its provenance and without loss; only the smaller copies are
    ours. What is there already of an earlier attempt is overwritten with the same.

    Raises:
        BadAnswer: what lies there is not what the report says; retryable.
    """
    made = [_made(n, sample, request) for n, sample in enumerate(result.samples)]
    made[0] = _with_report(made[0], request)
    return made


def _made(number: int, sample: Sample, request: TryOnRequest) -> Made:
    prefix = request.output.prefix
    if not (sample.image.startswith(f"{prefix}/") and sample.mask.startswith(f"{prefix}/")):
        raise errors.BadAnswer("the try-on container names pictures that are not of this request")
    data, mask = _read(sample.image), _read(sample.mask)
    try:
        sanitized = sanitize_image(data, policy=ImagePolicy(max_bytes=MAX_BYTES))
    except StudioError as error:
        if error.retryable:
            raise
        telemetry.log("tryon.bad_picture", level="error", code=error.code)
        raise errors.BadAnswer("the picture that came back can't be used") from None
    size = (sanitized.original.width, sanitized.original.height)
    if size != (sample.width, sample.height) or _size(mask) != size:
        raise errors.BadAnswer("the picture that came back is not of the size that was told")
    stored = {
        ORIGINAL: _rendition(blobs.TRYON, sample.image, data, sample.content_type, sample.width, sample.height),
        "mask": _rendition(blobs.TRYON, sample.mask, mask, PNG, sample.width, sample.height),
    }
    for name, container in ((OPTIMISED, blobs.TRYON), (THUMBNAIL, blobs.THUMBNAILS)):
        stored[name] = store_rendition(container, f"{prefix}/{number}-{name}", sanitized.copies[name])
    return Made(f"{request.job_id.rpartition(':')[2]}-{number}", sample, stored, hashlib.sha256(data).hexdigest())


def _with_report(first: Made, request: TryOnRequest) -> Made:
    """The report is what commits the run in the container; it lies as long as the first result does."""
    name = f"{request.output.prefix}/{REPORT}"
    report = StoredRendition(
        container=blobs.TRYON, name=name, width=0, height=0, content_type="application/json", bytes=0
    )
    return Made(first.image_id, first.sample, {**first.renditions, "report": report}, first.sha256)


def _read(name: str) -> bytes:
    try:
        return blobs.get(blobs.TRYON, name)
    except NotFound:
        raise errors.BadAnswer("the try-on container names a picture that is not there") from None


def _size(mask: bytes) -> tuple[int, int]:
    from PIL import Image

    try:
        with Image.open(BytesIO(mask), formats=("PNG",)) as image:
            return image.size
    except (OSError, ValueError):
        raise errors.BadAnswer("the mask that came back can't be used") from None


def _rendition(container: str, name: str, data: bytes, content_type: str, width: int, height: int) -> StoredRendition:
    return StoredRendition(
        container=container, name=name, width=width, height=height, content_type=content_type, bytes=len(data)
    )
