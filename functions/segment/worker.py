"""The worker of the `segment` queue: large images, and lists of images."""

from __future__ import annotations

from functions.segment.documents import SegmentedItem, SegmentJobResult, SegmentPayload
from shared import notifications
from shared.errors import StudioError, Unprocessable
from shared.jobs.models import Job, RunError
from shared.jobs.protocol import Outcome
from shared.jobs.step import Task
from shared.vision import stored
from shared.webhooks.publish import WebhookPublisher


class SegmentStep(WebhookPublisher):
    """The `segment` queue's step. Each image's result is stored on its own, so a repeated attempt does what is left."""

    def run(self, task: Task) -> Outcome:
        """Segment every image; one that fails does not affect the others.

        Raises:
            StudioError: of the only image, or a retryable one of any.
        """
        payload = task.payload_as(SegmentPayload)
        done: list[SegmentedItem] = []
        for number, item in enumerate(payload.items):
            task.progress("segmenting", round(100 * number / len(payload.items)))
            source = item.source
            try:
                segmentation, _ = stored.get_or_compute(
                    task.user_id, source, source.read(), payload.target, payload.output
                )
            except StudioError as error:
                if error.retryable or error.status >= 500 or len(payload.items) == 1:
                    raise _as_deleted(error) from error
                failure = RunError(code=error.code, message=error.message)
                done.append(SegmentedItem(image_id=source.image_id, error=failure))
            else:
                done.append(SegmentedItem(image_id=source.image_id, segmentation_id=segmentation.id.public))
        task.progress("segmenting", 100)
        return Outcome(result=SegmentJobResult(items=done))

    def push(self, job: Job) -> None:
        """Send the job's state to the user's open pages."""
        notifications.push_job(job)


def _as_deleted(error: StudioError) -> StudioError:
    if error.status == 404:
        return Unprocessable("the image was deleted", code="image_gone")
    return error
