"""Requests and answers of the shop window."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from shared.http.models import Answer, PageQuery, Query


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


class Facet(StrEnum):
    """A field whose values are counted."""

    CATEGORY = "category"
    COLOUR = "colour"
    VENDOR = "vendor"


def _split(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _lower(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(value.casefold() for value in values)


type Values = Annotated[
    tuple[Annotated[str, StringConstraints(max_length=60)], ...],
    BeforeValidator(_split),
    AfterValidator(_lower),
    Field(max_length=50),
]
type Ids = Annotated[
    tuple[Annotated[str, StringConstraints(max_length=64)], ...], BeforeValidator(_split), Field(max_length=50)
]
type Facets = Annotated[tuple[Facet, ...], BeforeValidator(_split), Field(max_length=3)]
type Amount = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]
type Currency = Annotated[str, StringConstraints(pattern="^[A-Z]{3}$")]


class WindowQuery(PageQuery):
    """Which of a shop's products to list."""

    sort: Sort = Sort.NEWEST
    category: Values = Field(default=(), description="one of these, comma-separated")
    colour: Values = Field(default=(), description="one of these, comma-separated; as named by the vendor or measured")
    vendor: Ids = Field(default=(), description="ids of vendors, comma-separated")
    min_price: Amount | None = Field(default=None, description="in `currency`, inclusive")
    max_price: Amount | None = Field(default=None, description="in `currency`, inclusive")
    currency: Currency = "EUR"
    facets: Facets = Field(default=(), description="fields to count, comma-separated")


class PictureQuery(Query):
    """A public picture takes no parameters."""


class WindowPrice(Answer):
    """An amount of money."""

    amount: str = Field(description="decimal, two digits after the point")
    currency: str = Field(description="ISO 4217")


class WindowPicture(Answer):
    """A public picture; its URL never changes its content."""

    url: str = Field(description="relative to the API's address unless `PICTURE_BASE_URL` is set")
    width: int = Field(description="pixels")
    height: int = Field(description="pixels")


class WindowProduct(Answer):
    """A product on sale, as anyone sees it."""

    id: str = Field(description="accepted as `garmentImageId` of a try-on")
    sku: str
    title: str
    description: str | None
    category: str | None
    colours: list[str] = Field(description="as the vendor names it, then as measured in the photo")
    tags: list[str]
    price: WindowPrice | None
    vendor_id: str
    vendor_name: str | None
    pictures: dict[str, WindowPicture] = Field(description="thumbnail, optimised; cutoutThumbnail and cutout on white")
    created_at: str


class WindowFacetValue(Answer):
    """A value of a field, and how many products have it."""

    value: str
    count: int


class WindowPage(Answer):
    """A page of products on sale."""

    items: list[WindowProduct]
    total: int = Field(description="products that the filters let through")
    facets: dict[Facet, list[WindowFacetValue]] = Field(
        description="largest first; a field's own filter is left out of its counts"
    )
    continuation: str | None = None
