"""Asking for a batch's try-ons a few at a time, so that nobody waits behind fifty pictures of somebody else.

At most `TRYON_BATCH_OPEN` try-ons of a user's batches are open at once; whenever one has ended the next is asked for.
The batch's record says how many were asked for, so whoever does it next goes on there: the worker of the one that
ended, or, where that was killed, the batch's own job, which waits as long as some are left and looks from time to time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from functions.tryon import records
from functions.tryon.inputs import Garment
from functions.tryon.records import CONTAINER
from functions.tryon.settings import tryon_settings
from shared import clock
from shared.commerce import quota
from shared.commerce.documents import UntypedBillable, untyped_billables
from shared.documents import Document, Where, store
from shared.documents.containers import DAY
from shared.documents.fields import assign
from shared.errors import DocumentNotFound, PreconditionFailed, QuotaExceeded, StudioError
from shared.images.sources import Source
from shared.jobs import protocol
from shared.jobs.models import OPEN, TERMINAL, Job, JobStatus
from shared.jobs.protocol import CancelRequested, Outcome
from shared.jobs.step import Task

LOOK_S: Final = 20
"""How soon a batch's job looks again at the earliest; the waits of jobs grow."""
LONGEST_S: Final = 7 * DAY
"""For so long a batch waits for its try-ons to end before that uses its attempts up."""


def item_id(batch: Mapping[str, Any], number: int) -> str:
    """Id of the try-on of a batch's product."""
    return f"{records.short(batch)}-{number + 1:02d}"


def expand(task: Task) -> Outcome:
    """The batch's job: ask for as many as may be open, until all were asked for.

    Raises:
        StudioError: `batch_open`, some are left; the job waits and uses no attempts up.
    """
    batch = store().read(CONTAINER, task.payload["batchId"], task.user_id)
    batch = _ask_on(batch, task)
    asked, total = batch["asked"], len(batch["garments"])
    if asked < total:
        raise StudioError(
            f"{asked} of {total} try-ons were asked for, the others follow as these end", code="batch_open",
            retryable=True, retry_after=LOOK_S, waits=protocol.waited(task.job) < LONGEST_S,
        )  # fmt: skip
    return Outcome(result={"refused": len(batch["refused"])})


def go_on(job: Job) -> None:
    """After a try-on of a batch has ended: ask for the next, of whichever batch of the user is the oldest. A batch
    whose last was asked for has nothing to wait for any more: its job ends now."""
    if "ofBatch" not in job["payload"]:
        return
    waiting = (Where("type", "=", "tryon_batch"), Where("status", "in", ["queued", "processing", "retrying"]))
    for batch in store().query(CONTAINER, *waiting, partition=job["userId"], order_by="createdAt", limit=20).items:
        batch = _ask_on(batch)
        if batch["asked"] == len(batch["garments"]):
            _wake(batch)


def check(record: Mapping[str, Any]) -> None:
    """Before a try-on is made: that its batch was not cancelled after it was asked for. Raises CancelRequested."""
    if record["batchId"] is None:
        return
    batch = store().find(CONTAINER, f"tryon_batch:{record['batchId']}", record["userId"])
    if batch is not None and batch["status"] == "cancelled":
        raise CancelRequested


def _ask_on(batch: Document, task: Task | None = None) -> Document:
    """Ask for a batch's next try-ons while there is room; the batch as it stands then."""
    user = batch["userId"]
    while batch["asked"] < len(batch["garments"]) and _open(user) < tryon_settings().tryon_batch_open:
        number = batch["asked"]
        if task is not None:
            task.progress("asking", round(100 * number / len(batch["garments"])))
        elif _stops(batch):
            break
        changes: dict[str, Any] = {"asked": number + 1}
        try:
            _ask(batch, number)
        except QuotaExceeded as error:
            changes[f"refused.{_key(number)}"] = {"code": error.code, "message": error.message, "retryable": False}
        try:
            batch = store().patch(CONTAINER, batch["id"], user, set=changes, where=(Where("asked", "=", number),))
        except PreconditionFailed:
            batch = store().read(CONTAINER, batch["id"], user)
    return batch


def _ask(batch: Document, number: int) -> None:
    """Ask for one; one that was asked for before is left alone, also where it was deleted since."""
    made, job = records.new(
        item_id(batch, number), batch["userId"], Source(**batch["person"]), [Garment.of(batch["garments"][number])],
        seed=batch["seed"], samples=batch["samples"], engine=batch["engine"], notify=False,
        batch_id=records.short(batch), request_id=batch["requestId"],
    )  # fmt: skip
    if quota.reserve(untyped_billables, UntypedBillable.model_validate(made), job) is not None:
        protocol.enqueue(job)


def refusal(batch: Mapping[str, Any], number: int) -> dict[str, Any] | None:
    """Why a try-on could not be asked for; None where it could, or was not yet."""
    return batch["refused"].get(_key(number))


def _key(number: int) -> str:
    return f"n{number}"


def _open(user_id: str) -> int:
    """How many try-ons of a user's batches have not ended."""
    mine = (
        Where("type", "=", "job"), Where("payload.ofBatch", "exists"), Where("status", "in", list(OPEN)),
    )  # fmt: skip
    return store().count(CONTAINER, *mine, partition=user_id)


def _stops(batch: Document) -> bool:
    """Whether the batch's job has ended, or shall."""
    job = protocol.jobs.find(batch["jobId"], batch["userId"])
    return job is None or job["cancelRequested"] or job["status"] in TERMINAL


def _wake(batch: Document) -> None:
    """Have a batch's waiting job run now."""
    parked = (Where("status", "=", JobStatus.RETRYING),)
    try:
        job = protocol.jobs.patch(batch["jobId"], batch["userId"], assign(Job.next_at, clock.now()), where=parked)
    except (PreconditionFailed, DocumentNotFound):
        return
    protocol.enqueue(job)
