"""Errors as problem responses (RFC 9457)."""

from __future__ import annotations

import json
import math
from typing import Any

import azure.functions as func

from shared.errors import MethodNotAllowed, StudioError
from shared.http.routes import Refusals


def problem(error: StudioError, request_id: str, refusals: Refusals | None = None) -> func.HttpResponse:
    """An error as RFC 9457 `application/problem+json`, with the members of another service where the route has them."""
    status = error.status if refusals is None else refusals.status(error.status)
    content: dict[str, Any] = {
        "type": f"urn:ai-fashion-studio:problem:{error.code}",
        "title": error.code.replace("_", " "),
        "status": status,
        "detail": error.message,
        "code": error.code,
        "retryable": error.retryable,
        "requestId": request_id,
    }
    if error.field:
        content["field"] = error.field
    if error.details:
        content["details"] = error.details
    headers: dict[str, str] = {}
    if refusals is not None:
        content |= refusals.members(error)
        headers |= refusals.headers(error)
    if error.retry_after is not None:
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    if isinstance(error, MethodNotAllowed):
        headers["Allow"] = ", ".join(error.allow)
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    text = json.dumps(content, ensure_ascii=False).encode(errors="replace")
    return func.HttpResponse(text, status_code=status, headers=headers, mimetype="application/problem+json")
