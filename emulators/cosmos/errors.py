"""Errors as the service answers them: status, sub-status, code and message."""

from __future__ import annotations

from typing import ClassVar


class CosmosError(Exception):
    """Base of the errors; `code` is the word in the body, `info` what the body gives beside the message."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "InternalServerError"

    def __init__(
        self, message: str, *, sub_status: int = 0, retry_after_ms: float | None = None, info: str | None = None
    ) -> None:
        super().__init__(message)
        self.info = info
        self.message = message
        self.sub_status = sub_status
        self.retry_after_ms = retry_after_ms


class NotModified(CosmosError):
    """`If-None-Match` names the current version."""

    status, code = 304, "NotModified"


class BadRequest(CosmosError):
    """The request is malformed."""

    status, code = 400, "BadRequest"


class Unauthorized(CosmosError):
    """The signature does not match."""

    status, code = 401, "Unauthorized"


class Forbidden(CosmosError):
    """The operation is not allowed."""

    status, code = 403, "Forbidden"


class NotFound(CosmosError):
    """The resource does not exist."""

    status, code = 404, "NotFound"


class MethodNotAllowed(CosmosError):
    """The verb does not fit the resource."""

    status, code = 405, "MethodNotAllowed"


class RequestTimeout(CosmosError):
    """The service did not finish in time."""

    status, code = 408, "RequestTimeout"


class Conflict(CosmosError):
    """The id, or a unique key, is taken."""

    status, code = 409, "Conflict"


class Gone(CosmosError):
    """The physical partition does not exist (any more)."""

    status, code = 410, "Gone"


class PreconditionFailed(CosmosError):
    """`If-Match` names another version, or the condition of a patch does not hold."""

    status, code = 412, "PreconditionFailed"


class TooLarge(CosmosError):
    """The item or the batch is over 2 MB."""

    status, code = 413, "RequestEntityTooLarge"


class TooManyRequests(CosmosError):
    """The request units of this second are used up."""

    status, code = 429, "TooManyRequests"


class RetryWith(CosmosError):
    """A concurrent write to the same item: repeat the request."""

    status, code = 449, "RetryWith"


class ServiceUnavailable(CosmosError):
    """The service is down."""

    status, code = 503, "ServiceUnavailable"
