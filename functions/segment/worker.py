"""The worker of the `segment` queue: large pictures, and lists of them."""

from __future__ import annotations

from typing import Any

from shared import notifications
from shared.errors import StudioError, Unprocessable
from shared.images.sources import Source
from shared.jobs.models import Job, JobStatus
from shared.jobs.protocol import Outcome
from shared.jobs.step import Task
from shared.vision import stored
from shared.webhooks.publish import WebhookPublisher


class SegmentStep(WebhookPublisher):
    """The `segment` queue's step (see `shared.jobs.consumer.Step`). Each picture's result is stored on its own, so a
    repeated attempt only does what is missing."""

    def run(self, task: Task) -> Outcome:
        """Segment every picture; one that can't be does not spoil the others.

        Raises:
            StudioError: of the only picture, or a retryable one of any.
        """
        items: list[dict[str, Any]] = task.payload["items"]
        done: list[dict[str, Any]] = []
        for number, item in enumerate(items):
            task.progress("segmenting", round(100 * number / len(items)))
            source = Source(**item)
            try:
                record, _ = stored.settle(
                    task.user_id, source, source.read(), task.payload["target"], task.payload["output"]
                )
            except StudioError as error:
                if error.retryable or error.status >= 500 or len(items) == 1:
                    raise _gone(error) from error
                done.append({"imageId": source.image_id, "error": {"code": error.code, "message": error.message}})
            else:
                done.append({"imageId": source.image_id, "segmentationId": record["id"].removeprefix("segmentation:")})
        task.progress("segmenting", 100)
        return Outcome(result={"items": done})

    def on_end(self, job: Job, status: JobStatus, error: StudioError | None) -> Outcome:
        """Nothing was promised beside the job."""
        return Outcome()

    def after_commit(self, job: Job) -> None:
        """Nothing to tidy."""

    def on_lease_lost(self, job: Job) -> None:
        """Nothing to tidy: what was stored is right for every attempt."""

    def push(self, job: Job) -> None:
        """Tell the user's open pages how the job stands."""
        notifications.push_job(job)


def _gone(error: StudioError) -> StudioError:
    if error.status == 404:
        return Unprocessable("the picture was deleted", code="image_gone")
    return error
