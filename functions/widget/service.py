"""Visits by a publishable key: start one, upload a photo, try a product on, end it."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Final, NoReturn

from functions.widget.models import (
    Visit,
    VisitRequest,
    VisitStarted,
    VisitTryOn,
    VisitTryOnError,
    VisitTryOnRequest,
    WidgetTerms,
)
from functions.widget.settings import widget_settings
from shared import audit, clock, telemetry
from shared.accounts.api_keys import ApiKeyDocument, ApiKeyId, KeyKind, Scope, api_key_cache, api_keys
from shared.accounts.cache import account_cache
from shared.accounts.documents import AccountDocument
from shared.catalogue.documents import ProductDocument, products
from shared.catalogue.window import is_on_sale, sells_in
from shared.documents import store
from shared.documents.containers import DAY
from shared.documents.fields import Change, assign, increment, where
from shared.errors import (
    BadRequest,
    BatchFailed,
    Conflict,
    DocumentNotFound,
    Forbidden,
    NotFound,
    PreconditionFailed,
    QuotaExceeded,
    StudioError,
    TooLarge,
    TooManyRequests,
    Unauthorized,
    Unavailable,
)
from shared.http import limits
from shared.images import sources
from shared.images.deletion import delete_if_idle, delete_image
from shared.images.documents import ImageDocument, ImageId, ImageKind, ImageStatus, Visibility, images
from shared.images.models import read_url
from shared.images.renditions import ORIGINAL, THUMBNAIL
from shared.images.settings import image_settings
from shared.images.uploads import add_image
from shared.jobs import control, protocol
from shared.jobs.models import ENDED, Job
from shared.tryons.admission import check_engine
from shared.tryons.documents import (
    StoredImage,
    TryOnDocument,
    TryOnGarment,
    TryOnId,
    list_results,
    new_tryon,
    tryons,
)
from shared.tryons.visits import (
    VisitDocument,
    VisitId,
    charge_owner,
    digest_of,
    new_secret,
    settle,
    settle_one,
    visits,
)
from shared.vto import engines

TOKEN: Final = re.compile(r"visit_([A-Za-z0-9-]{1,64})_([0-9a-f]{64})", re.ASCII)


def get_terms() -> WidgetTerms:
    """How long a visit lasts, and how long if the shopper keeps the photo."""
    conf = widget_settings()
    return WidgetTerms(visit_s=int(conf.widget_visit_s), keep_days=conf.widget_keep_days)


def start_visit(key: str | None, origin: str | None, wanted: VisitRequest) -> VisitStarted:
    """Start a visit by a publishable key.

    Raises:
        Unauthorized: `key_invalid`.
        Forbidden: `origin_not_listed`, `scope`.
    """
    document = api_key_cache.find(key or "")
    if document is None or document.kind is not KeyKind.PUBLISHABLE:
        _refuse_key()
    _owner_of(document)
    page = _check_origin(document, origin)
    conf, now, id = widget_settings(), clock.now(), clock.new_id()
    secret, digest = new_secret()
    visit = visits.create(
        VisitDocument(
            id=VisitId.of(id),
            user_id=id,
            key_id=document.id.public,
            owner_id=document.user_id,
            origin=page,
            secret_digest=digest,
            kept=wanted.keep,
            expires_at=now + (conf.widget_keep_days * DAY if wanted.keep else conf.widget_visit_s),
            created_at=clock.iso(now),
        )
    )
    telemetry.count("studio_widget_visits")
    return VisitStarted.model_validate({**get_visit(visit).model_dump(), "token": f"visit_{id}_{secret}"})


def find_visit(headers: Mapping[str, str]) -> VisitDocument:
    """The visit behind an `Authorization` header, sent by the page that started it.

    Raises:
        Unauthorized: `visit_ended`, whatever the cause.
        Forbidden: `origin_not_listed`: another page sends its token.
    """
    scheme, _, token = (headers.get("Authorization") or "").partition(" ")
    form = TOKEN.fullmatch(token.strip()) if scheme.lower() == "bearer" else None
    visit = visits.find(VisitId.of(form[1]), form[1]) if form else None
    if form is None or visit is None or not hmac.compare_digest(visit.secret_digest, digest_of(form[2])):
        raise _ended()
    if visit.expires_at <= clock.now():
        raise _ended()
    origin = headers.get("Origin")
    if origin is not None and origin.lower() != visit.origin:
        raise _origin_error(origin)
    return visit


def get_visit(visit: VisitDocument) -> Visit:
    """The visit with its photo and its latest try-on."""
    photo = images.find(ImageId.of(visit.photo_id), visit.user_id) if visit.photo_id else None
    ready = photo is not None and photo.status is ImageStatus.READY
    tryon = tryons.find(TryOnId.of(visit.tryon_id), visit.user_id) if visit.tryon_id else None
    return Visit(
        kept=visit.kept,
        expires_at=clock.iso(visit.expires_at),
        has_photo=ready,
        photo_url=read_url(photo.renditions[THUMBNAIL]) if photo is not None and ready else None,
        tryons_left=max(0, widget_settings().widget_tryons - visit.tryons),
        tryon=None if tryon is None else _view(tryon),
    )


def add_photo(visit: VisitDocument, id: str, data: bytes) -> Visit:
    """Take the photo of a person; the one before is deleted.

    Raises:
        BadRequest, TooLarge, UnsupportedMedia, Unprocessable: it is no image that is taken.
        TooManyRequests: `visit_limit`.
    """
    largest = image_settings().upload_max_bytes
    if not data:
        raise BadRequest("send the photo as the body", code="no_image", field="photo")
    if len(data) > largest:
        raise TooLarge(f"a photo may have {largest} bytes at most", field="photo")
    _count(visit, VisitDocument.photos, visit.photos, widget_settings().widget_photos, "photos")
    image = add_image(id, visit.user_id, data, kind=ImageKind.PERSON, visibility=Visibility.PRIVATE, name=None)
    changed = _change(visit, assign(VisitDocument.photo_id, image.id.public))
    if visit.photo_id is not None:
        delete_if_idle(visit.photo_id, visit.user_id)
    return get_visit(changed)


def start_tryon(visit: VisitDocument, id: str, wanted: VisitTryOnRequest, request_id: str) -> Visit:
    """Start a try-on of the visit's photo with a product of the shop, paid by the owner of the key.

    Raises:
        NotFound: `product_not_found`.
        Conflict: `no_photo`; `tryon_open`: one at a time.
        TooManyRequests: `visit_limit`; `widget_limit`, of the key; `shop_limit`: the owner has nothing to pay with.
        Unauthorized: `key_invalid`: the key was revoked meanwhile.
    """
    key = api_keys.find(ApiKeyId.of(visit.key_id), visit.owner_id)
    if key is None or (key.expires_at is not None and key.expires_at <= clock.now()):
        _refuse_key()
    owner = _owner_of(key)
    _check_origin(key, visit.origin)
    if visit.photo_id is None:
        raise Conflict("upload a photo first: POST widget/photo", code="no_photo")
    before = tryons.find(TryOnId.of(visit.tryon_id), visit.user_id) if visit.tryon_id else None
    if before is not None and before.status not in ENDED:
        raise _open_tryon()
    garment = _garment(owner, visit, wanted.product)
    person = StoredImage.of(sources.by_id(visit.photo_id, visit.user_id))
    engine = engines.choose(None)
    if engine in engines.HOSTED and not owner.email_confirmed:
        raise Unavailable("this shop has not confirmed its e-mail address yet", code="shop_unconfirmed")
    check_engine(engine)
    _count(visit, VisitDocument.tryons, visit.tryons, widget_settings().widget_tryons, "try-ons")
    _take_from_key(key)
    try:
        charge_owner(visit, id, confirmed=owner.email_confirmed)
    except QuotaExceeded:
        raise TooManyRequests("this shop has no try-ons left", code="shop_limit", retry_after=3600) from None
    tryon, job = new_tryon(
        id, visit.user_id, person, [garment], engine=engine, notify=False, request_id=request_id
    )  # fmt: skip
    _create(visit, tryon, job)
    protocol.enqueue(job)
    audit.record(owner.id, "WIDGET_TRYON", subject=garment.product_id, keyId=key.id.public)
    telemetry.count("studio_widget_tryons")
    return get_visit(visits.get(visit.id, visit.user_id))


def _create(visit: VisitDocument, tryon: TryOnDocument, job: Job) -> None:
    """Store a try-on whose charge is written, unless the visit has ended: nothing would settle the charge then.

    Raises:
        Unauthorized: `visit_ended`; the charge is given back.
        Conflict: `tryon_open`: another request started one meanwhile; the charge is given back.
    """
    # The visit itself pays nothing; what the owner has paid is its charge.
    unpaid = tryon.with_changes(assign(TryOnDocument.charged, False))
    shown = visits.change(
        visit.id,
        assign(VisitDocument.tryon_id, tryon.id.public),
        where=(where(VisitDocument.expires_at, ">", clock.now()), where(VisitDocument.tryon_id, "=", visit.tryon_id)),
    )
    try:
        store().batch(
            tryons.container, visit.user_id, [shown, tryons.creation(unpaid), protocol.jobs.creation(job)]
        )  # fmt: skip
    except BatchFailed as failure:
        if failure.index != 0:
            raise
        current = visits.find(visit.id, visit.user_id)
        if current is not None and current.expires_at > clock.now():
            # The other one goes on, and so does its charge.
            settle_one(visit, tryon.id)
            raise _open_tryon() from None
        settle(visit)
        raise _ended() from None


def end_visit(visit: VisitDocument) -> None:
    """End a visit: its token, its work, its photos and results go now; the sweep deletes the rest."""
    with suppress(DocumentNotFound):
        visits.patch(visit.id, visit.user_id, assign(VisitDocument.expires_at, 0.0))
    tryon = tryons.find(TryOnId.of(visit.tryon_id), visit.user_id) if visit.tryon_id else None
    if tryon is not None and tryon.status not in ENDED:
        with suppress(Conflict, DocumentNotFound):
            control.request_cancel(protocol.load(tryon.job_id, visit.user_id))
    for image in list(images.iterate(partition=visit.user_id)):
        # What is being changed right now is left to the sweep.
        with suppress(NotFound, Conflict):
            delete_image(image)


def _garment(owner: AccountDocument, visit: VisitDocument, named: str) -> TryOnGarment:
    """The product of that id or article number that is on sale in the owner's shop; the owner's own before others."""
    # All that have the number are looked at: other shops may use it, too, and must not hide this shop's.
    candidates = (
        product
        for partition in (owner.id, None)
        for field in (ProductDocument.id, ProductDocument.sku)
        for product in products.iterate(where(field, "=", named), partition=partition)
    )
    product = next((one for one in candidates if is_on_sale(one) and sells_in(one.vendor_id, owner.shop)), None)
    if product is None:
        raise NotFound("this shop sells no such product", code="product_not_found", field="product")
    try:
        image = StoredImage.of(sources.by_id(product.id, visit.user_id))
    except StudioError as error:
        error.field = "product"
        raise
    return TryOnGarment(image=image, product_id=product.id)


def _take_from_key(key: ApiKeyDocument) -> None:
    limit = widget_settings().widget_tryons_a_day if key.tryons_a_day is None else key.tryons_a_day
    if limit == 0:
        raise TooManyRequests("try-ons are switched off for this shop", code="widget_limit", retry_after=DAY)
    try:
        limits.take_counted(f"key:{key.id.public}", "widget-tryon", limit, DAY)
    except limits.Limited as error:
        raise TooManyRequests(
            "this shop's try-ons of today are used up: come back tomorrow",
            code="widget_limit",
            retry_after=error.allowance.reset_s,
        ) from None


def _count(visit: VisitDocument, field: int, used: int, limit: int, what: str) -> None:
    try:
        visits.patch(
            visit.id, visit.user_id, increment(field),
            where=(where(field, "<", limit), where(VisitDocument.expires_at, ">", clock.now())),
        )  # fmt: skip
    except DocumentNotFound:
        raise _ended() from None
    except PreconditionFailed:
        if used < limit:
            raise _ended() from None
        raise TooManyRequests(
            f"{limit} {what} a visit: end this visit to start another one", code="visit_limit", retry_after=3600
        ) from None


def _change(visit: VisitDocument, change: Change) -> VisitDocument:
    """Change a visit. Raises Unauthorized: it was ended meanwhile; what was just stored is deleted by the sweep."""
    try:
        return visits.patch(
            visit.id, visit.user_id, change, where=(where(VisitDocument.expires_at, ">", clock.now()),)
        )  # fmt: skip
    except (DocumentNotFound, PreconditionFailed):
        raise _ended() from None


def _view(tryon: TryOnDocument) -> VisitTryOn:
    result = next(iter(list_results(tryon)), None)
    image = images.find(ImageId.of(result.image_id), tryon.user_id) if result is not None else None
    error = tryon.error
    return VisitTryOn(
        id=tryon.id.public,
        product_id=tryon.garments[0].product_id or "",
        status=tryon.status,
        preview=engines.is_preview(tryon.run.engine if tryon.run else tryon.engine),
        output_url=_url(image),
        width=result.width if result else None,
        height=result.height if result else None,
        error=None if error is None else VisitTryOnError(code=error.code, message=error.message),
    )


def _url(image: ImageDocument | None) -> str | None:
    if image is None or image.status is not ImageStatus.READY:
        return None
    return read_url(image.renditions[ORIGINAL])


def _owner_of(key: ApiKeyDocument) -> AccountDocument:
    owner = account_cache.find(key.user_id)
    if owner is None or owner.disabled:
        _refuse_key()
    if Scope.TRYON not in key.scopes:
        raise Forbidden("this key lacks the scope `tryon`: create one with it", code="scope")
    return owner


def _check_origin(key: ApiKeyDocument, origin: str | None) -> str:
    page = (origin or "").lower()
    if page not in key.origins:
        raise _origin_error(origin)
    return page


def _origin_error(origin: str | None) -> Forbidden:
    shown = (origin or "a page without an origin")[:200]
    return Forbidden(
        f"this key does not work at {shown}: list the origin with the key, at POST /api/api-keys",
        code="origin_not_listed",
    )


def _refuse_key() -> NoReturn:
    raise Unauthorized(
        "the publishable key is not valid: create one at POST /api/api-keys and send it as `X-Publishable-Key`",
        code="key_invalid",
    )


def _open_tryon() -> Conflict:
    return Conflict("wait for the try-on before", code="tryon_open", retryable=True)


def _ended() -> Unauthorized:
    return Unauthorized("the visit has ended: start another one", code="visit_ended")
