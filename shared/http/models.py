"""What every request and answer model stands on."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
"""An opaque id as clients see it."""


class Body(BaseModel):
    """A request body: camelCase on the wire, no unknown field, no silent conversion of types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, alias_generator=to_camel, populate_by_name=True)


class Query(BaseModel):
    """Query parameters: text on the wire, converted to the field's type; no unknown name."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class Answer(BaseModel):
    """A response body: camelCase on the wire, nothing beside the declared fields."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class PageQuery(Query):
    """How lists are paged."""

    limit: int = Field(default=20, ge=1, le=100, description="items on a page")
    continuation: str | None = Field(default=None, max_length=4096, description="token of the page before")


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
