"""The worker of the `segment` queue: large images, and lists of images."""

from __future__ import annotations

from functions.segment.documents import SegmentedItem, SegmentJobResult, SegmentPayload
from shared.errors import StudioError, Unprocessable
from shared.images.sources import Source
from shared.jobs.items import Items
from shared.jobs.models import Job
from shared.jobs.protocol import Outcome
from shared.jobs.step import Task
from shared.notifications.push import push_job
from shared.vision import stored
from shared.webhooks.publish import WebhookPublisher


class SegmentStep(WebhookPublisher):
    """The `segment` queue's step. Each image's result is stored on its own, so a repeated attempt does what is left."""

    def run(self, task: Task) -> Outcome:
        """Segment every image; one that fails does not affect the others.

        Raises:
            StudioError: of the only image, or of one that may succeed with another attempt.
        """
        payload = task.payload_as(SegmentPayload)
        if len(payload.items) == 1:
            only = payload.items[0].source
            try:
                done = {0: self._segment(task, payload, only)}
            except StudioError as error:
                raise _as_deleted(error) from error
            return Outcome(result=SegmentJobResult(items=[done[0]]))
        items = Items[int](task, "segment")
        done = dict[int, SegmentedItem]()
        for number, item in enumerate(payload.items):
            task.progress("segmenting", round(100 * number / len(payload.items)))
            with items.item(number, imageId=item.image_id):
                done[number] = self._segment(task, payload, item.source)
        items.leave_rest()
        task.progress("segmenting", 100)
        for number, failure in items.failed.items():
            done[number] = SegmentedItem(image_id=payload.items[number].image_id, error=failure)
        return Outcome(result=SegmentJobResult(items=[done[number] for number in sorted(done)]))

    def _segment(self, task: Task, payload: SegmentPayload, source: Source) -> SegmentedItem:
        found, _ = stored.get_or_compute(task.user_id, source, source.read(), payload.target, payload.output)
        return SegmentedItem(image_id=source.image_id, segmentation_id=found.id.public)

    def push(self, job: Job) -> None:
        """Send the job's state to the user's open pages."""
        push_job(job)


def _as_deleted(error: StudioError) -> StudioError:
    if error.status == 404:
        return Unprocessable("the image was deleted", code="image_gone")
    return error
