"""The worker of the `tryon` queue: inspects the images, has the container make the results, commits them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from functions.tryon import batches, fan_out, inspection, orphans, runs
from functions.tryon.documents import (
    BATCH_KIND,
    TRYON_KIND,
    EngineRun,
    TryOnDocument,
    TryOnFailure,
    TryOnJobResult,
    TryOnPayload,
    retention_s,
    tryons,
)
from functions.tryon.outputs import StoredSample, store_samples
from shared import clock, notifications, telemetry
from shared.commerce import ceilings, quota
from shared.commerce.ceilings import Spending
from shared.documents import Operation
from shared.documents.fields import Change, assign
from shared.errors import ConfigurationError, StudioError
from shared.jobs import protocol
from shared.jobs.models import Job, JobStatus
from shared.jobs.protocol import Outcome
from shared.jobs.step import Task
from shared.vto import engines, errors
from shared.vto.protocol import Category, TryOnResult
from shared.webhooks.publish import WebhookPublisher

WITHOUT_RESULT: Final = (JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.DEAD)


class TryOnStep(WebhookPublisher):
    """The `tryon` queue's step; batches are jobs of the same queue."""

    def run(self, task: Task) -> Outcome:
        """Make a try-on, or create those of a batch.

        Raises:
            StudioError: of `shared.vto.errors`; while the container is down the job waits without using attempts.
        """
        if task.job.kind == BATCH_KIND:
            return fan_out.run_batch(task)
        try:
            return self._make(task)
        except (*runs.WAITING_ERRORS, ConfigurationError) as error:
            raise runs.as_waiting(task.job, error) from None

    def _make(self, task: Task) -> Outcome:
        tryon = tryons.get(task.payload_as(TryOnPayload).tryon_id, task.user_id)
        fan_out.require_open_batch(tryon)
        task.progress("segmenting", 5)
        categories = inspection.inspect(task.user_id, tryon.person, tryon.garments, tryon.mask)
        request = runs.build_request(task, tryon, categories)
        task.progress("trying on", runs.RUN_STARTS_AT)
        if request.engine in engines.HOSTED:
            ceilings.take(Spending.CONVERSION)
        result = runs.finish(task, request)
        task.progress("storing", runs.RUN_ENDS_AT)
        stored = store_samples(result, request)
        task.progress("finishing", 100)
        return self._outcome(task.job, result, stored, categories)

    def _outcome(
        self, job: Job, result: TryOnResult, stored: Sequence[StoredSample], categories: Sequence[Category]
    ) -> Outcome:
        tryon = tryons.get(job.payload_as(TryOnPayload).tryon_id, job.user_id)
        elapsed_ms = round(_elapsed_s(job) * 1000)
        operations: list[Operation] = []
        for sample in stored:
            operations += sample.creations(tryon, result)
        payment: Sequence[Change] = ()
        if not tryon.charged:
            reservation = quota.charge(job.user_id)
            operations.append(reservation.operation)
            payment = reservation.changes
        image_ids = [sample.image_id for sample in stored]
        facts = {"seconds": round(elapsed_ms / 1000, 1), "resultImageId": image_ids[0]}
        operations += _notification(job, tryon, "tryon.completed", facts)
        garments = [
            garment.model_copy(update={"category": category})
            for garment, category in zip(tryon.garments, categories, strict=True)
        ]
        run = EngineRun(engine=result.engine, version=result.version, processing_ms=elapsed_ms)
        return Outcome(
            result=TryOnJobResult(tryon_id=tryon.id.public, result_image_ids=image_ids),
            operations=operations,
            subject=[
                assign(TryOnDocument.result_image_ids, image_ids),
                assign(TryOnDocument.run, run),
                assign(TryOnDocument.garments, garments),
                assign(TryOnDocument.error, None),
                assign(TryOnDocument.ttl, retention_s()),
                *payment,
            ],
        )

    def on_end(self, job: Job, status: JobStatus, error: StudioError | None) -> Outcome:
        """Cancel the run of a cancelled job, release the payment, notify the user of a failure."""
        if job.kind == BATCH_KIND:
            if status is JobStatus.CANCELLED:
                batches.cancel_items(job)
            return Outcome()
        if status is JobStatus.CANCELLED and job.fence:
            runs.cancel_run(job)
        tryon = tryons.find(job.payload_as(TryOnPayload).tryon_id, job.user_id)
        if tryon is None:
            return Outcome()
        operations: list[Operation] = [quota.release(tryon)] if tryon.charged else []
        subject: list[Change] = [assign(TryOnDocument.charged, False)]
        if status is JobStatus.CANCELLED:
            subject.append(assign(TryOnDocument.ttl, retention_s()))
        if error is not None:
            subject.append(assign(TryOnDocument.error, TryOnFailure.of(error)))
            facts = {"code": error.code, "reason": reason(error.code, error.message)}
            operations += _notification(job, tryon, "tryon.failed", facts)
        return Outcome(operations=operations, subject=subject)

    def after_commit(self, job: Job) -> None:
        """Measure the duration and delete what earlier attempts have left; after any other end delete all that the
        container stored. Create a batch's next try-on, and notify of the batch's end."""
        if job.kind == TRYON_KIND:
            if job.status is JobStatus.COMPLETED:
                telemetry.observe("studio_tryon_seconds", _elapsed_s(job))
                orphans.delete_unreferenced(job)
            else:
                if job.status is JobStatus.DEAD:
                    runs.cancel_run(job)
                orphans.delete_blobs(job.user_id, orphans.generation_path(job))
            fan_out.continue_batches(job)
        batches.notify_when_done(job)

    def on_lease_lost(self, job: Job) -> None:
        """Leave the blobs to the worker that continues: all attempts of a generation have the same. If none does, since
        the job has ended without a result or was deleted with its user, cancel the run and delete them; if another
        worker was faster, delete what its result, which may have been deleted since, does not name."""
        if job.kind != TRYON_KIND:
            return
        current = protocol.jobs.find(job.id, job.user_id)
        if current is None or current.generation != job.generation or current.status in WITHOUT_RESULT:
            runs.cancel_run(job)
            orphans.delete_blobs(job.user_id, orphans.generation_path(job))
        else:
            orphans.delete_unreferenced(job)

    def push(self, job: Job) -> None:
        """Send the job's state to the user's open pages."""
        notifications.push_job(job)


def _notification(job: Job, tryon: TryOnDocument, event: str, facts: Mapping[str, Any]) -> list[Operation]:
    """The notification of an end, unless a caller waits for the response or the batch has its own."""
    if not tryon.notify:
        return []
    id = tryon.id.public
    key = f"{id}-{job.generation}-{event.rpartition('.')[2]}"
    return notifications.announce(job.user_id, event, key, {"tryonId": id, **facts}, request_id=job.request_id)


def reason(code: str, message: str) -> str:
    """What a user sees of a failure: what is wrong with the images, and nothing about our systems."""
    kind = errors.KINDS.get(code)
    if (kind is not None and kind.status == 422) or code == "image_gone":
        return f"{message[:1].upper()}{message[1:]}."
    return "The service that makes the pictures had a problem."


def _elapsed_s(job: Job) -> float:
    """Seconds since the start of the first attempt."""
    return clock.now() - datetime.fromisoformat(str(job.started_at)).timestamp()
