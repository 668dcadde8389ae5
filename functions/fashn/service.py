"""Runs by FASHN's wire: try-ons like all others, their images taken from the request, their state in FASHN's words."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from io import BytesIO
from typing import Final, Literal

from functions.fashn.errors import run_error_name
from functions.fashn.models import CreditCounts, Credits, Run, RunError, StartedRun, TryOnMaxRun, TryOnRun
from shared import audit, blobs, clock, telemetry
from shared.commerce import credits, quota
from shared.documents.fields import assign
from shared.errors import BadRequest, StudioError, Unprocessable
from shared.http.auth import Principal
from shared.images import sources
from shared.images.deletion import delete_if_idle
from shared.images.documents import ImageDocument, ImageId, ImageKind, ImageStatus, StoredRendition, Visibility, images
from shared.images.models import read_url
from shared.images.renditions import ORIGINAL
from shared.images.uploads import add_image
from shared.jobs import protocol
from shared.jobs.models import ENDED, RunStatus
from shared.tryons.admission import check_engine
from shared.tryons.documents import (
    Door,
    FashnRun,
    RequestedCategory,
    StoredImage,
    TryOnDocument,
    TryOnGarment,
    TryOnId,
    get_tryon_document,
    list_results,
    new_tryon,
    tryons,
)
from shared.tryons.sources import image_by_url
from shared.vto import engines

KEEP_INPUTS_S: Final = 24 * 3600
"""Seconds after which images that came with a request are deleted although their run has not ended."""
JPEG_QUALITY: Final = 95
CATEGORIES: Final[Mapping[str, RequestedCategory]] = {
    "auto": "auto", "tops": "upper", "bottoms": "lower", "one-pieces": "dress",
}  # fmt: skip
type State = Literal["in_queue", "processing", "completed", "failed", "canceled"]
STATES: Final[Mapping[RunStatus, State]] = {
    RunStatus.QUEUED: "in_queue",
    RunStatus.RETRYING: "processing",
    RunStatus.PROCESSING: "processing",
    RunStatus.COMPLETED: "completed",
    RunStatus.FAILED: "failed",
    RunStatus.CANCELLED: "canceled",
}
SEEDS: Final = 2**31


def start_run(user: Principal, id: str, wanted: TryOnRun | TryOnMaxRun, request_id: str) -> StartedRun:
    """Accept a run: its images first, then payment, document and job in one batch, then the queue.

    Args:
        id: id of the run, and of its try-on; the same id again returns the same run.

    Raises:
        BadRequest: an image is neither a data URI nor a URL of ours.
        Unprocessable: `image_load`, it can't be read.
        NotFound: it does not exist, or is another user's.
        QuotaExceeded: neither quota nor credits are left.
        Forbidden, Unavailable: as for any try-on by a hosted engine.
    """
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
    added: list[str] = []
    try:
        person = _image(user, inputs.model_image, "model_image", f"{id}-model", ImageKind.PERSON, added)
        garment = _image(user, garment_text, name, f"{id}-garment", ImageKind.GARMENT, added)
        asked = FashnRun(output_format=inputs.output_format, return_base64=inputs.return_base64, input_ids=tuple(added))
        tryon, job = new_tryon(
            id, user.user_id, person, [TryOnGarment(image=garment, requested_category=category)],
            seed=None if inputs.seed is None else inputs.seed % SEEDS, samples=samples, engine=engine, notify=False,
            door=Door.FASHN, fashn=asked, request_id=request_id,
        )  # fmt: skip
        created = quota.reserve(tryons, tryon, job, confirmed=user.confirmed)
    except StudioError:
        for image_id in added:
            delete_if_idle(image_id, user.user_id)
        raise
    if created is not None:
        protocol.enqueue(job)
        audit.record(user.user_id, "TRYON_REQUESTED", subject=id)
        telemetry.count("studio_tryons_requested", mode="fashn")
    return StartedRun(id=id)


def _image(user: Principal, text: str, field: str, id: str, kind: ImageKind, added: list[str]) -> StoredImage:
    """The image that a request gives or names; one that it gives is stored until the run has ended."""
    field = f"inputs.{field}"
    if not text.startswith("data:"):
        if not text.startswith(("https://", "http://")):
            raise BadRequest(
                "give a data URI of base64, or a URL that this API returned", code="image_url", field=field
            )
        return image_by_url(text, user.user_id, field)
    try:
        image = add_image(id, user.user_id, _decoded(text), kind=kind, visibility=Visibility.PRIVATE, name=None)
    except StudioError as error:
        if error.status in (413, 415, 422):
            raise Unprocessable(error.message, code="image_load", field=field) from None
        raise
    added.append(id)
    images.patch(image.id, user.user_id, assign(ImageDocument.due_at, clock.now() + KEEP_INPUTS_S))
    return StoredImage.of(sources.by_id(id, user.user_id))


def _decoded(uri: str) -> bytes:
    head, _, data = uri.partition(",")
    if not (head.startswith("data:image/") and head.endswith(";base64")):
        raise Unprocessable("a data URI of an image begins with `data:image/jpeg;base64,` or the like")
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise Unprocessable("what follows `base64,` is not base64") from None


def get_run(user: Principal, id: str) -> tuple[Run, int | None]:
    """A run, and what it was charged once it has ended. Raises NotFound, for another user's too."""
    tryon = get_tryon_document(user.user_id, id)
    completed = tryon.status is RunStatus.COMPLETED
    failure = tryon.error if tryon.status is RunStatus.FAILED else None
    error = None if failure is None else RunError(name=run_error_name(failure.code), message=failure.message)
    if tryon.status is RunStatus.FAILED and error is None:
        error = RunError(name=run_error_name(""), message="the try-on could not be made")
    run = Run(
        id=tryon.id.public, status=STATES[tryon.status], output=_output(tryon) if completed else None, error=error
    )  # fmt: skip
    if tryon.status not in ENDED:
        return run, None
    return run, int(tryon.charged and tryon.status in (RunStatus.COMPLETED, RunStatus.CANCELLED))


def _output(tryon: TryOnDocument) -> list[str]:
    """The pictures of a completed run that are not deleted: URLs, or data URIs."""
    found = images.find_many([(ImageId.of(result.image_id), tryon.user_id) for result in list_results(tryon)])
    stored = [image.renditions[ORIGINAL] for image in found if image is not None and image.status is ImageStatus.READY]
    asked = tryon.fashn or FashnRun()
    return [_data_uri(one, asked) if asked.return_base64 else read_url(one) for one in stored]


def _data_uri(stored: StoredRendition, asked: FashnRun) -> str:
    data, media = blobs.get(stored.container, stored.name), stored.content_type
    if asked.output_format == "jpeg" and media != "image/jpeg":
        from PIL import Image

        encoded = BytesIO()
        with Image.open(BytesIO(data)) as image:
            image.convert("RGB").save(encoded, "JPEG", quality=JPEG_QUALITY)
        data, media = encoded.getvalue(), "image/jpeg"
    return f"data:{media};base64,{base64.b64encode(data).decode()}"


def get_credits(user: Principal) -> Credits:
    """How many try-ons are left: of this month's free ones, and bought."""
    usage = quota.get_usage(user.user_id)
    free, bought = max(usage.limit - usage.used, 0), max(credits.get_balance(user.user_id), 0)
    return Credits(credits=CreditCounts(total=free + bought, subscription=free, on_demand=bought))
