"""What Gemini's failures mean: errors of the SDK, mapped to ours here and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, cast

from shared import telemetry
from shared.errors import ConfigurationError, StudioError, Unprocessable, UpstreamError
from shared.gemini.settings import gemini_settings

if TYPE_CHECKING:
    from google.genai.errors import APIError

LONGEST_WAIT_S: Final = 3600
"""A failure that asks for a longer wait fails the attempt instead of making the user's job wait."""
TRANSIENT: Final = frozenset({408, 429, 500, 502, 503, 504})


def failure(error: Exception) -> StudioError:
    """The error for an exception of the SDK."""
    from google.genai.errors import APIError

    if isinstance(error, APIError):
        return _by_status(error)
    if isinstance(error, ValueError):
        return UpstreamError("the model's answer can't be read", code="bad_answer", max_tries=2)
    return UpstreamError("the model can't be reached", code="gemini_unreachable")


def _by_status(error: APIError) -> StudioError:
    status = int(error.code or 0)
    if status in TRANSIENT:
        if _body(error) is None:
            return UpstreamError("the model's answer can't be read", code="bad_answer", max_tries=2)
        code = "gemini_busy" if status == 429 else "gemini_failed"
        wait = _retry_after(error)
        bearable = wait is None or wait <= LONGEST_WAIT_S
        return UpstreamError(
            f"the model is busy or failing ({status})",
            code=code,
            retryable=bearable,
            retry_after=wait if bearable else None,
        )
    if status == 404:
        telemetry.log("gemini.model_retired", level="error", model=gemini_settings().gemini_model)
        return ConfigurationError("the configured model does not exist: change GEMINI_MODEL", code="model_retired")
    if status in (401, 403):
        telemetry.log("gemini.key_refused", level="error")
        return ConfigurationError("the service refused our key", code="gemini_key_refused")
    return Unprocessable("the model refused the request", code="gemini_refused")


def _body(error: APIError) -> object | None:
    """The `error` of the answer's JSON; None if there is none."""
    details: object = error.details
    return cast("Mapping[str, object]", details).get("error") if isinstance(details, Mapping) else None


def _retry_after(error: APIError) -> float | None:
    """Seconds that the service asks for: `RetryInfo` of the body, or `Retry-After`, whichever is longer."""
    body = _body(error)
    details = cast("Mapping[str, object]", body).get("details") if isinstance(body, Mapping) else None
    entries = cast("Sequence[object]", details) if isinstance(details, list) else ()
    texts = [str(cast("Mapping[str, object]", e).get("retryDelay", "")) for e in entries if isinstance(e, Mapping)]
    texts.append(str(getattr(getattr(error, "response", None), "headers", {}).get("retry-after", "")))
    waits = [float(wait[1]) for text in texts if (wait := re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)s?", text))]
    return max(waits, default=None)
