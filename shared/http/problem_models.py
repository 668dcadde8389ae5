"""The body of an error, for the API's description."""

from __future__ import annotations

from pydantic import Field

from shared.http.models import Answer


class Problem(Answer):
    """An error (RFC 9457, `application/problem+json`)."""

    type: str = Field(description="a URI that names the kind of problem")
    title: str
    status: int
    detail: str = Field(description="what is wrong and what to do")
    code: str = Field(description="stable, for programs")
    retryable: bool = Field(description="whether the same request can succeed later")
    request_id: str
    field: str | None = Field(default=None, description="the field at fault")
    details: dict[str, object] | None = None
