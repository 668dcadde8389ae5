"""The documented errors of FASHN's hosted API: of a request, and of a run.

Sources: docs.fashn.ai/api-overview/error-handling, and the docstrings of `PredictionStatusResponse` in the official
client (PyPI `fashn` 0.9.0). FASHN does not charge for runs that fail.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from shared.provider_errors import FEW_TRIES, Blame, ProviderError, by_reason

PROVIDER: Final = "fashn-api"
_SOURCE: Final = "https://docs.fashn.ai/api-overview/error-handling"
_BUSY = "the service that makes the pictures is busy: try again later"
_FAILED = "the service that makes the pictures failed: try again later"


def _requests() -> Iterator[ProviderError]:
    for reason in ("UnauthorizedAccess", "OutOfCredits", "NotFound", "HTTP 401", "HTTP 402", "HTTP 403", "HTTP 404"):
        yield ProviderError(reason, Blame.OPERATOR, "temporarily_unavailable", "", _SOURCE)
    message = "the service can't work with these images"
    for reason in ("BadRequest", "HTTP 413"):
        yield ProviderError(reason, Blame.USER, "input_unreadable", message, _SOURCE)
    for reason in ("RateLimitExceeded", "ConcurrencyLimitExceeded", "HTTP 429"):
        yield ProviderError(reason, Blame.TRANSIENT, "engine_busy", _BUSY, _SOURCE)
    for reason in ("HTTP 408", "HTTP 409", "HTTP 5xx"):
        yield ProviderError(reason, Blame.TRANSIENT, "engine_failed", _FAILED, _SOURCE)


def _runs() -> Iterator[ProviderError]:
    def user(reason: str, code: str, message: str) -> ProviderError:
        return ProviderError(reason, Blame.USER, code, message, _SOURCE)

    yield user("ImageLoadError", "input_unreadable", "an image can't be read")
    yield user("ContentModerationError", "content_refused", "the images were refused by the content policy")
    yield user("PoseError", "pose_not_found", "the person image shows too little of the body")
    yield user("InputValidationError", "input_unreadable", "the service can't work with these images")
    for reason in ("PipelineError", "ThirdPartyError", "3rdPartyProviderError", "InternalServerError"):
        yield ProviderError(reason, Blame.TRANSIENT, "engine_failed", _FAILED, _SOURCE, FEW_TRIES)
    for reason in ("PollingTimeout", "time_out", "canceled"):
        yield ProviderError(reason, Blame.TRANSIENT, "engine_timeout", _FAILED, _SOURCE, FEW_TRIES)


REQUEST_ERRORS: Final = by_reason(_requests())
"""By the error's name in the body, else by HTTP status."""
RUN_ERRORS: Final = by_reason(_runs())
"""By `error.name`, else by the status of the run."""
UNKNOWN: Final = ProviderError("unknown", Blame.TRANSIENT, "engine_failed", _FAILED, _SOURCE, FEW_TRIES)
UNREADABLE: Final = ProviderError(
    "unreadable", Blame.TRANSIENT, "engine_bad_answer", "the service's answer can't be read", _SOURCE, FEW_TRIES
)
UNREACHABLE: Final = ProviderError(
    "unreachable", Blame.TRANSIENT, "engine_unavailable", "the service can't be reached: try again later", _SOURCE
)


def of_response(http_status: int, name: str) -> ProviderError:
    """The row of a refused request."""
    family = "HTTP 5xx" if 500 <= http_status < 600 else f"HTTP {http_status}"
    return REQUEST_ERRORS.get(name) or REQUEST_ERRORS.get(family) or UNKNOWN
