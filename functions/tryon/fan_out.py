"""Creates a batch's try-ons a few at a time, so that other users do not wait behind fifty of them.

At most `TRYON_BATCH_OPEN` try-ons of a user's batches are open at once; whenever one ends, the next is created. The
batch's document has the index of the next one, so any worker that creates it continues there: the worker of the one
that ended, or, if that was killed, the batch's own job, which stays open while some are left and checks periodically.
"""

from __future__ import annotations

from typing import Final

from functions.tryon.settings import tryon_settings
from shared import clock
from shared.commerce import quota
from shared.documents.containers import DAY
from shared.documents.fields import Change, assign, item, where
from shared.errors import DocumentNotFound, PreconditionFailed, StudioError
from shared.jobs import protocol
from shared.jobs.models import OPEN, TERMINAL, Job, JobStatus, RunStatus
from shared.jobs.protocol import CancelRequested, Outcome
from shared.jobs.step import Task
from shared.passes import Pass
from shared.tryons.documents import (
    TRYON_KIND,
    BatchId,
    BatchJobResult,
    BatchPayload,
    TryOnBatchDocument,
    TryOnDocument,
    TryOnFailure,
    TryOnPayload,
    batches,
    new_tryon,
    refusal_key,
    tryons,
)

CHECK_S: Final = 20
"""Seconds after which a batch's job checks again at the earliest; the waits of jobs grow."""
MAX_WAIT_S: Final = 7 * DAY
"""Seconds that a batch waits for its try-ons to end before its attempts count."""


def item_id(batch: TryOnBatchDocument, index: int) -> str:
    """Id of the try-on of a batch's product."""
    return f"{batch.id.public}-{index + 1:02d}"


def run_batch(task: Task) -> Outcome:
    """Run a batch's job: create as many try-ons as may be open, until all are created.

    Raises:
        StudioError: `batch_open`, some are left; the job waits and uses no attempts.
    """
    batch = batches.get(task.payload_as(BatchPayload).batch_id, task.user_id)
    batch = _create_next(batch, task)
    total = len(batch.garments)
    if not batch.is_complete:
        raise StudioError(
            f"{batch.next_index} of {total} try-ons are created, the others follow as these end", code="batch_open",
            retryable=True, retry_after=CHECK_S, waits=protocol.waited(task.job) < MAX_WAIT_S,
        )  # fmt: skip
    return Outcome(result=BatchJobResult(refused=len(batch.refused)))


def continue_batches(job: Job) -> None:
    """After a try-on of a batch has ended: create the next ones of the user's batches, the oldest batch first. A batch
    whose last try-on is created has nothing to wait for: its job ends now."""
    if job.payload_as(TryOnPayload).batch_id is None:
        return
    is_open = where(TryOnBatchDocument.status, "in", [RunStatus.QUEUED, RunStatus.PROCESSING, RunStatus.RETRYING])
    found = batches.list(
        is_open, partition=job.user_id, order_by=TryOnBatchDocument.created_at, limit=20,
        skip_unreadable=True,
    ).items  # fmt: skip
    continued = Pass("tryon.batches")
    for batch in found:
        with continued.item(batchId=batch.id, userId=batch.user_id):
            batch = _create_next(batch)
            if batch.is_complete:
                _wake(batch)


def require_open_batch(tryon: TryOnDocument) -> None:
    """Before a try-on is made: check that its batch was not cancelled meanwhile. Raises CancelRequested."""
    if tryon.batch_id is None:
        return
    batch = batches.find(BatchId.of(tryon.batch_id), tryon.user_id)
    if batch is not None and batch.status is RunStatus.CANCELLED:
        raise CancelRequested


def _create_next(batch: TryOnBatchDocument, task: Task | None = None) -> TryOnBatchDocument:
    """Create a batch's next try-ons while there is room; returns the batch as it is then."""
    while not batch.is_complete and _count_open(batch.user_id) < tryon_settings().tryon_batch_open:
        index = batch.next_index
        if task is not None:
            task.progress("creating", round(100 * index / len(batch.garments)))
        elif _is_stopping(batch):
            break
        changes: list[Change] = [assign(TryOnBatchDocument.next_index, index + 1)]
        try:
            _create(batch, index)
        except StudioError as error:
            if error.retryable or error.status >= 500:
                raise
            failure = TryOnFailure.of(error)
            changes.append(assign(item(TryOnBatchDocument.refused, refusal_key(index)), failure))
        try:
            batch = batches.patch(batch.id, batch.user_id, *changes, etag=batch.etag)
        except PreconditionFailed:
            batch = batches.get(batch.id, batch.user_id)
    return batch


def _create(batch: TryOnBatchDocument, index: int) -> None:
    """Create one try-on; one that was created before is left alone, even if it was deleted since."""
    tryon, job = new_tryon(
        item_id(batch, index), batch.user_id, batch.person, [batch.garments[index]], seed=batch.seed,
        samples=batch.samples, engine=batch.engine, notify=False, batch_id=batch.id.public,
        request_id=batch.request_id,
    )  # fmt: skip
    if quota.reserve(tryons, tryon, job) is not None:
        protocol.enqueue(job)


def _count_open(user_id: str) -> int:
    """How many try-ons of a user's batches have not ended."""
    return protocol.jobs.count(
        where(Job.kind, "=", TRYON_KIND), where(item(Job.payload, "batchId"), "exists"),
        where(Job.status, "in", OPEN), partition=user_id,
    )  # fmt: skip


def _is_stopping(batch: TryOnBatchDocument) -> bool:
    """Whether the batch's job has ended, or will."""
    job = protocol.jobs.find(batch.job_id, batch.user_id)
    return job is None or job.cancel_requested or job.status in TERMINAL


def _wake(batch: TryOnBatchDocument) -> None:
    """Run a batch's waiting job now."""
    waiting = (where(Job.status, "=", JobStatus.RETRYING),)
    try:
        job = protocol.jobs.patch(batch.job_id, batch.user_id, assign(Job.next_at, clock.now()), where=waiting)
    except (PreconditionFailed, DocumentNotFound):
        return
    protocol.enqueue(job)
