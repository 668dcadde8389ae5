"""The documented errors of Gemini: of a call, of a prompt that was refused, and of a candidate without a picture.

Sources: CALLS: ai.google.dev/gemini-api/docs/troubleshooting. REASONS: `google.api.ErrorReason`,
github.com/googleapis/googleapis/blob/master/google/api/error_reason.proto. ANSWERS: `FinishReason` and
`BlockReason`, ai.google.dev/api/generate-content.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from shared.provider_errors import FEW_TRIES, Blame, ProviderError, by_reason

PROVIDER: Final = "gemini"
_CALLS: Final = "https://ai.google.dev/gemini-api/docs/troubleshooting"
_REASONS: Final = "https://github.com/googleapis/googleapis/blob/master/google/api/error_reason.proto"
_ANSWERS: Final = "https://ai.google.dev/api/generate-content"

_BUSY = "the service that makes the pictures is busy: try again later"
_FAILED = "the service that makes the pictures failed: try again later"
_NO_IMAGE = "the service answered without a picture"
_BLOCKED = "the pictures were refused by the content policy"
_REFUSED = "the service can't work with these images or this prompt; try others"


def _operator(reason: str, source: str) -> ProviderError:
    return ProviderError(reason, Blame.OPERATOR, "temporarily_unavailable", "", source)


def _calls() -> Iterator[ProviderError]:
    yield ProviderError("400 INVALID_ARGUMENT", Blame.USER, "gemini_refused", _REFUSED, _CALLS)
    yield ProviderError("413", Blame.USER, "gemini_refused", _REFUSED, _CALLS)
    for reason in (
        "400 FAILED_PRECONDITION", "401", "402", "403", "404", "405", "501",
    ):  # fmt: skip
        yield _operator(reason, _CALLS)
    yield ProviderError("429", Blame.TRANSIENT, "gemini_busy", _BUSY, _CALLS)
    for reason in ("408", "409", "425", "499", "500", "502", "503", "504", "5xx"):
        yield ProviderError(reason, Blame.TRANSIENT, "gemini_failed", _FAILED, _CALLS)


def _reasons() -> Iterator[ProviderError]:
    for reason in (
        "API_KEY_INVALID", "API_KEY_SERVICE_BLOCKED", "API_KEY_HTTP_REFERRER_BLOCKED", "API_KEY_IP_ADDRESS_BLOCKED",
        "API_KEY_ANDROID_APP_BLOCKED", "API_KEY_IOS_APP_BLOCKED", "API_KEY_EXPIRED", "SERVICE_DISABLED",
        "BILLING_DISABLED", "CONSUMER_INVALID", "CONSUMER_SUSPENDED", "CREDENTIALS_MISSING", "ACCESS_TOKEN_EXPIRED",
        "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "ACCESS_TOKEN_TYPE_UNSUPPORTED", "ACCOUNT_STATE_INVALID",
        "USER_PROJECT_DENIED", "OVERLOADED_CREDENTIALS", "USER_BLOCKED_BY_ADMIN", "IAM_PERMISSION_DENIED",
        "SECURITY_POLICY_VIOLATED", "LOCATION_ORG_POLICY_VIOLATED", "LOCATION_POLICY_VIOLATED",
        "ORG_RESTRICTION_VIOLATION", "ORG_RESTRICTION_HEADER_INVALID", "SERVICE_NOT_VISIBLE", "GCP_SUSPENDED",
        "RESOURCE_PROJECT_INVALID", "MISSING_ORIGIN", "QUOTA_ZERO",
    ):  # fmt: skip
        yield _operator(reason, _REASONS)
    for reason in ("RATE_LIMIT_EXCEEDED", "RESOURCE_QUOTA_EXCEEDED"):
        yield ProviderError(reason, Blame.TRANSIENT, "gemini_busy", _BUSY, _REASONS)


def _finish_reasons() -> Iterator[ProviderError]:
    for reason in (
        "SAFETY", "IMAGE_SAFETY", "PROHIBITED_CONTENT", "IMAGE_PROHIBITED_CONTENT", "RECITATION", "IMAGE_RECITATION",
        "BLOCKLIST", "SPII", "ESCALATION", "MODEL_ARMOR",
    ):  # fmt: skip
        yield ProviderError(reason, Blame.USER, "blocked", _BLOCKED, _ANSWERS)
    message = "the prompt is in a language that the service does not support"
    yield ProviderError("LANGUAGE", Blame.USER, "gemini_refused", message, _ANSWERS)
    yield _operator("PUP_LIMITED_DISABLED", _ANSWERS)
    cut_off = "the picture was cut off before it was done"
    for reason in ("MAX_TOKENS", "CONTINUATION"):
        yield ProviderError(reason, Blame.TRANSIENT, "cut_off", cut_off, _ANSWERS, FEW_TRIES)
    for reason in (
        "STOP", "NO_IMAGE", "IMAGE_OTHER", "OTHER", "FINISH_REASON_UNSPECIFIED", "MALFORMED_FUNCTION_CALL",
        "MALFORMED_RESPONSE", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "MISSING_THOUGHT_SIGNATURE",
    ):  # fmt: skip
        yield ProviderError(reason, Blame.TRANSIENT, "no_image", _NO_IMAGE, _ANSWERS, FEW_TRIES)


def _block_reasons() -> Iterator[ProviderError]:
    for reason in (
        "SAFETY", "BLOCKLIST", "PROHIBITED_CONTENT", "IMAGE_SAFETY", "MODEL_ARMOR", "JAILBREAK", "OTHER",
    ):  # fmt: skip
        yield ProviderError(reason, Blame.USER, "blocked", _BLOCKED, _ANSWERS)


CALL_ERRORS: Final = by_reason((*_calls(), *_reasons()))
"""Errors of a call by the reason in the body's `ErrorInfo`, by HTTP status and gRPC status, or by HTTP status."""
FINISH_REASONS: Final = by_reason(_finish_reasons())
"""Why a candidate ended, if it has no picture; of `BLAMED` ones also if it has one."""
BLOCK_REASONS: Final = by_reason(_block_reasons())
"""Why a prompt was refused."""

UNKNOWN_CALL: Final = ProviderError("unknown", Blame.TRANSIENT, "gemini_failed", _FAILED, _CALLS, FEW_TRIES)
UNKNOWN_ANSWER: Final = ProviderError("unknown", Blame.TRANSIENT, "no_image", _NO_IMAGE, _ANSWERS, FEW_TRIES)
UNREADABLE: Final = ProviderError(
    "unreadable", Blame.TRANSIENT, "bad_answer", "the service's answer can't be read", _CALLS, FEW_TRIES
)
UNREACHABLE: Final = ProviderError(
    "unreachable", Blame.TRANSIENT, "gemini_unreachable", "the service can't be reached: try again later", _CALLS
)


def of_call(http_status: int, status: str, reasons: list[str]) -> ProviderError:
    """The row of a failed call, by the most specific of its names.

    Args:
        status: of the body, `INVALID_ARGUMENT` and the like.
        reasons: of the body's `ErrorInfo`s.
    """
    family = "5xx" if 500 <= http_status < 600 else ""
    for name in (*reasons, f"{http_status} {status}", str(http_status), family):
        if name in CALL_ERRORS:
            return CALL_ERRORS[name]
    return UNKNOWN_CALL
