"""Requests and answers of searches of a shop window."""

from __future__ import annotations

from pydantic import Field

from functions.search.models import Alpha, Cursor, Why, Words
from shared.catalogue.window import Facet, WindowFacetValue, WindowFilters, WindowProduct
from shared.http.models import Answer


class WindowWordsQuery(WindowFilters):
    """What to look for in a shop window."""

    q: Words
    continuation: Cursor | None = None


class WindowPictureQuery(WindowFilters):
    """What to look for beside the photo in the body."""

    q: Words | None = None
    alpha: Alpha = 0.5
    continuation: Cursor | None = None


class WindowResult(Answer):
    """A product found, as anyone sees it."""

    product: WindowProduct
    score: float = Field(description="standard deviations over a chance product, weighted over the channels")
    why: Why


class WindowSearchAnswer(Answer):
    """A page of products found, best first."""

    results: list[WindowResult]
    total: int = Field(description="products that are results: what neither has the words nor resembles is none")
    facets: dict[Facet, list[WindowFacetValue]] = Field(
        description="of all results, largest first; a field's own filter is left out of its counts"
    )
    did_you_mean: str | None = Field(
        description="the words searched for, with those that no product has replaced by similar words of the shop"
    )
    unknown_terms: list[str] = Field(description="words that were looked for by their letters alone")
    continuation: str | None = Field(description="of the next page; it ends some time after the index's version does")
