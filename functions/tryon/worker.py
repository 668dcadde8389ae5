"""The worker of the `tryon` queue: look at the pictures, have the container make the result, commit what follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from functions.tryon import batches, inspection, records
from functions.tryon.inputs import Garment
from functions.tryon.outputs import Made, fetched
from shared import blobs, clock, notifications, telemetry
from shared.commerce import quota
from shared.documents import Document, Operation, store
from shared.errors import StudioError
from shared.images.sources import Source
from shared.jobs import protocol
from shared.jobs.consumer import Task
from shared.jobs.protocol import CancelRequested, Outcome
from shared.settings import settings
from shared.vto import client as vto
from shared.vto import errors
from shared.vto.protocol import Category, Input, Output, Run, TryOnRequest, TryOnResult
from shared.vto.protocol import Garment as WireGarment

SEEN, MADE = 15, 85
"""Percent at which the container begins and ends."""
UNMADE = (protocol.FAILED, protocol.CANCELLED, protocol.DEAD)
AWAY = (errors.EngineUnavailable, errors.EngineBusy, errors.NoAnswer)
"""What time alone mends: the job waits."""


class TryOnStep:
    """The `tryon` queue's step (see `shared.jobs.consumer.Step`); batches are jobs of the same queue."""

    def run(self, task: Task) -> Outcome:
        """Make a try-on, or ask for those of a batch.

        Raises:
            StudioError: of `shared.vto.errors`; while the container is away the job waits without using attempts up.
        """
        if task.job["kind"] == records.BATCH_KIND:
            return batches.expand(task)
        record = store().read(records.CONTAINER, task.payload["tryonId"], task.user_id)
        garments = [Garment.of(one) for one in record["garments"]]
        person = Source(**record["person"])
        mask = Source(**record["mask"]) if record["mask"] else None
        task.progress("segmenting", 5)
        categories = inspection.look(task.user_id, person, garments, mask)
        request = _request(task, record, person, garments, categories, mask)
        task.progress("trying on", SEEN)
        result = _run(task, request)
        task.progress("storing", MADE)
        made = fetched(result, request)
        task.progress("finishing", 100)
        return self._outcome(task.job, result, made, categories)

    def _outcome(
        self, job: Document, result: TryOnResult, made: Sequence[Made], categories: Sequence[Category]
    ) -> Outcome:
        record = store().read(records.CONTAINER, job["payload"]["tryonId"], job["userId"])
        elapsed_ms = round((clock.now() - _epoch(job["startedAt"])) * 1000)
        operations: list[Operation] = []
        for one in made:
            operations += one.documents(record, result)
        paid: Mapping[str, str] = {}
        if not record["charged"]:
            payment = quota.charge(job["userId"])
            operations.append(payment.take)
            paid = payment.fields
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

    def ended(self, job: Document, status: str, error: StudioError | None) -> Outcome:
        """Stop what is cancelled, give the payment back; tell the user of a failure, unless somebody waits for it."""
        if job["kind"] == records.BATCH_KIND:
            if status == protocol.CANCELLED:
                batches.stop_items(job)
            return Outcome()
        if status == protocol.CANCELLED and job["fence"]:
            _stop(job)
        record = store().find(records.CONTAINER, job["payload"]["tryonId"], job["userId"])
        if record is None:
            return Outcome()
        operations: list[Operation] = [quota.give_back(record)] if record["charged"] else []
        subject: dict[str, Any] = {"charged": False}
        if status == protocol.CANCELLED:
            subject["ttl"] = records.keep_s()
        if error is not None:
            subject["error"] = {"code": error.code, "message": error.message, "retryable": error.retryable}
            facts = {"code": error.code, "reason": reason(error.code, error.message)}
            operations += _announced(job, record, "tryon.failed", facts)
        return Outcome(operations=operations, subject=subject)

    def committed(self, job: Document) -> None:
        """Note how long it took; after any other end remove what the container made. Tell of a batch's last one."""
        if job["kind"] == records.KIND:
            if job["status"] == protocol.DONE:
                telemetry.observe("studio_tryon_seconds", clock.now() - _epoch(job["startedAt"]))
            else:
                if job["status"] == protocol.DEAD:
                    _stop(job)
                remove(job["userId"], _life(job))
        batches.tell(job)

    def abandoned(self, job: Document) -> None:
        """Leave what there is to whoever goes on: all attempts of a generation have the same blobs. Where nobody does,
        since the job has ended otherwise or went with its person, stop the run and remove them."""
        if job["kind"] != records.KIND:
            return
        now = store().find(protocol.CONTAINER, job["id"], job["userId"])
        if now is not None and now["generation"] == job["generation"] and now["status"] not in UNMADE:
            return
        _stop(job)
        remove(job["userId"], _life(job))

    def push(self, job: Document) -> None:
        """Tell the user's open pages how the job stands."""
        notifications.push_job(job)


def remove(user_id: str, what: str) -> None:
    """Delete the blobs of a try-on, or of one generation of it."""
    for container in (blobs.TRYON, blobs.THUMBNAILS):
        for blob in list(blobs.listing(container, records.prefix(user_id, what))):
            blobs.delete(container, blob.name)


def _request(
    task: Task,
    record: Document,
    person: Source,
    garments: Sequence[Garment],
    categories: Sequence[Category],
    mask: Source | None,
) -> TryOnRequest:
    worn = [
        WireGarment.model_validate({**_input(one.source), "category": category})
        for one, category in zip(garments, categories, strict=True)
    ]
    return TryOnRequest(
        job_id=_run_id(task.job),
        attempt=task.job["fence"],
        person=Input.model_validate(_input(person)),
        garments=worn,
        mask=Input.model_validate(_input(mask)) if mask else None,
        seed=record["seed"],
        samples=record["samples"],
        steps=settings().tryon_steps,
        engine=record["engine"],
        output=Output(container="tryon", prefix=f"{task.user_id}/{_life(task.job)}"),
    )


def _life(job: Document) -> str:
    """A generation of a try-on: where its blobs lie below the user's name."""
    return f"{job['id'].removeprefix('job:')}/{job['generation']}"


def _run_id(job: Document) -> str:
    return f"{job['userId']}:{_life(job).replace('/', '-')}"


def _input(source: Source) -> dict[str, str]:
    return {"container": source.container, "blob": source.name}


def _run(task: Task, request: TryOnRequest) -> TryOnResult:
    """Have the container make it; whoever comes after a lost lease or a crash joins the same run.

    Raises:
        CancelRequested: the user wants it stopped; the run was told so, if its container could be reached.
    """
    cancelled = False

    def on_run(run: Run) -> None:
        nonlocal cancelled
        facts = {} if run.position is None else {"position": run.position}
        step = "waiting" if run.status == "queued" else "trying on"
        try:
            task.progress(step, round(SEEN + 70 * run.progress), **facts)
        except CancelRequested:
            # the client stops it over the connection that leads to its replica
            cancelled = True

    try:
        return vto.client().finish(request, settings().tryon_run_s, on_run=on_run, cancelled=lambda: cancelled)
    except (StudioError, vto.RunCancelled) as error:
        if cancelled:
            raise CancelRequested from None
        if isinstance(error, vto.RunCancelled):
            raise errors.EngineFailed("the run was stopped in the container", max_tries=2) from None
        if isinstance(error, AWAY):
            error.waits = protocol.waited(task.job) < settings().tryon_patience_s
        raise


def _stop(job: Document) -> None:
    """Tell the container to stop a run that may be going on."""
    try:
        vto.client().cancel(_run_id(job))
    except StudioError as error:
        telemetry.log("tryon.cancel_failed", level="warning", code=error.code)


def _announced(job: Document, record: Document, event: str, facts: Mapping[str, Any]) -> list[Operation]:
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
    kind = errors.KINDS.get(code)
    if (kind is not None and kind.status == 422) or code == "image_gone":
        return f"{message[:1].upper()}{message[1:]}."
    return "The service that makes the pictures had a problem."


def _epoch(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
