"""Cross-origin requests (CORS), answered by the app itself.

The platform's own setting can't expose response headers (azure-functions-core-tools#3740) and takes over where it is
set (azure-functions-host#5200), so it stays empty, and browsers see the same answers in Azure and on one machine.
No answer depends on cookies, so credentials are never allowed.
"""

from __future__ import annotations

from typing import Final

OPEN_PATHS: Final = ("shops/", "widget/", "health", "openapi.json")
"""Any page may call paths with these prefixes; a publishable key has its own origins, checked with the key."""
METHODS: Final = "GET, POST, PUT, PATCH, DELETE"
REQUEST_HEADERS: Final = (
    "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Prefer, X-Publishable-Key, X-Request-Id, "
    "traceparent, tracestate"
)
EXPOSED: Final = (
    "Content-Disposition, ETag, Idempotency-Replayed, Location, RateLimit-Limit, RateLimit-Policy, "
    "RateLimit-Remaining, RateLimit-Reset, Retry-After, X-Fashn-Credits-Used, X-Request-Id"
)
MAX_AGE_S: Final = 7200
"""Seconds for which a browser keeps a preflight answer; Chromium keeps none longer."""


def response_headers(path: str, origin: str | None) -> dict[str, str]:
    """Headers of an answer to a page at `origin`, or to a caller that is none.

    What any page may read says so to everyone: a copy that a cache took for an `<img>`, which sends no `Origin`, also
    serves a `fetch`. Of the rest, caches keep a copy for each origin.

    Args:
        path: of the route, without the prefix `api/`.
    """
    allowed = _allowed(path, origin) if origin else "*" if path.startswith(OPEN_PATHS) else None
    if allowed is None:
        return {"Vary": "Origin"}
    vary = {} if allowed == "*" else {"Vary": "Origin"}
    return {"Access-Control-Allow-Origin": allowed, "Access-Control-Expose-Headers": EXPOSED, **vary}


def preflight_headers(path: str, origin: str | None) -> dict[str, str]:
    """Headers of the answer to an `OPTIONS` request; without `Access-Control-Allow-Origin` the browser refuses."""
    allowed = _allowed(path, origin or "")
    vary = {"Vary": "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"}
    if allowed is None:
        return vary
    return {
        **vary,
        "Access-Control-Allow-Origin": allowed,
        "Access-Control-Allow-Methods": METHODS,
        "Access-Control-Allow-Headers": REQUEST_HEADERS,
        "Access-Control-Max-Age": str(MAX_AGE_S),
    }


def is_listed(origin: str) -> bool:
    """Whether pages at an origin may use what is not open to all."""
    return _allowed("", origin) is not None


def _allowed(path: str, origin: str) -> str | None:
    if path.startswith(OPEN_PATHS):
        return "*"
    # Imported here, because `health` answers before pydantic is imported.
    from shared.http.settings import http_settings

    listed = http_settings().allowed_origins
    if "*" in listed:
        return "*"
    return origin if origin.lower() in listed else None
