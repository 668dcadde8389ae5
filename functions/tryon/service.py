"""Asking for try-ons, reading them, stopping them, deleting them."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from typing import Any, Final

from functions.tryon import at_once, batches, inputs, inspection, orphans, records, worker
from functions.tryon.models import Batch, BatchRequest, TryOn, TryOnList, TryOnRequest, TryOnsQuery
from functions.tryon.records import CONTAINER
from functions.tryon.settings import tryon_settings
from shared import audit, clock, telemetry
from shared.commerce import quota
from shared.commerce.documents import UntypedBillable, untyped_billables
from shared.documents import Delete, Document, Where, store
from shared.errors import (
    BatchFailed,
    Conflict,
    DocumentNotFound,
    Gone,
    NotFound,
    PreconditionFailed,
    StudioError,
    Unprocessable,
    UpstreamError,
)
from shared.http.auth import Principal
from shared.http.pages import latest
from shared.images.access import get_image
from shared.images.deletion import delete_image
from shared.images.sources import Source
from shared.jobs import control, protocol
from shared.vto import client as vto
from shared.vto import errors
from shared.vto.settings import vto_settings

SYNC_MEGAPIXELS: Final = 2.0
"""Larger person images, and requests for more than one result, go through the queue."""


@cache
def step() -> worker.TryOnStep:
    """The queue's step, one per process."""
    return worker.TryOnStep()


def request(user: Principal, id: str, wanted: TryOnRequest, request_id: str, *, repeated: bool = False) -> TryOn:
    """Make a try-on within the caller's patience, or accept it; the answer's status tells which.

    Args:
        id: of the try-on; the same id again gives the same try-on.
        repeated: it was made before under this id.

    Raises:
        NotFound, Unprocessable: of what was named, as `inputs` does.
        Gone: a repetition asks for what was deleted.
        QuotaExceeded: nothing is left of this month.
        StudioError: of `shared.vto.errors`: it failed while the caller waited, and was not billed.
    """
    known = store().find(CONTAINER, f"tryon:{id}", user.user_id)
    if known is not None:
        return _answer(user, id)
    if repeated:
        raise Gone("the try-on made with this key was deleted: use a new key", code="tryon_gone")
    engine = _engine(wanted.engine)
    person = inputs.person(wanted, user)
    several = wanted.garments is not None
    garments = [inputs.garment(one, user, f"garments.{n}." if several else "") for n, one in enumerate(wanted.outfit)]
    mask = inputs.mask(wanted.mask_url, user.user_id) if wanted.mask_url is not None else None
    if wanted.dry_run:
        return _checked(user, person, garments, mask, wanted, engine)
    vto.client()
    waits = wanted.mode == "sync" or (wanted.mode == "auto" and _small(person, garments, wanted.samples))
    record, job = records.new(
        id, user.user_id, person, garments, mask=mask, seed=wanted.seed, samples=wanted.samples, engine=engine,
        notify=not waits, request_id=request_id,
    )  # fmt: skip
    if quota.reserve(untyped_billables, UntypedBillable.model_validate(record), job) is None:
        return _answer(user, id)
    audit.record(user.user_id, "TRYON_REQUESTED", subject=id)
    telemetry.count("studio_tryons_requested", mode="sync" if waits else "queued")
    if not waits:
        protocol.enqueue(job)
    else:
        at_once.work(job, step, tryon_settings().tryon_sync_s)
        _leave_waiting(user, id)
    return _answer(user, id)


def _engine(wanted: str | None) -> str:
    allowed = vto_settings().tryon_engines
    if wanted is not None and wanted not in allowed:
        raise errors.UnknownEngine(f"engines that may be chosen: {', '.join(allowed)}", field="engine", details=FREE)
    return wanted or allowed[0]


def _small(person: Source, garments: list[inputs.Garment], samples: int) -> bool:
    pixels = person.pixels if person.pixels is not None else _pixels(person)
    return samples * len(garments) == 1 and pixels <= SYNC_MEGAPIXELS * 1e6


def _pixels(source: Source) -> int:
    from io import BytesIO

    from PIL import Image

    try:
        with Image.open(BytesIO(inspection.read(source))) as image:
            return image.width * image.height
    except OSError:
        raise errors.UnreadableInput("the person's photo can't be read", details=FREE) from None


def _checked(
    user: Principal,
    person: Source,
    garments: list[inputs.Garment],
    mask: Source | None,
    wanted: TryOnRequest,
    engine: str,
) -> TryOn:
    """A dry run: what the job would look at first, and nothing else."""
    try:
        categories = inspection.look(user.user_id, person, garments, mask)
    except StudioError as error:
        error.details = {**(error.details or {}), **FREE}
        raise
    used = [{**one.document(), "category": found} for one, found in zip(garments, categories, strict=True)]
    at = clock.iso()
    return TryOn(
        id=None,
        status="valid",
        job_id=None,
        seed=wanted.seed or 0,
        engine=engine,
        person_image_id=person.image_id,
        garments=records.used(used),
        created_at=at,
        updated_at=at,
    )


def _leave_waiting(user: Principal, id: str) -> None:
    """The caller waits no more, so they are told when it has ended, unless it has."""
    still = (Where("status", "in", ["queued", "processing", "retrying"]),)
    with suppress(PreconditionFailed, DocumentNotFound):
        store().patch(CONTAINER, f"tryon:{id}", user.user_id, set={"notify": True}, where=still)


def _answer(user: Principal, id: str) -> TryOn:
    """A try-on as its request is answered.

    Raises:
        StudioError: it failed.
    """
    record = records.find(user.user_id, id)
    job = protocol.jobs.find(record["jobId"], user.user_id)
    if record["status"] == "failed":
        raise _failure(record)
    return records.view(record, job, whole=True)


FREE = {"billed": False}
"""What every error of a try-on says beside its code."""


def _failure(record: Document) -> StudioError:
    """The error a failed try-on ended with."""
    kept: dict[str, Any] = record["error"]
    facts: dict[str, Any] = {"retryable": kept["retryable"], "details": {**FREE, "tryOnId": records.short(record)}}
    if kept["code"] == "image_gone":
        return Unprocessable(kept["message"], code="image_gone", **facts)
    if errors.current_code(kept["code"]) in errors.KINDS:
        return errors.from_code(kept["code"], kept["message"], **facts)
    return UpstreamError("the try-on could not be made", code=kept["code"], **facts)


def tryon(user: Principal, id: str) -> TryOn:
    """One's try-on with its results. Raises NotFound."""
    record = records.find(user.user_id, id)
    return records.view(record, protocol.jobs.find(record["jobId"], user.user_id), whole=True)


def tryons(user: Principal, query: TryOnsQuery) -> TryOnList:
    """One's try-ons, newest first, without their URLs."""
    page = latest(CONTAINER, query, partition=user.user_id, type="tryon_job", status=query.status)
    return TryOnList(items=[records.view(record) for record in page.items], continuation=page.continuation)


def cancel(user: Principal, id: str) -> TryOn:
    """Ask that a try-on stop; what paid for it comes back when it has.

    Raises:
        Conflict: it has ended already.
    """
    record = records.find(user.user_id, id)
    if record["status"] in records.ENDED:
        raise Conflict(f"the try-on is {record['status']} already", code="job_ended")
    job = control.request_cancel(protocol.load(record["jobId"], user.user_id))
    audit.record(user.user_id, "TRYON_CANCELLED", subject=id)
    return records.view(record, job, whole=True)


def delete(user: Principal, id: str, *, inputs_too: bool) -> None:
    """Remove a try-on: its images first, the record last, so that what a crash leaves can be deleted again.

    Args:
        inputs_too: also the images of the person and the garments, where they are the caller's own.

    Raises:
        Conflict: `job_open`, cancel it first.
    """
    record = records.find(user.user_id, id)
    if record["status"] not in records.ENDED:
        raise Conflict(f"the try-on is {record['status']}: cancel it first", code="job_open")
    gone = list(record["resultImageIds"])
    if inputs_too:
        named = [record["person"]["image_id"], *(one["source"]["image_id"] for one in record["garments"])]
        gone += [image_id for image_id in dict.fromkeys(named) if image_id is not None]
    for image_id in gone:
        with suppress(NotFound):
            image = get_image(image_id, user.user_id)
            if image.product_id is None:
                delete_image(image)
    orphans.remove(user.user_id, id)
    rows = [row["id"] for row in records.results(record)]
    with suppress(BatchFailed):
        store().batch(CONTAINER, user.user_id, [*(Delete(row) for row in rows), Delete(record["id"])])
    audit.record(user.user_id, "TRYON_DELETED", subject=id, inputs=inputs_too)


def ask_batch(user: Principal, id: str, wanted: BatchRequest, request_id: str, *, repeated: bool = False) -> Batch:
    """Accept a batch; see `batches.ask`."""
    if store().find(CONTAINER, f"tryon_batch:{id}", user.user_id) is not None:
        return batches.batch(user, id)
    if repeated:
        raise Gone("the batch made with this key is gone: use a new key", code="tryon_gone")
    vto.client()
    return batches.ask(user, id, wanted, _engine(wanted.engine), request_id)
