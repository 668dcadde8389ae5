"""One person, many products: a batch is asked for, shown, cancelled and told of; `fan_out` asks for its try-ons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from functions.tryon import fan_out, inputs, records
from functions.tryon.models import Batch, BatchItem, BatchRequest
from functions.tryon.records import BATCH_KIND, CONTAINER
from shared import audit, clock, notifications
from shared.commerce import credits, quota
from shared.documents import Create, Document, Where, store
from shared.errors import BatchFailed, Conflict, DocumentConflict, NotFound
from shared.http.auth import Principal
from shared.jobs import control, protocol, queues
from shared.jobs.models import Job


def ask(user: Principal, id: str, wanted: BatchRequest, engine: str, request_id: str) -> Batch:
    """Accept a batch. Each of its try-ons is paid for on its own, when its turn comes and it is asked for.

    Args:
        id: of the batch; the same id again gives the same batch.

    Raises:
        NotFound, Unprocessable: of the person, or of a product, as `inputs` does.
        QuotaExceeded: what is left does not reach for all.
    """
    person = inputs.person(wanted, user)
    garments = [
        inputs.product(product, user.user_id, user.shop, f"productIds.{n}")
        for n, product in enumerate(wanted.product_ids)
    ]
    _reaches(user.user_id, len(garments))
    job = protocol.new_job(
        BATCH_KIND, queues.TRYON, user.user_id, {"batchId": f"tryon_batch:{id}"}, id=f"job:{id}",
        subject_id=f"tryon_batch:{id}", request_id=request_id,
    )  # fmt: skip
    record = {
        "id": f"tryon_batch:{id}",
        "userId": user.user_id,
        "type": "tryon_batch",
        "status": "queued",
        "jobId": job["id"],
        "person": asdict(person),
        "garments": [one.document() for one in garments],
        "seed": wanted.seed,
        "samples": wanted.samples,
        "engine": engine,
        "asked": 0,
        "refused": {},
        "error": None,
        "requestId": request_id,
        "createdAt": clock.iso(),
        "updatedAt": clock.iso(),
        "ttl": records.keep_s(),
    }
    try:
        stored = store().batch(CONTAINER, user.user_id, [Create(record), Create(job)])[0]
    except BatchFailed as failure:
        if not isinstance(failure.cause, DocumentConflict):
            raise
        return batch(user, id)
    protocol.enqueue(job)
    audit.record(user.user_id, "TRYON_BATCH_REQUESTED", subject=id, products=len(garments))
    return _view(stored, [])


def _reaches(user_id: str, count: int) -> None:
    """See that there is enough for all, so that a batch is not half made for want of it; who spends it meanwhile finds
    the rest refused one by one."""
    used, limit = quota.get_usage(user_id)
    if max(0, limit - used) + credits.get_balance(user_id) < count:
        raise quota.exceeded_error()


def find(user_id: str, id: str) -> Document:
    """One's batch. Raises NotFound."""
    record = store().find(CONTAINER, f"tryon_batch:{id}", user_id)
    if record is None or record.get("type") != "tryon_batch":
        raise NotFound("there is no such batch", code="batch_not_found")
    return record


def items(record: Mapping[str, Any]) -> list[Document]:
    """The try-ons of a batch that were asked for and not deleted since."""
    mine = (Where("type", "=", "tryon_job"), Where("batchId", "=", records.short(record)))
    return store().query(CONTAINER, *mine, partition=record["userId"], limit=100).items


def batch(user: Principal, id: str) -> Batch:
    """One's batch and how its items stand. Raises NotFound."""
    record = find(user.user_id, id)
    return _view(record, items(record))


def cancel(user: Principal, id: str) -> Batch:
    """Stop what of a batch has not ended.

    Raises:
        Conflict: all of it has.
    """
    record = find(user.user_id, id)
    if not _stop([record, *items(record)]):
        raise Conflict("everything of the batch has ended already", code="job_ended")
    audit.record(user.user_id, "TRYON_BATCH_CANCELLED", subject=id)
    return batch(user, id)


def stop_items(job: Job) -> None:
    """Stop the try-ons of a batch whose job is cancelled: it may have asked for some after the user's cancellation
    looked for them."""
    record = store().find(CONTAINER, job["payload"]["batchId"], job["userId"])
    if record is not None:
        _stop(items(record))


def _stop(found: Iterable[Mapping[str, Any]]) -> int:
    """Ask the jobs of open records to stop; how many were."""
    stopped = 0
    for one in found:
        if one["status"] not in records.ENDED:
            with suppress(Conflict, NotFound):
                control.request_cancel(protocol.load(one["jobId"], one["userId"]))
                stopped += 1
    return stopped


def tell(job: Job) -> None:
    """Tell the user of a batch once its last job has ended, the batch's own or a try-on's. Whoever ends last finds none
    open; two at once find the notification made."""
    parent = _parent(job)
    if parent is None or parent["status"] != "completed":
        return
    shown = _view(parent, items(parent))
    if shown.percent < 100:
        return
    facts = {"batchId": shown.id, "total": len(shown.items), "completed": shown.counts.get("completed", 0)}
    operations = notifications.announce(
        job["userId"], "tryon.batch", f"{shown.id}-done", facts, request_id=job.get("requestId")
    )
    try:
        store().batch(CONTAINER, job["userId"], operations)
    except BatchFailed as failure:
        if not isinstance(failure.cause, DocumentConflict):
            raise
        return
    protocol.enqueue_created(operations)


def _parent(job: Job) -> Document | None:
    """The batch of a job; None where there is none."""
    id: str | None = job["payload"].get("batchId")
    if id is None:
        record = store().find(CONTAINER, job["payload"]["tryonId"], job["userId"])
        if record is None or record["batchId"] is None:
            return None
        id = f"tryon_batch:{record['batchId']}"
    return store().find(CONTAINER, id, job["userId"])


def _view(record: Mapping[str, Any], made: list[Document]) -> Batch:
    by_id = {records.short(one): one for one in made}
    shown = [_item(record, number, by_id) for number in range(len(record["garments"]))]
    counts = Counter(one.status for one in shown)
    ended = sum(count for status, count in counts.items() if status in records.ENDED)
    status = record["status"] if record["status"] != "completed" else "processing"
    if ended == len(shown):
        status = "completed"
    return Batch(
        id=records.short(record),
        status="processing" if status == "retrying" else status,
        job_id=record["jobId"].removeprefix("job:"),
        counts=dict(counts),
        percent=100 * ended // len(shown),
        items=shown,
        created_at=record["createdAt"],
    )


def _item(record: Mapping[str, Any], number: int, made: Mapping[str, Document]) -> BatchItem:
    product = record["garments"][number]["productId"]
    one = made.get(fan_out.item_id(record, number))
    if one is not None:
        return BatchItem(
            product_id=product, try_on_id=records.short(one), status=one["status"], error=records.error(one["error"])
        )
    error = records.error(fan_out.refusal(record, number))
    over = record["status"] in records.ENDED
    status = "failed" if error else "cancelled" if over else "queued"
    return BatchItem(product_id=product, try_on_id=None, status=status, error=error)
