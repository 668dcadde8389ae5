"""Requests and answers of the shop window."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from shared.catalogue.window import Facet, WindowFacetValue, WindowFilters, WindowProduct
from shared.http.models import Answer, Query


class Sort(StrEnum):
    """Order of a list of products."""

    NEWEST = "newest"
    """Latest first."""
    PRICE = "price"
    """Cheapest first; products without a price last."""
    PRICE_DESCENDING = "-price"
    """Dearest first; products without a price last."""
    TITLE = "title"
    """By title, A to Z."""


class WindowQuery(WindowFilters):
    """Which of a shop's products to list."""

    sort: Sort = Sort.NEWEST


class PictureQuery(Query):
    """A public picture takes no parameters."""


class WindowPage(Answer):
    """A page of products on sale."""

    items: list[WindowProduct]
    total: int = Field(description="products that the filters let through")
    facets: dict[Facet, list[WindowFacetValue]] = Field(
        description="largest first; a field's own filter is left out of its counts"
    )
    continuation: str | None = None
