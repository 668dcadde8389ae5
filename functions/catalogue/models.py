"""What vendors drop beside their photos, and how products and drops are answered."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shared.http.models import Answer, PageQuery

type Line = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]*$")
]
type Word = Annotated[
    str,
    StringConstraints(strip_whitespace=True, to_lower=True, min_length=1, max_length=40, pattern=r"^[^\x00-\x1f]*$"),
]
type DropStatus = Literal[
    "queued", "processing", "retrying", "completed", "rejected", "superseded", "gone", "failed", "cancelled"
]
type ProductStatus = Literal["active", "awaiting_image", "retired"]


class Metadata(BaseModel):
    """`{sku}.json`: what the vendor says of the product. Fields we do not know are left alone: feeds carry more."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    title: Line
    category: Word | None = None
    price: Annotated[Decimal, Field(ge=0, le=1_000_000, max_digits=9, decimal_places=2)] | None = None
    currency: Annotated[str, StringConstraints(pattern="^[A-Z]{3}$")] = "EUR"
    colour: Word | None = None
    tags: Annotated[list[Word], Field(max_length=30)] = Field(default_factory=list[str])
    description: Annotated[str, StringConstraints(strip_whitespace=True, max_length=4000)] | None = None


class ProductsQuery(PageQuery):
    """Which of one's products to list, latest change first."""

    status: ProductStatus | None = Field(default=None, description="all but retired ones by default")


class DropsQuery(PageQuery):
    """Which of one's dropped files to list, latest first."""

    status: DropStatus | None = None


class Price(Answer):
    """An amount of money."""

    amount: str = Field(description="decimal, two digits after the point")
    currency: str = Field(description="ISO 4217")


class Colour(Answer):
    """A dominant colour, measured inside the mask."""

    name: str
    hex: str
    share: float = Field(description="of the garment's area, 0..1")


class Picture(Answer):
    """A picture of a product; the URL is short-lived."""

    url: str
    width: int = Field(description="pixels")
    height: int
    content_type: str


class Product(Answer):
    """A product as its vendor sees it."""

    id: str
    sku: str
    vendor_id: str
    status: ProductStatus
    revision: int = Field(description="grows with every change")
    title: str
    category: str | None
    price: Price | None
    colour: str | None = Field(description="as the vendor named it, else the largest measured one")
    tags: list[str]
    description: str | None
    image_id: str | None = Field(description="to be used where an API takes an image of a garment")
    pictures: dict[str, Picture] = Field(
        description="original, optimised, thumbnail; cutout (on white), cutoutThumbnail; mask"
    )
    colours: list[Colour]
    garment_class: str | None = Field(description="as the model sees it")
    worn: bool | None
    quality: Literal["good", "low"] | None = Field(description="of mask and cut-out")
    model_version: str | None
    has_metadata: bool
    index_seq: int | None = Field(
        description="hand it to a search as `after` to see this revision; null while it is not in the index yet"
    )
    created_at: str
    updated_at: str


class ProductList(Answer):
    """A page of products."""

    items: list[Product]
    continuation: str | None = None


class Drop(Answer):
    """What became of a dropped file."""

    id: str
    name: str
    kind: str = Field(description="image, metadata or other")
    status: DropStatus
    product_id: str | None
    error: dict[str, Any] | None = Field(description="why it was rejected: code and message")
    created_at: str
    updated_at: str


class DropList(Answer):
    """A page of dropped files."""

    items: list[Drop]
    continuation: str | None = None
