"""Conversions: try-ons by their first route, `conversions`, with one garment and optional instructions."""

from __future__ import annotations

from functions.convert import legacy
from functions.convert.models import Conversion, ConversionList, ConversionRequest, ConversionsQuery
from shared import audit, telemetry
from shared.commerce import ceilings, quota
from shared.commerce.ceilings import Spending
from shared.conversions.documents import ConversionOptions
from shared.documents.fields import where
from shared.errors import Conflict, NotFound, Unprocessable
from shared.http.auth import Principal
from shared.http.pages import equals, list_latest
from shared.images import sources
from shared.images.access import get_image, get_visible_image
from shared.images.documents import ImageDocument, ImageKind, ImageStatus
from shared.images.models import Image, view_image
from shared.jobs import control, protocol
from shared.jobs.models import ENDED, Job, RunStatus
from shared.tryons.documents import Door, StoredImage, TryOnDocument, TryOnGarment, TryOnId, new_tryon, tryons
from shared.vto import client as vto
from shared.vto import engines
from shared.vto.engines import is_preview, label


def create_conversion(user: Principal, id: str, wanted: ConversionRequest, request_id: str) -> Conversion:
    """Accept a conversion: payment, document and job in one batch, then the queue.

    Args:
        id: id of the conversion; the same id again returns the same conversion.

    Raises:
        NotFound: an image doesn't exist, or the user may not use it.
        Unprocessable: an image is not ready (`image_not_ready`), or of another kind (`image_kind`); the engine is not
            offered (`engine_unknown`).
        Forbidden: `email_unconfirmed`, for a hosted engine.
        Unavailable: `ceiling_reached`, `spending_paused`: for all users.
        QuotaExceeded: neither quota nor credits are left.
    """
    engine = engines.choose_for_conversion(wanted.engine)
    if engine not in engines.HOSTED:
        # Fails now if the container is not configured.
        vto.client()
    person_image = get_image(wanted.person_image_id, user.user_id)
    _check(person_image, "personImageId", (ImageKind.PERSON, ImageKind.RESULT))
    garment_image = get_visible_image(wanted.garment_image_id, user.user_id)
    _check(garment_image, "garmentImageId", (ImageKind.GARMENT,))
    tryon, job = new_tryon(
        id,
        user.user_id,
        StoredImage.of(sources.of_image(person_image)),
        [TryOnGarment(image=StoredImage.of(sources.of_image(garment_image)))],
        seed=wanted.options.seed,
        engine=engine,
        notify=True,
        door=Door.CONVERSIONS,
        options=ConversionOptions.model_validate(wanted.options.model_dump()),
        request_id=request_id,
    )
    if engine in engines.HOSTED:
        user.require_confirmed()
        ceilings.check(Spending.CONVERSION)
    created = quota.reserve(tryons, tryon, job, confirmed=user.confirmed)
    if created is None:
        return _view(tryons.get(tryon.id, user.user_id), None)
    protocol.enqueue(job)
    audit.record(user.user_id, "CONVERSION_REQUESTED", subject=id)
    telemetry.count("studio_conversions_requested")
    return _view(created, job)


def _check(image: ImageDocument, field: str, kinds: tuple[ImageKind, ...]) -> None:
    if image.status is not ImageStatus.READY:
        raise Unprocessable(f"the image is {image.status}, not ready", code="image_not_ready", field=field)
    if image.kind not in kinds:
        raise Unprocessable(
            f"the image was uploaded as a {image.kind}; this needs a {kinds[0]}", code="image_kind", field=field
        )


def get_conversion(user: Principal, id: str) -> Conversion:
    """The user's conversion with its images. Raises NotFound, for another user's too."""
    tryon = tryons.find(TryOnId.of(id), user.user_id)
    if tryon is None:
        found = legacy.get(user, id)
        return found.model_copy(update=_images(found, user))
    shown = _view(tryon, protocol.jobs.find(tryon.job_id, user.user_id))
    return shown.model_copy(update=_images(shown, user))


def _images(shown: Conversion, user: Principal) -> dict[str, Image | None]:
    return {
        "person_image": _image(shown.person_image_id, user.user_id),
        "garment_image": _image(shown.garment_image_id, user.user_id),
        "result_image": _image(shown.result_image_id, user.user_id),
    }


def _image(image_id: str | None, user_id: str) -> Image | None:
    if image_id is None:
        return None
    try:
        return view_image(get_visible_image(image_id, user_id))
    except NotFound:
        return None


def list_conversions(user: Principal, query: ConversionsQuery) -> ConversionList:
    """The user's conversions, newest first, without their images. Those of former releases follow the others."""
    if legacy.is_continuation(query.continuation):
        return legacy.list_page(user, query)
    by_door = where(TryOnDocument.door, "=", Door.CONVERSIONS)
    page = list_latest(
        tryons,
        query,
        by_door,
        equals(TryOnDocument.status, query.status),
        partition=user.user_id,
        by=TryOnDocument.created_at,
    )
    items = [_view(tryon, None) for tryon in page.items]
    if page.continuation is None and legacy.exist(user, query):
        return ConversionList(items=items, continuation=legacy.FIRST)
    return ConversionList(items=items, continuation=page.continuation)


def cancel_conversion(user: Principal, id: str) -> Conversion:
    """Ask that a conversion stop; whether its payment is given back is decided when it has.

    Raises:
        Conflict: it has ended already.
    """
    tryon = tryons.find(TryOnId.of(id), user.user_id)
    if tryon is None:
        return legacy.cancel(user, id)
    job = protocol.load(tryon.job_id, user.user_id)
    if tryon.status in ENDED:
        raise Conflict(f"the conversion is {tryon.status} already", code="job_ended")
    job = control.request_cancel(job)
    audit.record(user.user_id, "CONVERSION_CANCELLED", subject=id)
    return _view(tryon, job)


def _view(tryon: TryOnDocument, job: Job | None) -> Conversion:
    run = tryon.run
    engine = run.engine if run else tryon.engine
    return Conversion.of(
        tryon,
        engine=engine,
        engine_label=label(engine),
        engine_version=run.version if run else None,
        preview=is_preview(engine),
        billed=tryon.charged and tryon.status in (RunStatus.COMPLETED, RunStatus.CANCELLED),
        person_image_id=tryon.person.image_id or "",
        garment_image_id=tryon.garments[0].image.image_id or "",
        result_image_id=next(iter(tryon.result_image_ids), None),
        processing_ms=run.processing_ms if run else None,
        progress=job.progress if job else None,
        attempt=job.attempt if job else 0,
    )
