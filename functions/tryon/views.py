"""Try-ons as responses."""

from __future__ import annotations

from functions.tryon.models import TryOn, TryOnError, TryOnResult, UsedGarment
from shared.documents.fields import where
from shared.images.documents import ImageId, ImageStatus, images
from shared.images.models import read_url
from shared.jobs.models import OPEN, Job, JobStatus, RunStatus
from shared.tryons.documents import (
    TRYON_KIND,
    TryOnDocument,
    TryOnFailure,
    TryOnGarment,
    TryOnJob,
    TryOnResultDocument,
    list_results,
    tryon_jobs,
)
from shared.vto.engines import is_preview, label


def view_tryon(tryon: TryOnDocument, job: TryOnJob | None = None, *, with_results: bool = False) -> TryOn:
    """A try-on as a response.

    Args:
        with_results: include the results with their URLs, and the position in the queue.
    """
    results = [_view_result(result) for result in list_results(tryon)] if with_results else []
    first = results[0] if results else None
    run = tryon.run
    return TryOn.of(
        tryon,
        output_url=first.output_url if first else None,
        mask_url=first.mask_url if first else None,
        engine=(engine := run.engine if run else tryon.engine),
        engine_label=label(engine),
        preview=is_preview(engine),
        engine_version=run.version if run else None,
        person_image_id=tryon.person.image_id,
        garments=[view_garment(garment) for garment in tryon.garments],
        results=results,
        progress=job.progress.model_dump(mode="json", by_alias=True, exclude_none=True)
        if job and job.progress
        else None,
        queue_position=queue_position(job) if job and with_results else None,
        attempt=job.attempt if job else 0,
        billed=tryon.charged and tryon.status in (RunStatus.COMPLETED, RunStatus.CANCELLED),
        error=view_error(tryon.error),
        processing_ms=run.processing_ms if run else None,
    )


def view_garment(garment: TryOnGarment) -> UsedGarment:
    """A garment as a response."""
    return UsedGarment.of(garment, image_id=garment.image.image_id)


def view_error(failure: TryOnFailure | None) -> TryOnError | None:
    """A failure as a response."""
    return None if failure is None else TryOnError.of(failure, billed=False)


def _view_result(result: TryOnResultDocument) -> TryOnResult:
    image = images.find(ImageId.of(result.image_id), result.user_id)
    renditions = image.renditions if image is not None and image.status is ImageStatus.READY else {}

    def url(name: str) -> str | None:
        return read_url(renditions[name]) if name in renditions else None

    return TryOnResult.of(
        result,
        engine_label=label(result.engine),
        output_url=url("original"),
        thumbnail_url=url("thumbnail"),
        mask_url=url("mask"),
    )


def queue_position(job: TryOnJob) -> int | None:
    """How many try-ons come before a job: in the container's queue once it is there, before that in its own queue."""
    if job.status is JobStatus.PROCESSING:
        return job.progress.position if job.progress else None
    if job.status not in (JobStatus.QUEUED, JobStatus.RETRYING):
        return None
    return tryon_jobs.count(
        where(Job.kind, "=", TRYON_KIND), where(Job.queue, "=", job.queue), where(Job.status, "in", OPEN),
        where(Job.created_at, "<", job.created_at),
    )  # fmt: skip
