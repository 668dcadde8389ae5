"""Asking for conversions, reading them, stopping them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.convert.models import Conversion, ConversionList, ConversionRequest, ConversionsQuery
from shared import audit, clock, telemetry
from shared.commerce import quota
from shared.commerce.documents import UntypedBillable, untyped_billables
from shared.documents import Document, store
from shared.errors import Conflict, NotFound, Unprocessable
from shared.http.auth import Principal
from shared.http.pages import latest
from shared.images.access import get_image, get_visible_image
from shared.images.documents import ImageDocument, ImageKind, ImageStatus
from shared.images.models import Image, view_image
from shared.jobs import control, protocol, queues
from shared.jobs.models import Job

CONTAINER = "studio"


def request(user: Principal, id: str, wanted: ConversionRequest, request_id: str) -> Conversion:
    """Accept a conversion: quota, record and job in one batch, then the queue.

    Args:
        id: id of the conversion; the same id again gives the same conversion.

    Raises:
        NotFound: an image is missing, foreign, or not public.
        Unprocessable: an image is not ready, or not of the kind it is used as.
        QuotaExceeded: nothing is left of this month.
    """
    person = _usable(
        wanted.user_image_id, "userImageId", get_image(wanted.user_image_id, user.user_id), ImageKind.PERSON
    )
    cloth = _usable(
        wanted.cloth_image_id, "clothImageId", get_visible_image(wanted.cloth_image_id, user.user_id), ImageKind.GARMENT
    )
    conversion_id = f"conversion:{id}"
    options = wanted.options.model_dump(exclude_none=True)
    job = protocol.new_job(
        "convert",
        queues.CONVERT,
        user.user_id,
        {"conversionId": conversion_id},
        id=f"job:{id}",
        subject_id=conversion_id,
        request_id=request_id,
    )
    record = {
        "id": conversion_id,
        "userId": user.user_id,
        "type": "conversion",
        "status": "queued",
        "jobId": job["id"],
        "userImageId": person.id.public,
        "clothImageId": cloth.id.public,
        "clothOwnerId": cloth.user_id,
        "options": options,
        "charged": True,
        "resultImageId": None,
        "error": None,
        "processingMs": None,
        "requestId": request_id,
        "createdAt": clock.iso(),
        "updatedAt": clock.iso(),
    }
    stored = quota.reserve(untyped_billables, UntypedBillable.model_validate(record), job)
    if stored is None:
        return _view(store().read(CONTAINER, conversion_id, user.user_id), None)
    protocol.enqueue(job)
    audit.record(user.user_id, "CONVERSION_REQUESTED", subject=id)
    telemetry.count("studio_conversions_requested")
    return _view(stored, job)


def _usable(image_id: str, field: str, image: ImageDocument, kind: ImageKind) -> ImageDocument:
    if image.status is not ImageStatus.READY:
        raise Unprocessable(f"the image is {image.status}, not ready", code="image_not_ready", field=field)
    if image.kind is not kind and not (kind is ImageKind.PERSON and image.kind is ImageKind.RESULT):
        raise Unprocessable(
            f"the image was uploaded as a {image.kind}; this needs a {kind}", code="image_kind", field=field
        )
    return image


def _find(user: Principal, id: str) -> Document:
    record = store().find(CONTAINER, f"conversion:{id}", user.user_id)
    if record is None or record.get("type") != "conversion":
        raise NotFound("there is no such conversion", code="conversion_not_found")
    return record


def conversion(user: Principal, id: str) -> Conversion:
    """One's conversion with the URLs of its images. Raises NotFound, for a foreign one too."""
    record = _find(user, id)
    job = protocol.jobs.find(record["jobId"], user.user_id)
    return _view(record, job).model_copy(
        update={
            "user_image": _image(record["userImageId"], user.user_id),
            "cloth_image": _image(record["clothImageId"], user.user_id),
            "result_image": _image(record["resultImageId"], user.user_id),
        }
    )


def _image(image_id: str | None, user_id: str) -> Image | None:
    if image_id is None:
        return None
    try:
        return view_image(get_visible_image(image_id, user_id))
    except NotFound:
        return None


def conversions(user: Principal, query: ConversionsQuery) -> ConversionList:
    """One's conversions, newest first, without image URLs."""
    page = latest(CONTAINER, query, partition=user.user_id, type="conversion", status=query.status)
    return ConversionList(items=[_view(record, None) for record in page.items], continuation=page.continuation)


def cancel(user: Principal, id: str) -> Conversion:
    """Ask that a conversion stop; its quota comes back when it has.

    Raises:
        Conflict: it has ended already.
    """
    record = _find(user, id)
    job = protocol.load(record["jobId"], user.user_id)
    if record["status"] in ("completed", "failed", "cancelled"):
        raise Conflict(f"the conversion is {record['status']} already", code="job_ended")
    job = control.request_cancel(job)
    audit.record(user.user_id, "CONVERSION_CANCELLED", subject=id)
    return _view(record, job)


def _view(record: Mapping[str, Any], job: Job | None) -> Conversion:
    return Conversion(
        id=record["id"].removeprefix("conversion:"),
        status=record["status"],
        job_id=record["jobId"].removeprefix("job:"),
        user_image_id=record["userImageId"],
        cloth_image_id=record["clothImageId"],
        result_image_id=record["resultImageId"],
        progress=job.get("progress") if job else None,
        attempt=job["attempt"] if job else 0,
        error=record["error"],
        processing_ms=record["processingMs"],
        created_at=record["createdAt"],
        updated_at=record["updatedAt"],
    )
