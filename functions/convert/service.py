"""Creating, reading and cancelling conversions."""

from __future__ import annotations

from functions.convert.models import Conversion, ConversionList, ConversionRequest, ConversionsQuery
from shared import audit, clock, telemetry
from shared.commerce import ceilings, quota
from shared.commerce.ceilings import Spending
from shared.conversions.documents import (
    ConversionDocument,
    ConversionId,
    ConversionOptions,
    ConversionPayload,
    conversions,
)
from shared.errors import Conflict, NotFound, Unprocessable
from shared.http.auth import Principal
from shared.http.pages import equals, list_latest
from shared.images.access import get_image, get_visible_image
from shared.images.documents import ImageDocument, ImageKind, ImageStatus
from shared.images.models import Image, view_image
from shared.jobs import control, protocol, queues
from shared.jobs.models import ENDED, Job, JobId


def create_conversion(user: Principal, id: str, wanted: ConversionRequest, request_id: str) -> Conversion:
    """Accept a conversion: payment, document and job in one batch, then the queue.

    Args:
        id: id of the conversion; the same id again returns the same conversion.

    Raises:
        NotFound: an image doesn't exist, or the user may not use it.
        Unprocessable: an image is not ready (`image_not_ready`), or of another kind (`image_kind`).
        Forbidden: `email_unconfirmed`.
        Unavailable: `ceiling_reached`, `spending_paused`: for all users.
        QuotaExceeded: neither quota nor credits are left.
    """
    person_image = get_image(wanted.person_image_id, user.user_id)
    _check(person_image, "personImageId", (ImageKind.PERSON, ImageKind.RESULT))
    garment_image = get_visible_image(wanted.garment_image_id, user.user_id)
    _check(garment_image, "garmentImageId", (ImageKind.GARMENT,))
    at = clock.iso()
    conversion = ConversionDocument(
        id=ConversionId.of(id),
        user_id=user.user_id,
        job_id=JobId.of(id),
        person_image_id=person_image.id.public,
        garment_image_id=garment_image.id.public,
        options=ConversionOptions.model_validate(wanted.options.model_dump()),
        request_id=request_id,
        created_at=at,
        updated_at=at,
    )
    job = protocol.new_job(
        "convert",
        queues.CONVERT,
        user.user_id,
        ConversionPayload(conversion_id=conversion.id),
        id=conversion.job_id,
        subject_id=conversion.id,
        request_id=request_id,
    )
    user.require_confirmed()
    ceilings.check(Spending.CONVERSION)
    created = quota.reserve(conversions, conversion, job)
    if created is None:
        return _view(conversions.get(conversion.id, user.user_id), None)
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
    conversion = _get(user, id)
    images = {
        "person_image": _image(conversion.person_image_id, user.user_id),
        "garment_image": _image(conversion.garment_image_id, user.user_id),
        "result_image": _image(conversion.result_image_id, user.user_id),
    }
    return _view(conversion, protocol.jobs.find(conversion.job_id, user.user_id)).model_copy(update=images)


def _get(user: Principal, id: str) -> ConversionDocument:
    conversion = conversions.find(ConversionId.of(id), user.user_id)
    if conversion is None:
        raise NotFound("there is no such conversion", code="conversion_not_found")
    return conversion


def _image(image_id: str | None, user_id: str) -> Image | None:
    if image_id is None:
        return None
    try:
        return view_image(get_visible_image(image_id, user_id))
    except NotFound:
        return None


def list_conversions(user: Principal, query: ConversionsQuery) -> ConversionList:
    """The user's conversions, newest first, without their images."""
    page = list_latest(
        conversions,
        query,
        equals(ConversionDocument.status, query.status),
        partition=user.user_id,
        by=ConversionDocument.created_at,
    )
    return ConversionList(items=[_view(conversion, None) for conversion in page.items], continuation=page.continuation)


def cancel_conversion(user: Principal, id: str) -> Conversion:
    """Ask that a conversion stop; its payment is given back when it has.

    Raises:
        Conflict: it has ended already.
    """
    conversion = _get(user, id)
    job = protocol.load(conversion.job_id, user.user_id)
    if conversion.status in ENDED:
        raise Conflict(f"the conversion is {conversion.status} already", code="job_ended")
    job = control.request_cancel(job)
    audit.record(user.user_id, "CONVERSION_CANCELLED", subject=id)
    return _view(conversion, job)


def _view(conversion: ConversionDocument, job: Job | None) -> Conversion:
    return Conversion.of(conversion, progress=job.progress if job else None, attempt=job.attempt if job else 0)
