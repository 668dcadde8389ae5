"""Creating, reading, cancelling and deleting try-ons."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from io import BytesIO
from typing import Any, Final

from functions.tryon import batches, inputs, inspection, orphans, worker
from functions.tryon.models import Batch, BatchRequest, TryOn, TryOnList, TryOnRequest, TryOnsQuery
from functions.tryon.run_sync import run_inline
from functions.tryon.settings import tryon_settings
from functions.tryon.views import view_garment, view_tryon
from shared import audit, clock, telemetry
from shared.commerce import ceilings, quota
from shared.commerce.ceilings import Spending
from shared.documents import store
from shared.documents.fields import assign, where
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
from shared.http.pages import equals, list_latest
from shared.images.access import get_image
from shared.images.deletion import delete_image
from shared.jobs import control, protocol
from shared.jobs.models import ENDED, RunStatus
from shared.tryons.documents import (
    BatchId,
    StoredImage,
    TryOnDocument,
    TryOnGarment,
    TryOnId,
    get_tryon_document,
    list_results,
    new_tryon,
    tryon_jobs,
    tryon_results,
    tryons,
)
from shared.vto import client as vto
from shared.vto import engines, errors

SYNC_MEGAPIXELS: Final = 2.0
"""Larger person images, and requests for more than one result, go through the queue."""
NOT_BILLED: Final = {"billed": False}
"""What every error of a try-on has in its details."""


@cache
def step() -> worker.TryOnStep:
    """The queue's step, one per process."""
    return worker.TryOnStep()


def create_tryon(user: Principal, id: str, wanted: TryOnRequest, request_id: str, *, repeated: bool = False) -> TryOn:
    """Make a try-on while the caller waits, or accept it; the status of the response tells which.

    Args:
        id: id of the try-on; the same id again returns the same try-on.
        repeated: whether it was created before under this id.

    Raises:
        NotFound, Unprocessable: as `inputs` does for what the request names.
        Gone: a repeated request names a deleted try-on.
        QuotaExceeded: neither quota nor credits are left.
        StudioError: of `shared.vto.errors`: it failed while the caller waited, and was not billed.
    """
    if tryons.find(TryOnId.of(id), user.user_id) is not None:
        return _response(user, id)
    if repeated:
        raise Gone("the try-on made with this key was deleted: use a new key", code="tryon_gone")
    engine = _engine(wanted.engine)
    person = inputs.resolve_person(wanted, user)
    several = wanted.garments is not None
    garments = [
        inputs.resolve_garment(garment, user, f"garments.{n}." if several else "")
        for n, garment in enumerate(wanted.outfit)
    ]
    mask = inputs.resolve_mask(wanted.mask_url, user.user_id) if wanted.mask_url is not None else None
    if wanted.dry_run:
        return _dry_run(user, person, garments, mask, wanted, engine)
    if engine not in engines.HOSTED:
        # Fails now if try-on is not configured.
        vto.client()
    sync = wanted.mode == "sync" or (wanted.mode == "auto" and _is_small(person, garments, wanted.samples))
    tryon, job = new_tryon(
        id, user.user_id, person, garments, mask=mask, seed=wanted.seed, samples=wanted.samples, engine=engine,
        notify=not sync, request_id=request_id,
    )  # fmt: skip
    if engine in engines.HOSTED:
        user.require_confirmed()
        ceilings.check(Spending.CONVERSION)
    if quota.reserve(tryons, tryon, job, confirmed=user.confirmed) is None:
        return _response(user, id)
    audit.record(user.user_id, "TRYON_REQUESTED", subject=id)
    telemetry.count("studio_tryons_requested", mode="sync" if sync else "queued")
    if not sync:
        protocol.enqueue(job)
    else:
        run_inline(job, step, tryon_settings().tryon_sync_s)
        _notify_later(user, id)
    return _response(user, id)


def _engine(wanted: str | None) -> str:
    try:
        return engines.choose(wanted)
    except errors.UnknownEngine as error:
        error.details = dict(NOT_BILLED)
        raise


def _is_small(person: StoredImage, garments: list[TryOnGarment], samples: int) -> bool:
    pixels = person.pixels if person.pixels is not None else _count_pixels(person)
    return samples * len(garments) == 1 and pixels <= SYNC_MEGAPIXELS * 1e6


def _count_pixels(image: StoredImage) -> int:
    from PIL import Image

    try:
        with Image.open(BytesIO(inspection.read(image))) as decoded:
            return decoded.width * decoded.height
    except OSError:
        raise errors.UnreadableInput("the person image can't be decoded", details=dict(NOT_BILLED)) from None


def _dry_run(
    user: Principal,
    person: StoredImage,
    garments: list[TryOnGarment],
    mask: StoredImage | None,
    wanted: TryOnRequest,
    engine: str,
) -> TryOn:
    """Inspect the images as the job would, and nothing else."""
    try:
        categories = inspection.inspect(user.user_id, person, garments, mask)
    except StudioError as error:
        error.details = {**(error.details or {}), **NOT_BILLED}
        raise
    inspected = [
        garment.model_copy(update={"category": category})
        for garment, category in zip(garments, categories, strict=True)
    ]
    at = clock.iso()
    return TryOn(
        id=None,
        status="valid",
        job_id=None,
        seed=wanted.seed or 0,
        engine=engine,
        person_image_id=person.image_id,
        garments=[view_garment(garment) for garment in inspected],
        created_at=at,
        updated_at=at,
    )


def _notify_later(user: Principal, id: str) -> None:
    """The caller no longer waits, so the user is notified of the end, unless it has ended already."""
    is_open = where(TryOnDocument.status, "in", [RunStatus.QUEUED, RunStatus.PROCESSING, RunStatus.RETRYING])
    with suppress(PreconditionFailed, DocumentNotFound):
        tryons.patch(TryOnId.of(id), user.user_id, assign(TryOnDocument.notify, True), where=(is_open,))


def _response(user: Principal, id: str) -> TryOn:
    """A try-on as the response to its request.

    Raises:
        StudioError: it failed.
    """
    tryon = get_tryon_document(user.user_id, id)
    if tryon.status is RunStatus.FAILED:
        raise _failure(tryon)
    return view_tryon(tryon, tryon_jobs.find(tryon.job_id, user.user_id), with_results=True)


def _failure(tryon: TryOnDocument) -> StudioError:
    """The error with which a failed try-on ended."""
    details: dict[str, Any] = {**NOT_BILLED, "tryonId": tryon.id.public}
    error = tryon.error
    if error is None:
        return UpstreamError("the try-on could not be made", details=details)
    if error.code == "image_gone":
        return Unprocessable(error.message, code=error.code, retryable=error.retryable, details=details)
    if error.code in errors.KINDS:
        return errors.from_code(error.code, error.message, retryable=error.retryable, details=details)
    return UpstreamError(
        "the try-on could not be made", code=error.code, retryable=error.retryable, details=details
    )  # fmt: skip


def get_tryon(user: Principal, id: str) -> TryOn:
    """The user's try-on with its results. Raises NotFound."""
    tryon = get_tryon_document(user.user_id, id)
    return view_tryon(tryon, tryon_jobs.find(tryon.job_id, user.user_id), with_results=True)


def list_tryons(user: Principal, query: TryOnsQuery) -> TryOnList:
    """The user's try-ons, latest first, without results."""
    page = list_latest(
        tryons, query, equals(TryOnDocument.status, query.status), partition=user.user_id,
        by=TryOnDocument.created_at,
    )  # fmt: skip
    return TryOnList(items=[view_tryon(tryon) for tryon in page.items], continuation=page.continuation)


def cancel_tryon(user: Principal, id: str) -> TryOn:
    """Request the cancellation of a try-on; its payment is released once it has ended.

    Raises:
        Conflict: it has ended already.
    """
    tryon = get_tryon_document(user.user_id, id)
    if tryon.status in ENDED:
        raise Conflict(f"the try-on is {tryon.status} already", code="job_ended")
    control.request_cancel(protocol.load(tryon.job_id, user.user_id))
    audit.record(user.user_id, "TRYON_CANCELLED", subject=id)
    return view_tryon(tryon, tryon_jobs.find(tryon.job_id, user.user_id), with_results=True)


def delete_tryon(user: Principal, id: str, *, with_inputs: bool) -> None:
    """Delete a try-on: its images first, its document last, so that what a crash leaves can be deleted again.

    Args:
        with_inputs: also delete the images of the person and the garments that are the user's own.

    Raises:
        Conflict: `job_open`, cancel it first.
    """
    tryon = get_tryon_document(user.user_id, id)
    if tryon.status not in ENDED:
        raise Conflict(f"the try-on is {tryon.status}: cancel it first", code="job_open")
    image_ids = list(tryon.result_image_ids)
    if with_inputs:
        named = [tryon.person.image_id, *(garment.image.image_id for garment in tryon.garments)]
        image_ids += [image_id for image_id in dict.fromkeys(named) if image_id is not None]
    for image_id in image_ids:
        with suppress(NotFound):
            image = get_image(image_id, user.user_id)
            if not image.product_id:
                delete_image(image)
    orphans.delete_blobs(user.user_id, id)
    deletions = [tryon_results.deletion(result.id) for result in list_results(tryon)]
    with suppress(BatchFailed):
        store().batch(tryons.container, user.user_id, [*deletions, tryons.deletion(tryon.id)])
    audit.record(user.user_id, "TRYON_DELETED", subject=id, inputs=with_inputs)


def create_batch(user: Principal, id: str, wanted: BatchRequest, request_id: str, *, repeated: bool = False) -> Batch:
    """Accept a batch; see `batches.create_batch`."""
    if batches.batches.find(BatchId.of(id), user.user_id) is not None:
        return batches.get_batch(user, id)
    if repeated:
        raise Gone("the batch made with this key was deleted: use a new key", code="tryon_gone")
    engine = _engine(wanted.engine)
    if engine not in engines.HOSTED:
        vto.client()
    return batches.create_batch(user, id, wanted, engine, request_id)
