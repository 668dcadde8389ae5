"""The worker of the `convert` queue, which former releases filled: it carries their conversions on as try-ons."""

from __future__ import annotations

from pydantic_core import to_jsonable_python

from shared import clock
from shared.commerce import quota
from shared.conversions.documents import ConversionDocument, ConversionPayload, conversions
from shared.documents import Operation, fields, store
from shared.documents.fields import assign, where
from shared.errors import BatchFailed, StudioError, Unprocessable
from shared.images import sources
from shared.jobs import protocol, queues
from shared.jobs.models import Job, JobStatus
from shared.jobs.protocol import LeaseLost, Outcome
from shared.jobs.step import Step, Task
from shared.notifications.announce import announce
from shared.tryons.documents import TRYON_KIND, Door, StoredImage, TryOnGarment, TryOnPayload, new_tryon, tryons
from shared.vto.engines import choose_for_conversion


class ConversionStep(Step):
    """The `convert` queue's step (see `shared.jobs.step.Step`)."""

    def run(self, task: Task) -> Outcome:
        """Turn the conversion's document into a try-on's, and its job into one of the `tryon` queue, in one batch.

        Raises:
            LeaseLost: always, once that is done: the job is another queue's.
            Unprocessable: `image_gone`.
        """
        job = task.job
        conversion = conversions.get(job.payload_as(ConversionPayload).conversion_id, task.user_id)
        tryon, _ = new_tryon(
            conversion.id.public,
            task.user_id,
            _stored(conversion.person_image_id, task.user_id),
            [TryOnGarment(image=_stored(conversion.garment_image_id, task.user_id))],
            seed=conversion.options.seed,
            engine=choose_for_conversion(None),
            notify=True,
            door=Door.CONVERSIONS,
            options=conversion.options,
            request_id=conversion.request_id,
        )
        paid = tryon.model_copy(
            update={
                "charged": conversion.charged,
                "paid_by": conversion.paid_by,
                "quota_id": conversion.quota_id,
                "created_at": conversion.created_at,
            }
        )
        payload = TryOnPayload(tryon_id=tryon.id, door=Door.CONVERSIONS)
        moved = fields.patch(
            job.id,
            (
                assign(Job.kind, TRYON_KIND),
                assign(Job.queue, queues.TRYON),
                assign(Job.status, JobStatus.QUEUED),
                assign(Job.subject_id, tryon.id),
                assign(Job.payload, to_jsonable_python(payload, by_alias=True)),
                assign(Job.attempt, job.attempt - 1),
                assign(Job.lease_until, None),
                assign(Job.due_at, clock.now()),
            ),
            (where(Job.status, "=", JobStatus.PROCESSING), where(Job.fence, "=", job.fence)),
        )
        batch: list[Operation] = [moved, tryons.creation(paid), conversions.deletion(conversion.id)]
        try:
            fresh = store().batch(protocol.CONTAINER, task.user_id, batch)[0]
        except BatchFailed:
            raise LeaseLost from None
        protocol.enqueue(protocol.jobs.load(fresh))
        raise LeaseLost

    def on_end(self, job: Job, status: JobStatus, error: StudioError | None) -> Outcome:
        """One that ends before it is carried on: give back what it was paid with; after a failure notify the user."""
        conversion = conversions.find(job.payload_as(ConversionPayload).conversion_id, job.user_id)
        if conversion is None:
            return Outcome()
        operations: list[Operation] = [quota.release(conversion)] if conversion.charged else []
        if error is not None:
            id = conversion.id.public
            data = {"conversionId": id, "code": error.code, "reason": "One of its pictures was deleted meanwhile."}
            key = f"{id}-{job.generation}-failed"
            operations += announce(
                job.user_id, "conversion.failed", key, data, request_id=job.request_id
            )  # fmt: skip
        return Outcome(operations=operations, subject=[assign(ConversionDocument.charged, False)])


def _stored(image_id: str, user_id: str) -> StoredImage:
    try:
        return StoredImage.of(sources.by_id(image_id, user_id))
    except StudioError as error:
        if error.status not in (404, 422):
            raise
        raise Unprocessable("an image of this conversion was deleted", code="image_gone") from None
