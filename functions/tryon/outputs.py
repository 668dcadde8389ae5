"""The container's results: checked, given their smaller renditions, and turned into documents."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Final

from shared import blobs, clock, telemetry
from shared.blobs import Kept
from shared.documents import Operation
from shared.errors import NotFound, StudioError
from shared.images.documents import ImageKind, StoredRendition, StoredRenditions, images, ready_image
from shared.images.renditions import OPTIMISED, ORIGINAL, THUMBNAIL, make_copies, store_rendition, upload_policy
from shared.tryons.documents import TryOnDocument, TryOnResultDocument, TryOnResultId, retention_s, tryon_results
from shared.vto import errors
from shared.vto.protocol import REPORT, Sample, TryOnRequest, TryOnResult

MAX_BYTES: Final = 96 * 1024 * 1024
"""Of a lossless image; images of the largest accepted size have fewer."""
PNG: Final = "image/png"


@dataclass(frozen=True)
class StoredSample:
    """A sample whose image is stored: the id of the image, and its renditions."""

    image_id: str
    sample: Sample
    renditions: Mapping[str, StoredRendition]
    sha256: str

    def creations(self, tryon: TryOnDocument, result: TryOnResult) -> list[Operation]:
        """The writes of the image's document and the result."""
        stored = StoredRenditions(
            renditions=dict(self.renditions),
            width=self.sample.width,
            height=self.sample.height,
            sha256=self.sha256,
            bytes=sum(rendition.bytes for rendition in self.renditions.values()),
        )
        image = ready_image(self.image_id, tryon.user_id, stored, kind=ImageKind.RESULT, tryon_id=tryon.id)
        row = TryOnResultDocument(
            id=TryOnResultId.of(self.image_id),
            user_id=tryon.user_id,
            tryon_id=tryon.id,
            image_id=self.image_id,
            seed=self.sample.seed,
            engine=result.engine,
            version=result.version,
            width=self.sample.width,
            height=self.sample.height,
            report=self.sample.report,
            created_at=clock.iso(),
            ttl=retention_s(),
        )
        return [images.creation(image), tryon_results.creation(row)]


def store_samples(result: TryOnResult, request: TryOnRequest, kept: Kept) -> list[StoredSample]:
    """Check the samples of a result and store their smaller renditions.

    The original stays as the container wrote it, lossless and with its provenance. Renditions of an earlier attempt are
    overwritten with the same.

    Args:
        kept: has what this process itself has stored.

    Raises:
        BadAnswer: a blob is not what the report says; retryable.
    """
    stored = [_store(n, sample, request, kept) for n, sample in enumerate(result.samples)]
    stored[0] = _with_report(stored[0], request)
    return stored


def _store(number: int, sample: Sample, request: TryOnRequest, kept: Kept) -> StoredSample:
    prefix = request.output.prefix
    if not (sample.image.startswith(f"{prefix}/") and sample.mask.startswith(f"{prefix}/")):
        raise errors.BadAnswer("the try-on container names images of another request")
    data, mask = _read(kept, sample.image), _read(kept, sample.mask)
    try:
        made = make_copies(data, policy=upload_policy(max_bytes=MAX_BYTES))
    except StudioError as error:
        if error.retryable:
            raise
        telemetry.log("tryon.bad_image", level="error", code=error.code)
        raise errors.BadAnswer("the returned image can't be decoded") from None
    size = (made.width, made.height)
    if size != (sample.width, sample.height) or _size(mask) != size:
        raise errors.BadAnswer("the returned image does not have the reported size")
    stored = {
        ORIGINAL: _rendition(blobs.TRYON, sample.image, data, sample.content_type, sample.width, sample.height),
        "mask": _rendition(blobs.TRYON, sample.mask, mask, PNG, sample.width, sample.height),
    }
    for name, container in ((OPTIMISED, blobs.TRYON), (THUMBNAIL, blobs.THUMBNAILS)):
        stored[name] = store_rendition(container, f"{prefix}/{number}-{name}", made.copies[name])
    return StoredSample(
        f"{request.job_id.rpartition(':')[2]}-{number}", sample, stored, hashlib.sha256(data).hexdigest()
    )


def _with_report(first: StoredSample, request: TryOnRequest) -> StoredSample:
    """The report commits the run in the container; it is kept as long as the first result."""
    name = f"{request.output.prefix}/{REPORT}"
    report = StoredRendition(
        container=blobs.TRYON, name=name, width=0, height=0, content_type="application/json", bytes=0
    )
    return StoredSample(first.image_id, first.sample, {**first.renditions, "report": report}, first.sha256)


def _read(kept: Kept, name: str) -> bytes:
    try:
        return kept.get(blobs.TRYON, name)
    except NotFound:
        raise errors.BadAnswer("the try-on container names an image that does not exist") from None


def _size(mask: bytes) -> tuple[int, int]:
    from PIL import Image

    try:
        with Image.open(BytesIO(mask), formats=("PNG",)) as image:
            return image.size
    except (OSError, ValueError):
        raise errors.BadAnswer("the returned mask can't be decoded") from None


def _rendition(container: str, name: str, data: bytes, content_type: str, width: int, height: int) -> StoredRendition:
    return StoredRendition(
        container=container, name=name, width=width, height=height, content_type=content_type, bytes=len(data)
    )
