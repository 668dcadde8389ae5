"""The worker of the `tryon` queue: look at the pictures, have the container make the result, commit what follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from functions.tryon import batches, fan_out, inspection, orphans, records, runs
from functions.tryon.inputs import Garment
from functions.tryon.outputs import Made, fetched
from shared import clock, notifications, telemetry
from shared.commerce import quota
from shared.commerce.documents import BillableDocument
from shared.documents import Document, Operation, store
from shared.errors import ConfigurationError, StudioError
from shared.images.sources import Source
from shared.jobs import protocol
from shared.jobs.models import Job, JobStatus
from shared.jobs.protocol import Outcome
from shared.jobs.step import Task
from shared.vto import errors
from shared.vto.protocol import Category, TryOnResult
from shared.webhooks.publish import WebhookPublisher

UNMADE = (JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.DEAD)


class TryOnStep(WebhookPublisher):
    """The `tryon` queue's step (see `shared.jobs.consumer.Step`); batches are jobs of the same queue."""

    def run(self, task: Task) -> Outcome:
        """Make a try-on, or ask for those of a batch.

        Raises:
            StudioError: of `shared.vto.errors`; while the container is away the job waits without using attempts up.
        """
        if task.job["kind"] == records.BATCH_KIND:
            return fan_out.expand(task)
        try:
            return self._made(task)
        except (*runs.AWAY, ConfigurationError) as error:
            raise runs.patient(task.job, error) from None

    def _made(self, task: Task) -> Outcome:
        record = store().read(records.CONTAINER, task.payload["tryonId"], task.user_id)
        fan_out.check(record)
        garments = [Garment.of(one) for one in record["garments"]]
        person = Source(**record["person"])
        mask = Source(**record["mask"]) if record["mask"] else None
        task.progress("segmenting", 5)
        categories = inspection.look(task.user_id, person, garments, mask)
        wanted = runs.request(task, record, person, garments, categories, mask)
        task.progress("trying on", runs.SEEN)
        result = runs.finish(task, wanted)
        task.progress("storing", runs.MADE)
        made = fetched(result, wanted)
        task.progress("finishing", 100)
        return self._outcome(task.job, result, made, categories)

    def _outcome(self, job: Job, result: TryOnResult, made: Sequence[Made], categories: Sequence[Category]) -> Outcome:
        record = store().read(records.CONTAINER, job["payload"]["tryonId"], job["userId"])
        elapsed_ms = round((clock.now() - _epoch(job["startedAt"])) * 1000)
        operations: list[Operation] = []
        for one in made:
            operations += one.documents(record, result)
        paid: dict[str, Any] = {}
        if not record["charged"]:
            payment = quota.charge(job["userId"])
            operations.append(payment.operation)
            paid = {change.path: change.value for change in payment.changes}
        image_ids = [one.image_id for one in made]
        seconds = round(elapsed_ms / 1000, 1)
        operations += _announced(job, record, "tryon.completed", {"seconds": seconds, "resultImageId": image_ids[0]})
        garments = [{**one, "category": found} for one, found in zip(record["garments"], categories, strict=True)]
        subject = {
            "resultImageIds": image_ids,
            "made": {"engine": result.engine, "version": result.version, "ms": elapsed_ms},
            "garments": garments,
            "error": None,
            "charged": True,
            "ttl": records.keep_s(),
            **paid,
        }
        return Outcome({"tryonId": records.short(record), "resultImageIds": image_ids}, operations, subject)

    def on_end(self, job: Job, status: JobStatus, error: StudioError | None) -> Outcome:
        """Stop what is cancelled, give the payment back; tell the user of a failure, unless somebody waits for it."""
        if job["kind"] == records.BATCH_KIND:
            if status == JobStatus.CANCELLED:
                batches.stop_items(job)
            return Outcome()
        if status == JobStatus.CANCELLED and job["fence"]:
            runs.stop(job)
        record = store().find(records.CONTAINER, job["payload"]["tryonId"], job["userId"])
        if record is None:
            return Outcome()
        operations: list[Operation] = (
            [quota.release(BillableDocument.model_validate(record))] if record["charged"] else []
        )
        subject: dict[str, Any] = {"charged": False}
        if status == JobStatus.CANCELLED:
            subject["ttl"] = records.keep_s()
        if error is not None:
            subject["error"] = {"code": error.code, "message": error.message, "retryable": error.retryable}
            facts = {"code": error.code, "reason": reason(error.code, error.message)}
            operations += _announced(job, record, "tryon.failed", facts)
        return Outcome(operations=operations, subject=subject)

    def after_commit(self, job: Job) -> None:
        """Note how long it took and remove what attempts before have left; after any other end remove whatever the
        container made. Ask for a batch's next, and tell of its last."""
        if job["kind"] == records.KIND:
            if job["status"] == JobStatus.COMPLETED:
                telemetry.observe("studio_tryon_seconds", clock.now() - _epoch(job["startedAt"]))
                orphans.tidy(job)
            else:
                if job["status"] == JobStatus.DEAD:
                    runs.stop(job)
                orphans.remove(job["userId"], orphans.life(job))
            fan_out.go_on(job)
        batches.tell(job)

    def on_lease_lost(self, job: Job) -> None:
        """Leave what there is to whoever goes on: all attempts of a generation have the same blobs. Where nobody does,
        since the job has ended otherwise or went with its person, stop the run and remove them; where somebody was
        faster, what the result, which may have been deleted since, does not name."""
        if job["kind"] != records.KIND:
            return
        now = protocol.jobs.find(job["id"], job["userId"])
        if now is None or now["generation"] != job["generation"] or now["status"] in UNMADE:
            runs.stop(job)
            orphans.remove(job["userId"], orphans.life(job))
        else:
            orphans.tidy(job)

    def push(self, job: Job) -> None:
        """Tell the user's open pages how the job stands."""
        notifications.push_job(job)


def _announced(job: Job, record: Document, event: str, facts: Mapping[str, Any]) -> list[Operation]:
    """The notification of an end, unless somebody waits for the answer or the batch tells for all."""
    if not record["notify"]:
        return []
    id = records.short(record)
    key = f"{id}-{job['generation']}-{event.rpartition('.')[2]}"
    return notifications.announce(
        job["userId"], event, key, {"tryonId": id, **facts}, request_id=job.get("requestId")
    )  # fmt: skip


def reason(code: str, message: str) -> str:
    """What a user is told of a failure: what is wrong with the pictures, nothing of our insides otherwise."""
    kind = errors.KINDS.get(errors.current_code(code))
    if (kind is not None and kind.status == 422) or code == "image_gone":
        return f"{message[:1].upper()}{message[1:]}."
    return "The service that makes the pictures had a problem."


def _epoch(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
