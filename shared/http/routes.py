"""The table of routes, as their handlers declare them."""

from collections.abc import Callable, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from shared.errors import StudioError
from shared.http.auth import Access

if TYPE_CHECKING:
    from pydantic import BaseModel

POLLED: Final = (
    "analytics/batches", "analytics/trainings", "conversions", "cv/", "drops", "images", "jobs", "products", "shops/",
    "v1/status",
)  # fmt: skip
"""Paths of what clients ask for again and again; it holds no identity and no secret."""

PREFIX: Final = "api/"
"""Begins every route: the host's own prefix is empty, because it refuses routes that begin with `admin`."""

type Model = type[BaseModel] | Callable[[], type[BaseModel]]
"""A model, or a function that imports it: for routes that answer before the process has imported pydantic."""


MAX_JSON_BYTES: Final = 256 * 1024
"""Size of a JSON body, where a route does not say otherwise."""


class Refusals(NamedTuple):
    """How a route refuses that speaks the wire of another service: a problem with members of that service beside it.

    Args:
        model: of the body, an extension of `Problem`.
        status: the HTTP status by that which the error has here.
        members: the members beside those of a problem, by the error.
        headers: further headers, by the error.
    """

    model: "Callable[[], type[BaseModel]]"
    status: Callable[[int], int]
    members: Callable[[StudioError], Mapping[str, str]]
    headers: Callable[[StudioError], Mapping[str, str]]


class _Declaration(NamedTuple):
    """What a handler declares of its route."""

    name: str
    method: str
    path: str
    access: Access
    status: int
    limit: str | None
    idempotent: bool
    body: "type[BaseModel] | None"
    declared_query: Model | None
    declared_answer: Model | None
    upload: tuple[str, ...]
    errors: tuple[int, ...]
    declared_answers: Mapping[int, Model]
    media: tuple[str, ...]
    doc: str
    max_json_bytes: int = MAX_JSON_BYTES
    refusals: Refusals | None = None
    scheme: str | None = None
    headers: Mapping[str, str] = MappingProxyType({})


class Route(_Declaration):
    """The declaration of a route; the API description and the role tests are made from these."""

    @property
    def revalidates(self) -> bool:
        """Whether its answer has an `ETag`, and 304 is one of its statuses."""
        return self.method == "GET" and self.declared_answer is not None and self.limit is not None

    @property
    def stored_by_browsers(self) -> bool:
        """Whether browsers may keep the answer and ask again whether it still holds."""
        return self.revalidates and self.path.startswith(POLLED)

    @cached_property
    def query(self) -> "type[BaseModel] | None":
        """The model of the query."""
        return _imported(self.declared_query)

    @cached_property
    def answer(self) -> "type[BaseModel] | None":
        """The model of the answer."""
        return _imported(self.declared_answer)

    @cached_property
    def answers(self) -> "Mapping[int, type[BaseModel]]":
        """The models of further answers, by status."""
        found = {status: _imported(model) for status, model in self.declared_answers.items()}
        return {status: model for status, model in found.items() if model is not None}


def _imported(model: Model | None) -> "type[BaseModel] | None":
    return model if model is None or isinstance(model, type) else model()


ROUTES: list[Route] = []
"""The routes of the blueprints that this process has imported; `shared.function_index.load_all` imports all of them."""
