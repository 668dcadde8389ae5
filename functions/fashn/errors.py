"""Our errors by the names that FASHN's clients know: of a request, and of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from shared.errors import QuotaExceeded, StudioError
from shared.http.routes import Refusals

if TYPE_CHECKING:
    from functions.fashn.models import RefusedCall

IMAGE_LOAD: Final = "ImageLoadError"
INTERNAL: Final = "InternalServerError"

RUN_ERRORS: Final[Mapping[str, str]] = {
    "no_person": "PoseError",
    "several_people": "PoseError",
    "pose_not_found": "PoseError",
    "pose_not_supported": "PoseError",
    "garment_not_found": "InputValidationError",
    "nothing_found": "InputValidationError",
    "several_garments": "InputValidationError",
    "image_too_small": "InputValidationError",
    "category_mismatch": "InputValidationError",
    "content_refused": "ContentModerationError",
    "input_unreadable": IMAGE_LOAD,
    "image_gone": IMAGE_LOAD,
    "engine_timeout": "PipelineError",
    "engine_failed": "PipelineError",
    "engine_bad_answer": "PipelineError",
    "engine_mismatch": "PipelineError",
    "engine_busy": "ThirdPartyError",
    "engine_unavailable": "ThirdPartyError",
    "engine_refused": "ThirdPartyError",
    "temporarily_unavailable": "ThirdPartyError",
}
"""The name of a run's error, by the code of the try-on's."""


def run_error_name(code: str) -> str:
    """The name of the error with which a run failed."""
    return RUN_ERRORS.get(code, INTERNAL)


def _status(status: int) -> int:
    """FASHN answers 400 to whatever is wrong with a request, and 401 to a caller who may not send it."""
    if status in (401, 403):
        return 401
    return status if status >= 500 or status in (404, 409, 429) else 400


def _name(error: StudioError) -> str:
    match _status(error.status):
        case 401:
            return "UnauthorizedAccess"
        case 404:
            return "NotFound"
        case 429 if isinstance(error, QuotaExceeded):
            return "OutOfCredits"
        case 429:
            return "ConcurrencyLimitExceeded" if error.code == "too_many_at_once" else "RateLimitExceeded"
        case status if status >= 500:
            return INTERNAL
        case _:
            return IMAGE_LOAD if error.code in _UNREADABLE else "BadRequest"


_UNREADABLE: Final = frozenset({"input_unreadable", "image_load"})


def _members(error: StudioError) -> Mapping[str, str]:
    return {"error": _name(error), "message": error.message}


def _headers(error: StudioError) -> Mapping[str, str]:
    """Waiting for seconds brings no credits: the official clients repeat every 429 unless this says not to."""
    return {"x-should-retry": "false"} if isinstance(error, QuotaExceeded) else {}


def _model() -> type[RefusedCall]:
    from functions.fashn.models import RefusedCall

    return RefusedCall


REFUSALS: Final = Refusals(_model, _status, _members, _headers)
"""How the routes of this wire refuse."""
