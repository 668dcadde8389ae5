"""Exceptions of Gemini's SDK as our errors, by the table in `shared.gemini.errors`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Protocol, cast

from shared import telemetry
from shared.errors import StudioError
from shared.gemini import errors
from shared.gemini.errors import PROVIDER
from shared.provider_errors import UNREADABLE, Blame, seconds_asked

if TYPE_CHECKING:
    from google.genai.errors import APIError

MAX_ERROR_BYTES: Final = 65_536
_KEY_MESSAGE: Final = re.compile(r"API[ _]key (?:not valid|not found|expired|was reported)", re.IGNORECASE)
"""How the body of an `INVALID_ARGUMENT` without an `ErrorInfo` says that it is about our key."""


def failure(error: Exception) -> StudioError:
    """The error for an exception of the SDK."""
    from google.genai.errors import APIError

    if isinstance(error, APIError):
        return _of_response(error)
    row = errors.UNREADABLE if isinstance(error, UNREADABLE) else errors.UNREACHABLE
    return row.to_error(PROVIDER)


def decoded(body: str | None) -> object:
    """The JSON of an answer. Raises UpstreamError: it is none."""
    try:
        return json.loads((body or "").removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        raise errors.UNREADABLE.to_error(PROVIDER) from None


class Response(Protocol):
    """An answer of the SDK's HTTP client."""

    status_code: int

    def read(self) -> bytes:
        """The body."""
        ...


def errors_by_status(response: Response) -> None:
    """Give a response that says 200 and holds an error the status of that error, so that the SDK raises it. Proxies
    and gateways answer so. A hook of the SDK's HTTP client."""
    if response.status_code != HTTPStatus.OK:
        return
    data = response.read()
    if len(data) > MAX_ERROR_BYTES or b'"error"' not in data:
        return
    try:
        body: object = json.loads(data)
    except (ValueError, RecursionError):
        return
    if isinstance(body, list) and body:
        body = cast("list[object]", body)[0]
    error = cast("Mapping[str, object]", body).get("error") if isinstance(body, Mapping) else None
    code = cast("Mapping[str, object]", error).get("code") if isinstance(error, Mapping) else None
    if isinstance(code, int) and 400 <= code < 600:
        response.status_code = code


def _of_response(error: APIError) -> StudioError:
    # Google's front end answers an outage with a page and no JSON; what is answered with 5xx is not charged.
    body = _body(error) or {}
    http_status = int(error.code or 0)
    status, message = str(body.get("status") or ""), str(body.get("message") or "")
    reasons = list(_reasons(body))
    if _KEY_MESSAGE.search(message):
        reasons.append("API_KEY_INVALID")
    row = errors.of_call(http_status, status, reasons)
    if row.blame is not Blame.TRANSIENT or row is errors.UNKNOWN_CALL:
        telemetry.log("gemini.refused", level="warning", status=http_status, reason=row.reason, blame=row.blame)
    return row.to_error(PROVIDER, _retry_after(error, body))


def _body(error: APIError) -> Mapping[str, object] | None:
    """The `error` of the answer's JSON; None if there is none."""
    details: object = error.details
    if isinstance(details, list) and details:
        details = cast("list[object]", details)[0]
    body = cast("Mapping[str, object]", details).get("error") if isinstance(details, Mapping) else None
    return cast("Mapping[str, object]", body) if isinstance(body, Mapping) else None


def _details(body: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    details = body.get("details")
    for entry in cast("Sequence[object]", details) if isinstance(details, list) else ():
        if isinstance(entry, Mapping):
            yield cast("Mapping[str, object]", entry)


def _reasons(body: Mapping[str, object]) -> Iterator[str]:
    """The reasons of `ErrorInfo`; `QUOTA_ZERO` for a quota that the account does not have at all."""
    for entry in _details(body):
        if isinstance(reason := entry.get("reason"), str):
            yield reason
        violations = entry.get("violations")
        for violation in cast("Sequence[object]", violations) if isinstance(violations, list) else ():
            if isinstance(violation, Mapping) and str(cast("Mapping[str, object]", violation).get("quotaValue")) == "0":
                yield "QUOTA_ZERO"


def _retry_after(error: APIError, body: Mapping[str, object]) -> float | None:
    """Seconds that the service asks for: `RetryInfo` of the body, or `Retry-After`, whichever is longer."""
    texts = [str(entry.get("retryDelay", "")) for entry in _details(body)]
    header = seconds_asked(getattr(getattr(error, "response", None), "headers", {}).get("retry-after"))
    waits = [float(wait[1]) for text in texts if (wait := re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)s?", text))]
    return max((*waits, *(() if header is None else (header,))), default=None)
