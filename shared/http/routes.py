"""The table of routes, as their handlers declare them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel

from shared.http.auth import Access

POLLED: Final = ("conversions", "cv/", "drops", "images", "jobs", "products", "shops/")
"""Paths of what clients ask for again and again; it holds no identity and no secret."""

PREFIX: Final = "api/"
"""Begins every route: the host's own prefix is empty, because it refuses routes that begin with `admin`."""


@dataclass(frozen=True)
class Route:
    """The declaration of a route; the API description and the role tests are made from these."""

    name: str
    method: str
    path: str
    access: Access
    status: int
    limit: str | None
    idempotent: bool
    body: type[BaseModel] | None
    query: type[BaseModel] | None
    answer: type[BaseModel] | None
    upload: tuple[str, ...]
    errors: tuple[int, ...]
    answers: Mapping[int, type[BaseModel]]
    media: tuple[str, ...]
    doc: str

    @property
    def revalidates(self) -> bool:
        """Whether its answer has an `ETag`, and 304 is one of its statuses."""
        return self.method == "GET" and self.answer is not None and self.limit is not None

    @property
    def stored_by_browsers(self) -> bool:
        """Whether browsers may keep the answer and ask again whether it still holds."""
        return self.revalidates and self.path.startswith(POLLED)


ROUTES: list[Route] = []
"""The routes of the blueprints that this process has imported; `shared.function_index.load_all` imports all of them."""
