"""HTTP triggers of the widget: `widget/visit`, `widget/photo`, `widget/tryon`."""

from __future__ import annotations

import azure.functions as func

from functions.widget.models import Visit, VisitRequest, VisitStarted, VisitTryOnRequest, WidgetTerms
from shared.http.auth import PUBLIC
from shared.http.endpoint import Call, Reply, endpoint

bp = func.Blueprint()

PHOTOS = ("image/jpeg", "image/png", "image/webp", "image/avif", "image/heic")


@endpoint(bp, "GET", "widget/terms", access=PUBLIC, limit="widget", answer=WidgetTerms)
def widget_terms_get(call: Call) -> WidgetTerms:
    """Get the terms of visits

    How long photos and results are kept. Takes no key.
    """
    from functions.widget import service

    return service.get_terms()


@endpoint(
    bp, "POST", "widget/visit", access=PUBLIC, status=201, limit="visit", scheme="publishableKey", body=VisitRequest,
    answer=VisitStarted, errors=(401, 403),
)  # fmt: skip
def widget_visit_create(call: Call) -> VisitStarted:
    """Start a visit

    Takes a publishable key (`X-Publishable-Key`) from a page at one of its origins (`Origin`). No sign-in.
    """
    from functions.widget import service

    return service.start_visit(call.headers.get("X-Publishable-Key"), call.headers.get("Origin"), call.body)


@endpoint(bp, "GET", "widget/visit", access=PUBLIC, scheme="visit", limit="widget", answer=Visit, errors=(401, 403))
def widget_visit_get(call: Call) -> Visit:
    """Get the visit

    With its photo and its latest try-on. Takes the visit's token.
    """
    from functions.widget import service

    return service.get_visit(service.find_visit(call.headers))


@endpoint(bp, "DELETE", "widget/visit", access=PUBLIC, scheme="visit", status=204, limit="widget", errors=(401, 403))
def widget_visit_delete(call: Call) -> None:
    """End the visit

    Photo and results are deleted at once, what else is stored of the visit within minutes.
    """
    from functions.widget import service

    service.end_visit(service.find_visit(call.headers))


@endpoint(
    bp, "POST", "widget/photo", access=PUBLIC, scheme="visit", status=201, limit="widget-photo", answer=Visit,
    upload=PHOTOS, errors=(400, 401, 403, 409, 413, 415, 422, 429),
)  # fmt: skip
def widget_photo_create(call: Call) -> Reply:
    """Upload the photo of a visit

    As the body. It replaces the photo before.
    """
    from functions.widget import service

    return Reply(service.add_photo(service.find_visit(call.headers), call.new_id, call.raw.get_body()))


@endpoint(
    bp, "POST", "widget/tryon", access=PUBLIC, scheme="visit", status=202, limit="widget-tryon", body=VisitTryOnRequest,
    answer=Visit, errors=(401, 403, 404, 409, 422, 429, 500, 503),
)  # fmt: skip
def widget_tryon_create(call: Call) -> Reply:
    """Try a product on

    The owner of the key pays; a failed try-on costs nothing. Get the visit for the result.
    """
    from functions.widget import service

    started = service.start_tryon(service.find_visit(call.headers), call.new_id, call.body, call.request_id)
    return Reply(started, headers={"Location": "/api/widget/visit"})
