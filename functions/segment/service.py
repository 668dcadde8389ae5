"""Creating and reading segmentations: small images are answered immediately, large ones and lists become a job."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, replace
from io import BytesIO
from typing import Final

from functions.segment import results
from functions.segment.documents import SegmentImage, SegmentPayload
from functions.segment.models import (
    ModelHealth,
    Segmentation,
    SegmentationHealth,
    SegmentationQueued,
    SegmentationRequest,
)
from functions.segment.settings import segment_settings
from shared import audit, onnx, turns
from shared.errors import ConfigurationError, DocumentConflict
from shared.http.auth import Principal
from shared.images import sources
from shared.images.segmentations import Output
from shared.images.sources import Source
from shared.jobs import protocol, queues
from shared.jobs.models import JobId
from shared.vision import parser, stored

MEGAPIXELS_A_CALL: Final = 2.0
"""Megapixels of a mask that count like a call: they take a tenth of a second of a processor, as the 16 of an upload."""


def create_segmentation(
    user: Principal, id: str, wanted: SegmentationRequest, request_id: str
) -> Segmentation | SegmentationQueued:
    """Segment one small image, or queue a large one or several.

    Args:
        id: id of the job, if there is one; the same id again returns the same job.

    Raises:
        NotFound: an image does not exist, or is another user's and not public.
        Unprocessable: `image_url`, `image_not_ready`, `nothing_found`.
        ConfigurationError: the model is missing or refused.
    """
    if wanted.image_ids is not None:
        found = [sources.by_id(one, user.user_id) for one in wanted.image_ids]
        return _queue(user, id, found, wanted, request_id)
    if wanted.image_id is not None:
        source = sources.by_id(wanted.image_id, user.user_id)
    else:
        source = sources.by_url(str(wanted.image_url), user.user_id)
    if source.sha256 and (known := stored.find(user.user_id, source.sha256, wanted.target, wanted.output)):
        return results.view_segmentation(known, cached=True)
    if source.pixels is not None and _large(source.pixels):
        return _queue(user, id, [source], wanted, request_id)
    data = source.read()
    source = replace(source, pixels=source.pixels or _pixels(data))
    if _large(source.pixels or 0):
        return _queue(user, id, [source], wanted, request_id)
    turns.spend(calls=_calls(source, wanted.output))
    segmentation, cached = stored.get_or_compute(user.user_id, source, data, wanted.target, wanted.output)
    if not cached:
        audit.record(user.user_id, "IMAGE_SEGMENTED", subject=source.image_id)
    return results.view_segmentation(segmentation, cached=cached)


def get_segmentation(user: Principal, id: str) -> Segmentation:
    """The user's segmentation, with fresh URLs. Raises NotFound."""
    return results.view_segmentation(results.get_segmentation_document(user.user_id, id), cached=True)


def get_health() -> SegmentationHealth:
    """The state of the registered models; `failing` if the parser can't be used."""
    try:
        models = [ModelHealth(**asdict(one)) for one in onnx.list_health()]
    except ConfigurationError:
        models = []
    usable = any(one.id == parser.MODEL and one.status in ("loaded", "ready") for one in models)
    return SegmentationHealth(status="ok" if usable else "failing", models=models)


def _queue(
    user: Principal, id: str, images: list[Source], wanted: SegmentationRequest, request_id: str
) -> SegmentationQueued:
    turns.spend(calls=len(images) - 1 + sum(_calls(image, wanted.output) for image in images))
    items = [SegmentImage.of(image) for image in images]
    payload = SegmentPayload(items=items, target=wanted.target, output=wanted.output)
    queue = queues.SEGMENT if len(images) == 1 else queues.SEGMENT_BATCH
    job = protocol.new_job("segment", queue, user.user_id, payload, id=JobId.of(id), request_id=request_id)
    with suppress(DocumentConflict):
        protocol.jobs.create(job)
        protocol.enqueue(job)
        audit.record(user.user_id, "SEGMENTATION_REQUESTED", subject=id)
    return SegmentationQueued(job_id=id, images=len(images))


def _large(pixels: int) -> bool:
    return pixels > segment_settings().segment_sync_megapixels * 1e6


def _calls(image: Source, output: Output) -> float:
    """What segmenting an image costs beyond a call, whether at once or in a job; a cut-out takes twice the time."""
    return (image.pixels or 0) / 1e6 / MEGAPIXELS_A_CALL * (1 if output == "mask" else 2)


def _pixels(data: bytes) -> int:
    from PIL import Image

    with Image.open(BytesIO(data)) as image:
        return image.width * image.height
