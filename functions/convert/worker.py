"""The worker of conversions: two images in, one image out, committed with everything that follows from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from shared import blobs, clock, notifications, telemetry
from shared.commerce import ceilings, quota
from shared.commerce.ceilings import Spending
from shared.conversions.documents import (
    ConversionDocument,
    ConversionId,
    ConversionPayload,
    ConversionResult,
    conversions,
)
from shared.documents import Operation
from shared.documents.fields import Change, assign
from shared.errors import StudioError, Unprocessable, UpstreamError
from shared.gemini.answers import GeneratedImage, InlineImage
from shared.gemini.client import Gemini
from shared.gemini.errors import PROVIDER
from shared.images.access import get_visible_image
from shared.images.documents import ImageKind, StoredRenditions, images, ready_image
from shared.images.renditions import ORIGINAL, sanitize_image, store_renditions
from shared.images.sanitizer import SanitizedImage
from shared.jobs.models import Job, JobStatus
from shared.jobs.protocol import Outcome
from shared.jobs.step import Task
from shared.providers import circuit
from shared.webhooks.publish import WebhookPublisher

REASONS: Final = {
    "blocked": "The pictures were refused by the content policy.",
    "image_gone": "One of its pictures was deleted meanwhile.",
    "no_image": "The model answered without a picture.",
    "bad_picture": "The picture that came back could not be used.",
}


class ConversionStep(WebhookPublisher):
    """The `convert` queue's step (see `shared.jobs.consumer.Step`)."""

    def __init__(self) -> None:
        self._gemini = Gemini()

    def run(self, task: Task) -> Outcome:
        """Read both images, let Gemini make the result, store it with its smaller copies.

        Raises:
            StudioError: as `Gemini.generate`; `image_gone` if an input was deleted meanwhile.
        """
        conversion = conversions.get(_conversion_id(task.job), task.user_id)
        _delete_attempts(task.job, before=task.job.fence)
        task.progress("fetching", 5)
        person = _read(conversion.person_image_id, task.user_id)
        garment = _read(conversion.garment_image_id, task.user_id)
        task.progress("converting", 20)
        options = conversion.options
        ceilings.take(Spending.CONVERSION)
        with circuit.guarded(PROVIDER):
            generated = self._gemini.generate(
                person, garment, prompt=options.prompt, aspect_ratio=options.aspect_ratio, seed=options.seed
            )
        task.progress("storing", 80)
        prefix = f"{_prefix(task.job)}{task.attempt_key}"
        stored = store_renditions(_sanitize(generated), prefix, container=blobs.RESULTS)
        task.progress("finishing", 100)
        return _outcome(task.job, conversion, stored, generated.tokens)

    def on_end(self, job: Job, status: JobStatus, error: StudioError | None) -> Outcome:
        """Give back what it was paid with; after a failure notify the user."""
        conversion = conversions.find(_conversion_id(job), job.user_id)
        if conversion is None:
            return Outcome()
        operations: list[Operation] = []
        if conversion.charged:
            operations.append(quota.release(conversion))
        if error is not None:
            data = {"conversionId": conversion.id.public, "code": error.code, "reason": reason(error.code)}
            operations += _announce(job, conversion.id, "failed", data)
        return Outcome(operations=operations, subject=[assign(ConversionDocument.charged, False)])

    def after_commit(self, job: Job) -> None:
        """Record how long it took, now that it counts; after any other end delete what the attempts have stored."""
        if job.status is JobStatus.COMPLETED:
            telemetry.observe("studio_conversion_seconds", _elapsed_s(job))
        else:
            _delete_attempts(job, before=job.fence + 1)

    def on_lease_lost(self, job: Job) -> None:
        """Delete what this attempt and those before it stored: another one commits."""
        _delete_attempts(job, before=job.fence + 1)

    def push(self, job: Job) -> None:
        """Send the job's state to the user's open pages."""
        notifications.push_job(job)


def _read(image_id: str, user_id: str) -> InlineImage:
    try:
        original = get_visible_image(image_id, user_id).renditions[ORIGINAL]
        return InlineImage(blobs.get(original.container, original.name), original.content_type)
    except StudioError as error:
        if error.status == 404:
            raise Unprocessable("an image of this conversion was deleted", code="image_gone") from None
        raise


def _sanitize(generated: GeneratedImage) -> SanitizedImage:
    try:
        return sanitize_image(generated.data)
    except StudioError as error:
        if error.retryable:
            raise
        raise UpstreamError("the picture that came back can't be used", code="bad_picture", max_tries=2) from None


def _outcome(job: Job, conversion: ConversionDocument, stored: StoredRenditions, tokens: int) -> Outcome:
    elapsed_ms = round(_elapsed_s(job) * 1000)
    result_image = ready_image(clock.new_id(), job.user_id, stored, kind=ImageKind.RESULT, conversion_id=conversion.id)
    result = ConversionResult(conversion_id=conversion.id.public, result_image_id=result_image.id.public, tokens=tokens)
    data = {
        "conversionId": result.conversion_id,
        "resultImageId": result.result_image_id,
        "seconds": round(elapsed_ms / 1000, 1),
    }
    operations = [images.creation(result_image), *_announce(job, conversion.id, "completed", data)]
    payment: Sequence[Change] = ()
    if not conversion.charged:
        reservation = quota.charge(job.user_id)
        operations.append(reservation.operation)
        payment = reservation.changes
    return Outcome(
        result=result,
        operations=operations,
        subject=[
            assign(ConversionDocument.result_image_id, result.result_image_id),
            assign(ConversionDocument.processing_ms, elapsed_ms),
            assign(ConversionDocument.error, None),
            *payment,
        ],
    )


def _announce(job: Job, id: ConversionId, end: str, data: Mapping[str, object]) -> list[Operation]:
    key = f"{id.public}-{job.generation}-{end}"
    return notifications.announce(job.user_id, f"conversion.{end}", key, data, request_id=job.request_id)


def _conversion_id(job: Job) -> ConversionId:
    return job.payload_as(ConversionPayload).conversion_id


def _prefix(job: Job) -> str:
    return f"{job.user_id}/{_conversion_id(job).public}/"


def _delete_attempts(job: Job, *, before: int) -> None:
    """Delete the blobs of attempts whose fence is lower: theirs can't be committed any more.

    Fences only grow, so a worker that was overtaken never touches what a later one has committed.
    """
    prefix = _prefix(job)
    for container in (blobs.RESULTS, blobs.THUMBNAILS):
        for blob in list(blobs.listing(container, prefix)):
            fence = blob.name.removeprefix(prefix).partition("/")[0].rpartition("-")[2]
            if int(fence) < before:
                blobs.delete(container, blob.name)


def reason(code: str) -> str:
    """What a user reads about a failure: its cause if they can do something about it, no internals otherwise."""
    return REASONS.get(code, "The service that makes the pictures had a problem.")


def _elapsed_s(job: Job) -> float:
    """Seconds since the first attempt of this generation started."""
    return clock.now() - datetime.fromisoformat(str(job.started_at)).timestamp()
