"""Reading a request: its id, its query parameters and its body."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import azure.functions as func

from shared import clock
from shared.errors import BadRequest, TooLarge, Unprocessable, UnsupportedMedia
from shared.http.json_body import parse_json
from shared.http.routes import Route
from shared.http.validation import message_of

if TYPE_CHECKING:
    from pydantic import BaseModel


def request_id_of(given: str | None) -> str:
    """The request id that a caller sent, or a new one if it is none."""
    return given if given and re.fullmatch(r"[A-Za-z0-9._-]{8,64}", given) else clock.new_id()


def media_type(content_type: str | None) -> str:
    """The media type of a `Content-Type` header, in lower case without its parameters; empty without the header."""
    return (content_type or "").partition(";")[0].strip().lower()


def read_query(route: Route, req: func.HttpRequest) -> BaseModel | None:
    """The query parameters as the route's model. Raises BadRequest, Unprocessable."""
    given = dict(req.params)
    if not given and route.declared_query is not None and not isinstance(route.declared_query, type):
        return None
    if route.query is None:
        if given:
            name = min(given)
            raise BadRequest(
                f"this route takes no query parameter `{name[:64]}`", code="unknown_query", field=name[:64]
            )
        return None
    return _validated(route.query, given, "query")


def read_body(route: Route, req: func.HttpRequest) -> tuple[BaseModel | None, bytes]:
    """The body as the route's model, and as sent. Raises BadRequest, TooLarge, UnsupportedMedia, Unprocessable."""
    if route.upload:
        return None, req.get_body() if route.idempotent else b""
    raw = req.get_body()
    if route.body is None:
        return None, raw
    from shared.http.models import Body

    if not raw and issubclass(route.body, Body) and route.body.may_be_missing:
        return route.body(), raw
    if len(raw) > route.max_json_bytes:
        raise TooLarge(f"the body is over {route.max_json_bytes} bytes")
    if media_type(req.headers.get("Content-Type") or "application/json") != "application/json":
        raise UnsupportedMedia("send the body as `application/json`", field="Content-Type")
    # Refuses what the model's own parser would accept; the model then reads the same bytes.
    parse_json(raw)
    return _validated(route.body, raw, "body"), raw


def _validated(model: type[BaseModel], given: Any, what: str) -> BaseModel:
    from pydantic import ValidationError

    try:
        return model.model_validate_json(given) if isinstance(given, bytes) else model.model_validate(given)
    except (ValidationError, ValueError) as error:
        if not isinstance(error, ValidationError):
            raise Unprocessable(f"the {what} is not valid") from None
        problems = [
            {"field": ".".join(str(part) for part in p["loc"])[:200], "message": message_of(p)[:300]}
            for p in error.errors(include_input=False, include_url=False)[:20]
        ]
        first = problems[0]
        raise Unprocessable(
            f"{first['field'] or what}: {first['message']}",
            code="invalid",
            field=first["field"] or None,
            details={"errors": problems},
        ) from None
