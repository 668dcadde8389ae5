"""The one exception of this package."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class StudioError(Exception):
    """A request that the API refused, a job that failed, or an API that can't be reached.

    Attributes:
        code: stable, for programs: `validation_failed` for example; `unreachable` if no answer came.
        status: HTTP status; None if there was no answer, or for a job that failed.
        field: the field at fault, if there is one.
        request_id: names the request in the logs of the API.
        retryable: whether the same request can succeed later.
        details: further facts, by code.
    """

    def __init__(
        self,
        detail: str,
        *,
        code: str,
        status: int | None = None,
        field: str | None = None,
        request_id: str | None = None,
        retryable: bool = False,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.status = status
        self.field = field
        self.request_id = request_id
        self.retryable = retryable
        self.details: Mapping[str, Any] = details or {}

    def __str__(self) -> str:
        named = f" (request {self.request_id})" if self.request_id else ""
        return f"{self.code}: {self.args[0]}{named}"
