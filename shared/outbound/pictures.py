"""Pictures from public https addresses that a customer gave. What comes is no picture before it is sanitized."""

from __future__ import annotations

import time
from typing import Final
from urllib.parse import urljoin

from shared import telemetry
from shared.errors import StudioError, TooLarge, Unprocessable, UpstreamError
from shared.outbound import exchange
from shared.outbound.exchange import Answer
from shared.outbound.settings import FETCH_TIMEOUT_S, MAX_REDIRECTS, fetch_settings
from shared.outbound.target import Purpose, resolve

REDIRECTS: Final = (301, 302, 303, 307, 308)
UNNAMED_TYPES: Final = ("application/octet-stream", "binary/octet-stream", "")
"""Media types that stores send for files of unknown type."""
MAX_URL: Final = 2048
HEADERS: Final = {
    "Accept": "image/*",
    # A compressed body could be larger than what was bounded.
    "Accept-Encoding": "identity",
    "User-Agent": "ai-fashion-studio-images/1",
}


def is_enabled() -> bool:
    """Whether this deployment fetches pictures."""
    return fetch_settings().image_fetch


def fetch_picture(url: str, *, max_bytes: int, field: str = "url") -> bytes:
    """The bytes at an address; each redirect is checked as the first address is.

    Args:
        field: the field of the request that holds the address, in errors.

    Raises:
        Unprocessable: `image_url`, the address is not public https, or this deployment fetches none;
            `image_refused`, its server answers something else than a picture.
        TooLarge: it has more than `max_bytes`.
        UpstreamError: `image_unresolved`, `image_unreachable`: retryable.
    """
    settings = fetch_settings()
    purpose = Purpose("image", field, settings.image_fetch_allow_hosts)
    if not settings.image_fetch or len(url) > MAX_URL:
        raise Unprocessable("pictures are not fetched from this address", code="image_url", field=field)
    ends_at = time.monotonic() + FETCH_TIMEOUT_S
    try:
        for _ in range(MAX_REDIRECTS + 1):
            with telemetry.span("image.fetch"):
                answer = exchange.get(
                    resolve(url, purpose), HEADERS, max_bytes=max_bytes + 1,
                    timeout_s=max(ends_at - time.monotonic(), 0.1),
                )  # fmt: skip
            if answer.status not in REDIRECTS:
                return _picture(answer, max_bytes)
            url = _next(url, answer)
    except StudioError as error:
        error.field = field
        raise
    raise Unprocessable(f"more than {MAX_REDIRECTS} redirects", code="image_refused", field=field)


def _next(url: str, answer: Answer) -> str:
    location = answer.headers.get("location", "")
    if not location or len(location) > MAX_URL:
        raise Unprocessable("its server redirects to no address", code="image_refused")
    return urljoin(url, location)


def _picture(answer: Answer, max_bytes: int) -> bytes:
    if answer.status != 200:
        message = f"its server answered {answer.status}"
        if answer.status == 429 or answer.status >= 500:
            raise UpstreamError(message, code="image_unreachable", retry_after=answer.retry_after)
        raise Unprocessable(message, code="image_refused")
    media = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not media.startswith("image/") and media not in UNNAMED_TYPES:
        raise Unprocessable("what its server sends is no picture", code="image_refused")
    if len(answer.body) > max_bytes:
        raise TooLarge(f"a picture may have {max_bytes} bytes at most")
    length = answer.headers.get("content-length", "")
    if length.isdecimal() and int(length) != len(answer.body):
        raise UpstreamError("its server closed the connection too early", code="image_unreachable")
    return answer.body
