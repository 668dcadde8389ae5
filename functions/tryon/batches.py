"""Batches: one person, many products. `fan_out` creates their try-ons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

from functions.tryon import fan_out, inputs
from functions.tryon.models import Batch, BatchItem, BatchRequest
from functions.tryon.views import view_error
from shared import audit, clock
from shared.commerce import credits, quota
from shared.documents import store
from shared.errors import BatchFailed, Conflict, DocumentConflict, NotFound
from shared.http.auth import Principal
from shared.jobs import control, protocol, queues
from shared.jobs.models import ENDED, Job, JobId, RunStatus
from shared.notifications.announce import announce
from shared.tryons.documents import (
    BATCH_KIND,
    BatchId,
    BatchPayload,
    TryOnBatchDocument,
    TryOnDocument,
    TryOnPayload,
    batches,
    get_batch_document,
    list_batch_tryons,
    refusal_key,
    retention_s,
)


def create_batch(user: Principal, id: str, wanted: BatchRequest, engine: str, request_id: str) -> Batch:
    """Accept a batch. Each of its try-ons is paid for when it is created.

    Args:
        id: id of the batch; the same id again returns the same batch.

    Raises:
        NotFound, Unprocessable: as `inputs` does for the person or a product.
        Forbidden: `email_unconfirmed`.
        QuotaExceeded: quota and credits do not suffice for all.
    """
    user.require_confirmed()
    person = inputs.resolve_person(wanted, user)
    garments = [
        inputs.resolve_product(product, user.user_id, user.shop, f"productIds.{n}")
        for n, product in enumerate(wanted.product_ids)
    ]
    _require_quota(user.user_id, len(garments))
    at = clock.iso()
    batch = TryOnBatchDocument(
        id=BatchId.of(id),
        user_id=user.user_id,
        job_id=JobId.of(id),
        person=person,
        garments=garments,
        seed=wanted.seed,
        samples=wanted.samples,
        engine=engine,
        request_id=request_id,
        created_at=at,
        updated_at=at,
        ttl=retention_s(),
    )
    job = protocol.new_job(
        BATCH_KIND, queues.TRYON_BATCH, user.user_id, BatchPayload(batch_id=batch.id), id=batch.job_id,
        subject_id=batch.id, request_id=request_id,
    )  # fmt: skip
    try:
        store().batch(batches.container, user.user_id, [batches.creation(batch), protocol.jobs.creation(job)])
    except BatchFailed as failure:
        if not isinstance(failure.cause, DocumentConflict):
            raise
        return get_batch(user, id)
    protocol.enqueue(job)
    audit.record(user.user_id, "TRYON_BATCH_REQUESTED", subject=id, products=len(garments))
    return _view(batch, [])


def _require_quota(user_id: str, count: int) -> None:
    """Refuse a batch that could only be made in part. Try-ons are refused one by one if the rest is spent meanwhile."""
    used, limit = quota.get_usage(user_id)
    if max(0, limit - used) + credits.get_balance(user_id) < count:
        raise quota.exceeded_error()


def get_batch(user: Principal, id: str) -> Batch:
    """The user's batch and the state of its items. Raises NotFound."""
    batch = get_batch_document(user.user_id, id)
    return _view(batch, list_batch_tryons(batch))


def cancel_batch(user: Principal, id: str) -> Batch:
    """Cancel what of a batch has not ended.

    Raises:
        Conflict: all of it has.
    """
    batch = get_batch_document(user.user_id, id)
    if not _cancel([batch, *list_batch_tryons(batch)]):
        raise Conflict("everything of the batch has ended already", code="job_ended")
    audit.record(user.user_id, "TRYON_BATCH_CANCELLED", subject=id)
    return get_batch(user, id)


def cancel_items(job: Job) -> None:
    """Cancel the try-ons of a batch whose job is cancelled: some may be newer than the user's cancellation."""
    batch = batches.find(job.payload_as(BatchPayload).batch_id, job.user_id)
    if batch is not None:
        _cancel(list_batch_tryons(batch))


def _cancel(found: Iterable[TryOnDocument | TryOnBatchDocument]) -> int:
    """Request the cancellation of the jobs of documents that have not ended; returns how many."""
    cancelled = 0
    for document in found:
        if document.status not in ENDED:
            with suppress(Conflict, NotFound):
                control.request_cancel(protocol.load(document.job_id, document.user_id))
                cancelled += 1
    return cancelled


def notify_when_done(job: Job) -> None:
    """Notify the user of a batch once the last of its jobs has ended, its own or a try-on's. If two end at once, the
    second finds the notification that the first created."""
    batch = _batch_of(job)
    if batch is None or batch.status is not RunStatus.COMPLETED:
        return
    shown = _view(batch, list_batch_tryons(batch))
    if shown.percent < 100:
        return
    facts = {"batchId": shown.id, "total": len(shown.items), "completed": shown.counts.get("completed", 0)}
    operations = announce(job.user_id, "tryon.batch", f"{shown.id}-done", facts, request_id=job.request_id)
    try:
        store().batch(batches.container, job.user_id, operations)
    except BatchFailed as failure:
        if not isinstance(failure.cause, DocumentConflict):
            raise
        return
    protocol.enqueue_created(operations)


def _batch_of(job: Job) -> TryOnBatchDocument | None:
    """The batch of a job; None if there is none."""
    if job.kind == BATCH_KIND:
        return batches.find(job.payload_as(BatchPayload).batch_id, job.user_id)
    batch_id = job.payload_as(TryOnPayload).batch_id
    return None if batch_id is None else batches.find(BatchId.of(batch_id), job.user_id)


def _view(batch: TryOnBatchDocument, created: Sequence[TryOnDocument]) -> Batch:
    by_id = {tryon.id.public: tryon for tryon in created}
    items = [_view_item(batch, index, by_id) for index in range(len(batch.garments))]
    counts = Counter(item.status for item in items)
    ended = sum(count for status, count in counts.items() if status in ENDED)
    status = RunStatus.PROCESSING if batch.status in (RunStatus.COMPLETED, RunStatus.RETRYING) else batch.status
    if ended == len(items):
        status = RunStatus.COMPLETED
    return Batch.of(
        batch,
        status=status,
        counts={status.value: count for status, count in counts.items()},
        percent=100 * ended // len(items),
        items=items,
    )


def _view_item(batch: TryOnBatchDocument, index: int, created: Mapping[str, TryOnDocument]) -> BatchItem:
    product_id = str(batch.garments[index].product_id)
    tryon = created.get(fan_out.item_id(batch, index))
    if tryon is not None:
        return BatchItem(
            product_id=product_id, tryon_id=tryon.id.public, status=tryon.status, error=view_error(tryon.error)
        )
    error = view_error(batch.refused.get(refusal_key(index)))
    status = RunStatus.QUEUED
    if error is not None:
        status = RunStatus.FAILED
    elif batch.status in ENDED:
        status = RunStatus.CANCELLED
    return BatchItem(product_id=product_id, tryon_id=None, status=status, error=error)
