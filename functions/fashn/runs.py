"""The state of a run in FASHN's words, read from its try-on or from the job that removes a background."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from io import BytesIO
from typing import Final, Literal

from functions.fashn.documents import BACKGROUND_KIND, BackgroundPayload, BackgroundResult
from functions.fashn.errors import run_error_name
from functions.fashn.models import Run, RunError
from shared import blobs, turns
from shared.errors import NotFound
from shared.images.documents import ImageId, ImageStatus, StoredRendition, images
from shared.images.models import read_url
from shared.images.renditions import ORIGINAL
from shared.images.segmentations import SegmentationId, segmentations
from shared.jobs import protocol
from shared.jobs.models import ENDED, Job, JobId, JobStatus, RunStatus
from shared.jobs.models import RunError as StoredError
from shared.tryons.documents import FashnRun, TryOnDocument, TryOnId, list_results, tryons

JPEG_QUALITY: Final = 95
CONVERTED_CALLS: Final = 2
"""What a picture in an answer costs beyond the call: it is read, and may be encoded again, for each answer."""
PNG: Final = "image/png"
CUTOUT: Final = "cutout"
type State = Literal["in_queue", "processing", "completed", "failed", "canceled"]
STATES: Final[Mapping[RunStatus, State]] = {
    RunStatus.QUEUED: "in_queue",
    RunStatus.RETRYING: "processing",
    RunStatus.PROCESSING: "processing",
    RunStatus.COMPLETED: "completed",
    RunStatus.FAILED: "failed",
    RunStatus.CANCELLED: "canceled",
}


def get_run(user_id: str, id: str) -> tuple[Run, int | None]:
    """A run, and what it was charged once it has ended. Raises NotFound, for another user's too."""
    tryon = tryons.find(TryOnId.of(id), user_id)
    if tryon is not None:
        return _of_tryon(tryon)
    job = protocol.jobs.find(JobId.of(id), user_id)
    if job is None or job.kind != BACKGROUND_KIND:
        raise NotFound("there is no such run", code="run_not_found")
    return _of_removal(job), 0 if job.status.run in ENDED else None


def webhook_url_of(user_id: str, id: str) -> str | None:
    """The address that the request of a run gave; None if it gave none, or the run was deleted."""
    tryon = tryons.find(TryOnId.of(id), user_id)
    if tryon is not None:
        return None if tryon.fashn is None else tryon.fashn.webhook_url
    job = protocol.jobs.find(JobId.of(id), user_id)
    return None if job is None else job.payload_as(BackgroundPayload).webhook_url


def _of_tryon(tryon: TryOnDocument) -> tuple[Run, int | None]:
    completed = tryon.status is RunStatus.COMPLETED
    run = Run(
        id=tryon.id.public,
        status=STATES[tryon.status],
        output=_results(tryon) if completed else None,
        error=_error(tryon.status, tryon.error),
    )
    if tryon.status not in ENDED:
        return run, None
    return run, int(tryon.charged and tryon.status in (RunStatus.COMPLETED, RunStatus.CANCELLED))


def _of_removal(job: Job) -> Run:
    completed = job.status is JobStatus.COMPLETED
    return Run(
        id=job.id.public,
        status=STATES[job.status.run],
        output=_cutout(job) if completed else None,
        error=_error(job.status.run, job.last_error),
    )


def _error(status: RunStatus, failure: StoredError | None) -> RunError | None:
    if status is not RunStatus.FAILED:
        return None
    if failure is None:
        return RunError(name=run_error_name(""), message="the run failed")
    return RunError(name=run_error_name(failure.code), message=failure.message)


def _results(tryon: TryOnDocument) -> list[str]:
    """The pictures of a completed run that are not deleted: URLs, or data URIs."""
    found = images.find_many([(ImageId.of(result.image_id), tryon.user_id) for result in list_results(tryon)])
    stored = [image.renditions[ORIGINAL] for image in found if image is not None and image.status is ImageStatus.READY]
    asked = tryon.fashn or FashnRun()
    return [_converted(one, asked) if asked.return_base64 else read_url(one) for one in stored]


def _cutout(job: Job) -> list[str]:
    """The cut-out, if it was not deleted with its image."""
    segmentation_id = BackgroundResult.model_validate(job.result).segmentation_id
    segmentation = segmentations.find(SegmentationId.of(segmentation_id), job.user_id)
    if segmentation is None:
        return []
    name = segmentation.blobs[CUTOUT]
    if not job.payload_as(BackgroundPayload).return_base64:
        return [blobs.read_url(blobs.MASKS, name, content_type=PNG)]
    return [_data_uri(blobs.get(blobs.MASKS, name), PNG)]


def _converted(stored: StoredRendition, asked: FashnRun) -> str:
    turns.spend(calls=CONVERTED_CALLS)
    data, media = blobs.get(stored.container, stored.name), stored.content_type
    if asked.output_format == "jpeg" and media != "image/jpeg":
        from PIL import Image

        encoded = BytesIO()
        with Image.open(BytesIO(data)) as image:
            image.convert("RGB").save(encoded, "JPEG", quality=JPEG_QUALITY)
        data, media = encoded.getvalue(), "image/jpeg"
    return _data_uri(data, media)


def _data_uri(data: bytes, media: str) -> str:
    return f"data:{media};base64,{base64.b64encode(data).decode()}"
