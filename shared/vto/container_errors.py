"""The documented errors of the try-on container: of a refused request, of a run that failed, and of a proxy before it.

Sources: the container's own are described in docs/try-on.md; what a proxy answers for one that is starting, stopping or
at another address, by Azure Container Apps.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from shared.errors import StudioError, UpstreamError
from shared.provider_errors import FEW_TRIES, Blame, ProviderError, by_reason
from shared.vto import errors

_OURS: Final = "docs/try-on.md#errors-of-the-container"
_INGRESS: Final = "https://learn.microsoft.com/azure/container-apps/troubleshooting"

_USER: Final = (
    errors.NoPerson, errors.SeveralPeople, errors.PoseNotFound, errors.PoseNotSupported, errors.GarmentNotFound,
    errors.SeveralGarments, errors.ImageTooSmall, errors.CategoryMismatch, errors.ContentRefused,
    errors.UnreadableInput,
)  # fmt: skip
_UNAUTHORIZED: Final = "the try-on container refuses our token"
_ADDRESS: Final = "the try-on container is not at this address"
_FAILED: Final = "the try-on failed: try again later"


def _rows() -> Iterator[ProviderError]:
    for kind in _USER:
        yield ProviderError(kind.code, Blame.USER, kind.code, _doc(kind), _OURS)
    for reason in ("unauthorized", "forbidden"):
        yield ProviderError(reason, Blame.OPERATOR, errors.EngineRefused.code, _UNAUTHORIZED, _OURS)
    for reason in ("not_found", "method_not_allowed"):
        yield ProviderError(reason, Blame.OPERATOR, errors.EngineRefused.code, _ADDRESS, _OURS)
    for reason in (
        errors.EngineRefused.code, errors.UnknownEngine.code, "configuration", "weights_missing", "weights_refused",
        "engine_missing", "model_missing",
    ):  # fmt: skip
        yield ProviderError(reason, Blame.OPERATOR, errors.EngineRefused.code, "", _OURS)
    message = "an image of this try-on was deleted"
    yield ProviderError("blob_not_found", Blame.USER, errors.UnreadableInput.code, message, _OURS)
    # Another version of the container answers during a rollout.
    for reason in (errors.EngineMismatch.code, "bad_request", "invalid", "too_many_bytes"):
        message = "the try-on container does not understand the request"
        yield ProviderError(reason, Blame.TRANSIENT, errors.EngineMismatch.code, message, _OURS)
    for kind in (errors.EngineBusy, errors.EngineUnavailable, errors.EngineTimeout, errors.EngineFailed):
        yield ProviderError(kind.code, Blame.TRANSIENT, kind.code, _doc(kind), _OURS)
    yield ProviderError(errors.BadAnswer.code, Blame.TRANSIENT, errors.BadAnswer.code, _doc(errors.BadAnswer), _OURS)
    # Another attempt of the same job was later or different; the next attempt is accepted again.
    for reason in ("superseded", "job_differs"):
        yield ProviderError(reason, Blame.TRANSIENT, reason, "another attempt of this try-on is running", _OURS)
    for reason in ("internal", "unavailable", "store_error", "blob_changed", "run_not_found"):
        yield ProviderError(reason, Blame.TRANSIENT, errors.EngineFailed.code, _FAILED, _OURS, FEW_TRIES)


def _proxies() -> Iterator[ProviderError]:
    for status in ("HTTP 401", "HTTP 403"):
        yield ProviderError(status, Blame.OPERATOR, errors.EngineRefused.code, _UNAUTHORIZED, _INGRESS)
    for status in ("HTTP 3xx", "HTTP 404", "HTTP 408", "HTTP 429", "HTTP 4xx", "HTTP 5xx"):
        message = "the try-on container is not available"
        yield ProviderError(status, Blame.TRANSIENT, errors.EngineUnavailable.code, message, _INGRESS)


def _doc(kind: type[StudioError]) -> str:
    return (kind.__doc__ or "").split("\n")[0].rstrip(".")


ERRORS: Final = by_reason(_rows())
"""By the code in the body of a refused request, or of a run that failed."""
PROXIES: Final = by_reason(_proxies())
"""By HTTP status, of an answer that is not the container's."""
UNKNOWN: Final = ProviderError("unknown", Blame.TRANSIENT, errors.EngineFailed.code, _FAILED, _OURS, FEW_TRIES)


def of_code(code: str) -> ProviderError:
    """The row of an error of the container."""
    return ERRORS.get(errors.current_code(code), UNKNOWN)


def of_proxy(status: int) -> ProviderError:
    """The row of an answer that is not the container's."""
    return PROXIES.get(f"HTTP {status}") or PROXIES.get(f"HTTP {status // 100}xx") or UNKNOWN


def to_error(
    row: ProviderError,
    message: str,
    *,
    retry_after: float | None = None,
    field: str | None = None,
    details: dict[str, Any] | None = None,
) -> StudioError:
    """The error of a row, one of `shared.vto.errors` where its code is.

    Args:
        message: what the container said; it knows which image is meant.
    """
    kind = errors.KINDS.get(row.code)
    if kind is None:
        return UpstreamError(
            message, code=row.code, retry_after=retry_after, max_tries=row.max_tries, field=field, details=details
        )
    return kind(message, retry_after=retry_after, max_tries=row.max_tries, field=field, details=details)
