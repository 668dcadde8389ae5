"""Runs by FASHN's wire: try-ons like all others, and the removal of a background."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from functions.fashn.documents import BACKGROUND_KIND, BackgroundPayload
from functions.fashn.inputs import resolve_input
from functions.fashn.models import (
    BackgroundRemoveRun,
    CreditCounts,
    Credits,
    RunQuery,
    StartedRun,
    TryOnMaxRun,
    TryOnRun,
)
from shared import audit, telemetry
from shared.commerce import credits, quota
from shared.errors import DocumentConflict, StudioError, Unprocessable, UpstreamError
from shared.http.auth import Principal
from shared.images.deletion import delete_if_idle
from shared.images.documents import ImageKind
from shared.jobs import protocol, queues
from shared.jobs.models import JobId
from shared.tryons.admission import check_engine
from shared.tryons.documents import Door, FashnRun, RequestedCategory, TryOnGarment, TryOnId, new_tryon, tryons
from shared.vto import engines
from shared.webhooks.sending import webhook_target

CATEGORIES: Final[Mapping[str, RequestedCategory]] = {
    "auto": "auto", "tops": "upper", "bottoms": "lower", "one-pieces": "dress",
}  # fmt: skip
SEEDS: Final = 2**31


def start_run(
    user: Principal, id: str, wanted: TryOnRun | TryOnMaxRun | BackgroundRemoveRun, query: RunQuery, request_id: str
) -> StartedRun:
    """Accept a run: its images first, then what it does in one batch, then the queue.

    Args:
        id: id of the run, and of its try-on or job; the same id again returns the same run.

    Raises:
        BadRequest: an image is neither a data URI nor a URL that is taken.
        Unprocessable: `image_load`, it can't be read; `webhook_url`, the address may not be called.
        NotFound: it does not exist, or is another user's.
        QuotaExceeded: neither quota nor credits are left.
        Forbidden, Unavailable: as for any try-on by a hosted engine.
    """
    url = query.webhook_url
    if url is not None:
        user.require_confirmed()
        _check_webhook(url)
    added: list[str] = []
    try:
        if isinstance(wanted, BackgroundRemoveRun):
            return _remove_background(user, id, wanted, url, request_id, added)
        return _try_on(user, id, wanted, url, request_id, added)
    except StudioError:
        for image_id in added:
            delete_if_idle(image_id, user.user_id)
        raise


def _check_webhook(url: str) -> None:
    try:
        webhook_target(url, "webhook_url")
    except UpstreamError as error:
        raise Unprocessable(error.message, code=error.code, field="webhook_url") from None


def _try_on(
    user: Principal, id: str, wanted: TryOnRun | TryOnMaxRun, url: str | None, request_id: str, added: list[str]
) -> StartedRun:
    if tryons.find(TryOnId.of(id), user.user_id) is not None:
        return StartedRun(id=id)
    engine = engines.choose(None)
    if engine in engines.HOSTED:
        user.require_confirmed()
    check_engine(engine)
    inputs = wanted.inputs
    name, garment_text, category, samples = (
        ("garment_image", wanted.inputs.garment_image, CATEGORIES[wanted.inputs.category], wanted.inputs.num_samples)
        if isinstance(wanted, TryOnRun)
        else ("product_image", wanted.inputs.product_image, "auto", wanted.inputs.num_images)
    )
    person = resolve_input(user, inputs.model_image, "model_image", f"{id}-model", ImageKind.PERSON, added)
    garment = resolve_input(user, garment_text, name, f"{id}-garment", ImageKind.GARMENT, added)
    asked = FashnRun(
        output_format=inputs.output_format, return_base64=inputs.return_base64, input_ids=tuple(added), webhook_url=url
    )
    tryon, job = new_tryon(
        id, user.user_id, person, [TryOnGarment(image=garment, requested_category=category)],
        seed=None if inputs.seed is None else inputs.seed % SEEDS, samples=samples, engine=engine, notify=False,
        door=Door.FASHN, fashn=asked, request_id=request_id,
    )  # fmt: skip
    if quota.reserve(tryons, tryon, job, confirmed=user.confirmed) is not None:
        protocol.enqueue(job)
        audit.record(user.user_id, "TRYON_REQUESTED", subject=id)
        telemetry.count("studio_tryons_requested", mode="fashn")
    return StartedRun(id=id)


def _remove_background(
    user: Principal, id: str, wanted: BackgroundRemoveRun, url: str | None, request_id: str, added: list[str]
) -> StartedRun:
    """Queue the segmentation. Its image is kept for a day: the cut-out is deleted with it."""
    if protocol.jobs.find(JobId.of(id), user.user_id) is not None:
        return StartedRun(id=id)
    inputs = wanted.inputs
    image = resolve_input(user, inputs.image, "image", f"{id}-image", ImageKind.GARMENT, added)
    payload = BackgroundPayload(image=image, return_base64=inputs.return_base64, webhook_url=url)
    job = protocol.new_job(BACKGROUND_KIND, queues.FASHN, user.user_id, payload, id=JobId.of(id), request_id=request_id)
    with suppress(DocumentConflict):
        protocol.jobs.create(job)
        protocol.enqueue(job)
        audit.record(user.user_id, "SEGMENTATION_REQUESTED", subject=id)
    return StartedRun(id=id)


def get_credits(user: Principal) -> Credits:
    """How many try-ons are left: of this month's free ones, and bought."""
    usage = quota.get_usage(user.user_id)
    free, bought = max(usage.limit - usage.used, 0), max(credits.get_balance(user.user_id), 0)
    return Credits(credits=CreditCounts(total=free + bought, subscription=free, on_demand=bought))
