"""The worker of the `tryon` queue: inspects the images, has an engine make the results, commits them.

Try-ons and conversions are the same job. Hosted engines run here, others in the container.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel

from functions.tryon import batches, fan_out, hosted, inspection, orphans, runs
from functions.tryon.outputs import StoredSample, store_samples
from shared import clock, telemetry
from shared.blobs import Kept
from shared.commerce import cancellations, quota
from shared.documents import Operation
from shared.documents.fields import Change, assign
from shared.errors import ConfigurationError, StudioError
from shared.images.deletion import delete_if_idle
from shared.jobs import protocol
from shared.jobs.models import Job, JobProgress, JobStatus
from shared.jobs.protocol import Outcome
from shared.jobs.step import Task
from shared.notifications.announce import announce
from shared.notifications.push import push_job
from shared.tryons.documents import (
    BATCH_KIND,
    TRYON_KIND,
    Door,
    EngineRun,
    TryOnDocument,
    TryOnFailure,
    TryOnJobResult,
    TryOnPayload,
    retention_s,
    tryons,
)
from shared.tryons.run_webhooks import with_run_webhook
from shared.vto.engines import GEMINI, HOSTED, label
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
        kept = Kept()
        categories = _inspect(tryon, kept)
        request = runs.build_request(task, tryon, categories)
        task.progress("trying on", runs.RUN_STARTS_AT)
        result = hosted.finish(task, tryon, request, kept) if _is_hosted(tryon) else runs.finish(task, request)
        task.progress("storing", runs.RUN_ENDS_AT)
        stored = store_samples(result, request, kept)
        return self._outcome(task.job, result, stored, categories)

    def _outcome(
        self, job: Job, result: TryOnResult, stored: Sequence[StoredSample], categories: Sequence[Category | None]
    ) -> Outcome:
        tryon = tryons.get(job.payload_as(TryOnPayload).tryon_id, job.user_id)
        elapsed_ms = round(_elapsed_s(job) * 1000)
        operations: list[Operation] = []
        for sample in stored:
            operations += sample.creations(tryon, result)
        payment: Sequence[Change] = ()
        if is_low(result):
            # A result that is not worth its price costs nothing.
            if tryon.charged:
                operations.append(quota.release(tryon))
            payment = (assign(TryOnDocument.charged, False),)
        elif not tryon.charged:
            reservation = quota.charge(job.user_id)
            operations.append(reservation.operation)
            payment = reservation.changes
        image_ids = [sample.image_id for sample in stored]
        facts = {
            "seconds": round(elapsed_ms / 1000, 1),
            "resultImageId": image_ids[0],
            "engine": result.engine,
            "madeBy": f"Made by {label(result.engine)}.",
        }
        operations += _notification(job, tryon, "completed", facts)
        garments = [
            garment.model_copy(update={"category": category})
            for garment, category in zip(tryon.garments, categories, strict=True)
        ]
        run = EngineRun(engine=result.engine, version=result.version, processing_ms=elapsed_ms)
        return Outcome(
            result=TryOnJobResult(
                tryon_id=tryon.id.public, result_image_ids=image_ids, result_image_id=image_ids[0], engine=result.engine
            ),
            operations=operations,
            subject=[
                assign(TryOnDocument.result_image_ids, image_ids),
                assign(TryOnDocument.run, run),
                assign(TryOnDocument.garments, garments),
                assign(TryOnDocument.error, None),
                assign(TryOnDocument.ttl, retention_s()),
                *payment,
            ],
            progress=JobProgress(step="finishing", percent=100, at=clock.iso()),
        )

    def on_end(self, job: Job, status: JobStatus, error: StudioError | None) -> Outcome:
        """Cancel the run of a cancelled job, release the payment, notify the user of a failure.

        A hosted engine that was called has to be paid: cancelled then, the charge is kept, except for a few a day.
        """
        if job.kind == BATCH_KIND:
            if status is JobStatus.CANCELLED:
                batches.cancel_items(job)
            return Outcome()
        tryon = tryons.find(job.payload_as(TryOnPayload).tryon_id, job.user_id)
        if status is JobStatus.CANCELLED and job.fence and not (tryon and _is_hosted(tryon)):
            runs.cancel_run(job)
        if tryon is None:
            return Outcome()
        operations: list[Operation] = []
        subject: list[Change] = []
        if tryon.charged and (released := _release(job, status, tryon)):
            operations += released
            subject.append(assign(TryOnDocument.charged, False))
        if status is JobStatus.CANCELLED:
            subject.append(assign(TryOnDocument.ttl, retention_s()))
        if error is not None:
            subject.append(assign(TryOnDocument.error, TryOnFailure.of(error)))
            facts = {"code": error.code, "reason": reason(error)}
            operations += _notification(job, tryon, "failed", facts)
        return Outcome(operations=operations, subject=subject)

    def before_commit(self, job: Job, status: JobStatus, outcome: Outcome, error: StudioError | None) -> Outcome:
        """The outcome with its deliveries, and with the job that posts a run of FASHN's wire."""
        outcome = super().before_commit(job, status, outcome, error)
        if job.kind != TRYON_KIND or job.payload_as(TryOnPayload).door is not Door.FASHN:
            return outcome
        tryon = tryons.find(job.payload_as(TryOnPayload).tryon_id, job.user_id)
        asked = tryon.fashn if tryon else None
        return outcome if asked is None or asked.webhook_url is None else with_run_webhook(job, outcome)

    def after_commit(self, job: Job) -> None:
        """Measure the duration and delete what earlier attempts have left; after any other end delete all that the
        container stored. Create a batch's next try-on, and notify of the batch's end."""
        if job.kind == TRYON_KIND:
            if job.status is not JobStatus.DEAD:
                _delete_inputs(job)
            if job.status is JobStatus.COMPLETED:
                telemetry.observe("studio_tryon_seconds", _elapsed_s(job))
                if not job.is_first_claim:
                    # Only what was claimed before can have left something.
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
        push_job(job)


def _inspect(tryon: TryOnDocument, kept: Kept) -> Sequence[Category | None]:
    """How each garment is worn; None where an engine that paints the whole picture needs no answer."""
    if tryon.door is Door.CONVERSIONS and tryon.engine == GEMINI:
        return inspection.inspect_loosely(tryon.user_id, tryon.person, tryon.garments, kept)
    return inspection.inspect(tryon.user_id, tryon.person, tryon.garments, tryon.mask, kept)


def _delete_inputs(job: Job) -> None:
    """Delete the images that came with the request itself; what a crash leaves, the sweeper deletes."""
    payload = job.payload_as(TryOnPayload)
    tryon = tryons.find(payload.tryon_id, job.user_id) if payload.door is Door.FASHN else None
    if tryon is None or tryon.fashn is None:
        return
    for id in tryon.fashn.input_ids:
        delete_if_idle(id, job.user_id)


def _is_hosted(tryon: TryOnDocument) -> bool:
    return tryon.engine in HOSTED


def _release(job: Job, status: JobStatus, tryon: TryOnDocument) -> list[Operation]:
    """The writes that give back what a try-on was paid with; none if its charge is kept."""
    if status is not JobStatus.CANCELLED or tryon.called_in != job.generation:
        return [quota.release(tryon)]
    free = cancellations.take_free(job.user_id)
    telemetry.count("studio_paid_cancellations", engine=tryon.engine, free=str(free is not None).lower())
    return [] if free is None else [quota.release(tryon), free]


def is_low(result: TryOnResult) -> bool:
    """Whether the engine itself gives every sample a low quality."""
    notes = [note for sample in result.samples for note in sample.report.notes]
    return any(QualityNote.model_validate(note).quality == "low" for note in notes)


class QualityNote(BaseModel):
    """What an engine notes of the quality of its result."""

    quality: str | None = None


def _notification(job: Job, tryon: TryOnDocument, end: str, facts: Mapping[str, Any]) -> list[Operation]:
    """The notification of an end, unless a caller waits for the response or the batch has its own."""
    if not tryon.notify:
        return []
    id = tryon.id.public
    name, id_name = ("conversion", "conversionId") if tryon.door is Door.CONVERSIONS else ("tryon", "tryonId")
    key = f"{id}-{job.generation}-{end}"
    data = {id_name: id, **facts}
    return announce(job.user_id, f"{name}.{end}", key, data, request_id=job.request_id)


def reason(error: StudioError) -> str:
    """What a user sees of a failure: what is wrong with the images, and nothing about our systems."""
    if error.status == 422:
        return f"{error.message[:1].upper()}{error.message[1:]}."
    return "The service that makes the pictures had a problem."


def _elapsed_s(job: Job) -> float:
    """Seconds since the start of the first attempt."""
    return clock.now() - datetime.fromisoformat(str(job.started_at)).timestamp()
