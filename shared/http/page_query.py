"""The query parameters of lists; a module of its own, as a first call seldom needs them."""

from pydantic import Field

from shared.http.models import Query


class PageQuery(Query):
    """How lists are paged."""

    limit: int = Field(default=20, ge=1, le=100, description="items on a page")
    continuation: str | None = Field(default=None, max_length=4096, description="token of the page before")
