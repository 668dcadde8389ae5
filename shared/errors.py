"""The one tree of errors. Whatever fails on purpose raises one of these; the adapters turn them into
`application/problem+json` (RFC 9457) on HTTP and into retry, park or fail on queues."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class StudioError(Exception):
    """Base of the tree.

    Class attributes are the defaults of a kind: `code` is stable and documented, `status` is the HTTP status,
    `retryable` tells a client or the job layer whether the same call can succeed later.

    Args:
        message: what is wrong and what to do, safe to show to a caller (no secrets, no foreign ids).
        field: dotted path of the field at fault, if one is.
        retry_after: seconds to wait, sent as `Retry-After`; implies nothing about `retryable`.
        max_tries: for a job, how often this code may occur before the job fails for good; None leaves it to the job.
        waits: for a job, what it needs is away for a time: it is retried without using up an attempt. The
            code that sets it bounds the time by `protocol.waited`.
        details: more facts for the caller, JSON-serialisable.
    """

    code: str = "internal"
    status: ClassVar[int] = 500
    retryable: bool = False

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        field: str | None = None,
        retryable: bool | None = None,
        retry_after: float | None = None,
        max_tries: int | None = None,
        waits: bool = False,
        details: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.retry_after = retry_after
        self.max_tries = max_tries
        self.waits = waits
        self.details = details
        if code is not None:
            self.code = code
        if retryable is not None:
            self.retryable = retryable

    @property
    def headers(self) -> Mapping[str, str]:
        """Response headers that this error brings."""
        return {}


class BadRequest(StudioError):
    """The request can't be understood: syntax, headers, query, path."""

    code, status = "bad_request", 400


class Unauthorized(StudioError):
    """No identity, or one that does not hold any more."""

    code, status = "unauthorized", 401


class Forbidden(StudioError):
    """The role lacks the function itself; a foreign object is `NotFound` instead."""

    code, status = "forbidden", 403


class NotFound(StudioError):
    """Missing, or owned by someone else; both get the same response."""

    code, status = "not_found", 404


class MethodNotAllowed(StudioError):
    """The route exists, with other methods: `allow` names them."""

    code, status = "method_not_allowed", 405

    def __init__(self, message: str, *, allow: tuple[str, ...]) -> None:
        super().__init__(message)
        self.allow = allow


class Conflict(StudioError):
    """The state of the object does not allow the act, or it exists already."""

    code, status = "conflict", 409


class RevisionConflict(StudioError):
    """`If-Match` names another version of the object than there is."""

    code, status = "revision_conflict", 412


class Gone(StudioError):
    """It was there and will not come back."""

    code, status = "gone", 410


class TooLarge(StudioError):
    """The body is over its limit in bytes."""

    code, status = "too_many_bytes", 413


class UnsupportedMedia(StudioError):
    """A content type or file format that is not taken."""

    code, status = "unsupported_type", 415


class Unprocessable(StudioError):
    """Well-formed, but not valid: a field's value, an image that is none."""

    code, status = "invalid", 422


class TooManyRequests(StudioError):
    """A rate limit or a quota is used up."""

    code, status, retryable = "rate_limited", 429, True


class QuotaExceeded(TooManyRequests):
    """The user's allowance for the period is used up; waiting for seconds does not help."""

    code, retryable = "quota_exceeded", False


class Unavailable(StudioError):
    """Something below is down or busy for now."""

    code, status, retryable = "unavailable", 503, True


class UpstreamError(StudioError):
    """A provider (Gemini, e-mail, SMS, PayPal, the try-on container) failed or answered garbage."""

    code, status, retryable = "upstream_error", 502, True


class ProviderAway(UpstreamError):
    """A provider can't be reached, is overloaded or fails for a time, whatever is asked of it.

    A job goes on trying for `JOB_OUTAGE_S` before its attempts count.
    """


class OperatorActionNeeded(UpstreamError):
    """A provider refuses every call for a reason that only the operator can remove: key, permission, billing, quota,
    retired model.

    The caller reads that the function is temporarily unavailable. A job waits without using attempts and continues once
    the provider accepts calls again.

    Args:
        provider: which one, for logs and alerts.
        reason: its reason as the provider's table names it, for logs and alerts; never shown to users.
    """

    code, status = "temporarily_unavailable", 503

    def __init__(self, provider: str, reason: str, *, retry_after: float | None = None) -> None:
        super().__init__("this is temporarily unavailable: try again later", retry_after=retry_after, waits=True)
        self.provider, self.reason = provider, reason


class ConfigurationError(StudioError):
    """A setting is missing or unsafe; raised at start-up, or when the feature that needs it is used."""

    code, status = "configuration", 500


class StoreError(StudioError):
    """Base of what the document store raises."""

    code, status = "store_error", 500


class DocumentNotFound(StoreError):
    """No item with that id in that partition."""

    code, status = "document_not_found", 404


class DocumentConflict(StoreError):
    """The id, or a unique key, is taken."""

    code, status = "document_conflict", 409


class PreconditionFailed(StoreError):
    """The ETag is not the current one, or the predicate of a patch does not hold."""

    code, status = "precondition_failed", 412


class BatchFailed(StoreError):
    """A transactional batch was rolled back.

    Args:
        index: position of the operation that failed, 0-based.
        cause: the error of that operation.
    """

    code, status = "batch_failed", 409

    def __init__(self, index: int, cause: StoreError) -> None:
        super().__init__(f"operation {index} failed: {cause.message}")
        self.index = index
        self.cause = cause
