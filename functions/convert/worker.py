"""The worker of conversions: two images in, one picture out, committed with everything that follows from it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from shared import blobs, clock, notifications, telemetry
from shared.commerce import quota
from shared.commerce.documents import BillableDocument
from shared.documents import Document, Operation, store
from shared.errors import StudioError, Unprocessable, UpstreamError
from shared.gemini import Gemini, Picture
from shared.images.access import get_visible_image
from shared.images.documents import ImageKind, StoredRenditions, images, ready_image
from shared.images.renditions import ORIGINAL, sanitize_image, store_renditions
from shared.jobs.models import Job, JobStatus
from shared.jobs.protocol import Outcome
from shared.jobs.step import Task
from shared.webhooks.publish import WebhookPublisher

CONTAINER = "studio"


class ConversionStep(WebhookPublisher):
    """The `convert` queue's step (see `shared.jobs.consumer.Step`)."""

    def __init__(self) -> None:
        self._gemini = Gemini()

    def run(self, task: Task) -> Outcome:
        """Fetch both images, let Gemini make the picture, store it with its thumbnail.

        Raises:
            StudioError: as `Gemini.convert` says; `image_gone` when an input was deleted meanwhile.
        """
        record = store().read(CONTAINER, task.payload["conversionId"], task.user_id)
        self._remove_attempts(task.job, before=task.job["fence"])
        task.progress("fetching", 5)
        person = self._fetch(record["userImageId"], task.user_id)
        cloth = self._fetch(record["clothImageId"], task.user_id)
        task.progress("converting", 20)
        answer = self._gemini.convert(person, cloth, record["options"])
        task.progress("storing", 80)
        try:
            picture = sanitize_image(answer.data)
        except StudioError as error:
            if error.retryable:
                raise
            raise UpstreamError("the picture that came back can't be used", code="bad_picture", max_tries=2) from None
        image_id = clock.new_id()
        stored = store_renditions(picture, self._prefix(task.job) + task.attempt_key, container=blobs.RESULTS)
        task.progress("finishing", 100)
        return self._outcome(task.job, record, image_id, stored, answer.tokens)

    def _outcome(self, job: Job, record: Document, image_id: str, stored: StoredRenditions, tokens: int) -> Outcome:
        elapsed_ms = round((clock.now() - _epoch(job["startedAt"])) * 1000)
        result = ready_image(image_id, job.user_id, stored, kind=ImageKind.RESULT, conversion_id=record["id"])
        operations: list[Operation] = [images.creation(result)]
        paid: dict[str, Any] = {}
        if not record["charged"]:
            payment = quota.charge(job["userId"])
            operations.append(payment.operation)
            paid = {change.path: change.value for change in payment.changes}
        operations += notifications.announce(
            job["userId"],
            "conversion.completed",
            f"{self._id(job)}-{job['generation']}-completed",
            {
                "conversionId": self._id(job),
                "resultImageId": image_id,
                "seconds": round(elapsed_ms / 1000, 1),
            },
            request_id=job.get("requestId"),
        )
        return Outcome(
            result={"conversionId": self._id(job), "resultImageId": image_id, "tokens": tokens},
            operations=operations,
            subject={
                "resultImageId": image_id,
                "processingMs": elapsed_ms,
                "error": None,
                "charged": True,
                **paid,
            },
        )

    def on_end(self, job: Job, status: JobStatus, error: StudioError | None) -> Outcome:
        """Give the quota back; after a failure tell the user on every channel."""
        record = store().find(CONTAINER, job["payload"]["conversionId"], job["userId"])
        if record is None:
            return Outcome()
        operations: list[Operation] = []
        if record["charged"]:
            operations.append(quota.release(BillableDocument.model_validate(record)))
        if error is not None:
            operations += notifications.announce(
                job["userId"],
                "conversion.failed",
                f"{self._id(job)}-{job['generation']}-failed",
                {"conversionId": self._id(job), "code": error.code, "reason": reason(error.code)},
                request_id=job.get("requestId"),
            )
        return Outcome(operations=operations, subject={"charged": False})

    def after_commit(self, job: Job) -> None:
        """Note how long it took, now that it counts; after any other end remove what the attempts have stored."""
        if job["status"] == JobStatus.COMPLETED:
            telemetry.observe("studio_conversion_seconds", clock.now() - _epoch(job["startedAt"]))
        else:
            self._remove_attempts(job, before=job["fence"] + 1)

    def on_lease_lost(self, job: Job) -> None:
        """Remove what this attempt and those before it stored: another one commits."""
        self._remove_attempts(job, before=job["fence"] + 1)

    def push(self, job: Job) -> None:
        """Tell the user's open pages how the job stands."""
        notifications.push_job(job)

    @staticmethod
    def _id(job: Job) -> str:
        return job["payload"]["conversionId"].removeprefix("conversion:")

    def _prefix(self, job: Job) -> str:
        return f"{job['userId']}/{self._id(job)}/"

    def _remove_attempts(self, job: Job, *, before: int) -> None:
        """Remove the blobs of attempts whose fence is lower: theirs can't be committed any more.

        Fences only grow, so a worker that was overtaken never touches what a later one has committed.
        """
        prefix = self._prefix(job)
        for container in (blobs.RESULTS, blobs.THUMBNAILS):
            for blob in list(blobs.listing(container, prefix)):
                fence = blob.name.removeprefix(prefix).partition("/")[0].rpartition("-")[2]
                if int(fence) < before:
                    blobs.delete(container, blob.name)

    @staticmethod
    def _fetch(image_id: str, user_id: str) -> Picture:
        try:
            original = get_visible_image(image_id, user_id).renditions[ORIGINAL]
            return Picture(blobs.get(original.container, original.name), original.content_type)
        except StudioError as error:
            if error.status == 404:
                raise Unprocessable("an image of this conversion was deleted", code="image_gone") from None
            raise


REASONS = {
    "blocked": "The pictures were refused by the content policy.",
    "image_gone": "One of its pictures was deleted meanwhile.",
    "no_image": "The model answered without a picture.",
    "bad_picture": "The picture that came back could not be used.",
}


def reason(code: str) -> str:
    """What a user is told of a failure: its cause where it is theirs to know, nothing of our insides otherwise."""
    return REASONS.get(code, "The service that makes the pictures had a problem.")


def _epoch(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
