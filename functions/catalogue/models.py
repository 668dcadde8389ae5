"""The JSON that vendors upload with their photos, and the answers about products and drops."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from functions.catalogue.documents import DropStatus, FileKind
from shared import blobs
from shared.catalogue.documents import ProductDocument, ProductStatus
from shared.http.models import Answer, PageQuery
from shared.images.documents import StoredRendition

type Line = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]*$")
]
type Word = Annotated[
    str,
    StringConstraints(strip_whitespace=True, to_lower=True, min_length=1, max_length=40, pattern=r"^[^\x00-\x1f]*$"),
]


class Metadata(BaseModel):
    """`{sku}.json`: what the vendor says of a product. Unknown fields are ignored: product feeds carry more."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    title: Line
    category: Word | None = None
    price: Annotated[Decimal, Field(ge=0, le=1_000_000, max_digits=9, decimal_places=2)] | None = None
    currency: Annotated[str, StringConstraints(pattern="^[A-Z]{3}$")] = "EUR"
    colour: Word | None = None
    tags: Annotated[list[Word], Field(max_length=30)] = Field(default_factory=list[str])
    description: Annotated[str, StringConstraints(strip_whitespace=True, max_length=4000)] | None = None


class ProductsQuery(PageQuery):
    """Which of the vendor's products to list, latest change first."""

    status: ProductStatus | None = Field(default=None, description="default: all that are not retired")


class DropsQuery(PageQuery):
    """Which of the vendor's files to list, latest first."""

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
    """A picture of a product; the URL expires after some minutes."""

    url: str
    width: int = Field(description="pixels")
    height: int = Field(description="pixels")
    content_type: str

    @classmethod
    def of_rendition(cls, rendition: StoredRendition) -> Self:
        """A stored picture with a URL to read it."""
        url = blobs.read_url(rendition.container, rendition.name, content_type=rendition.content_type)
        return cls.of(rendition, url=url)


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
    colour: str | None = Field(description="as the vendor names it, else the largest measured one")
    tags: list[str]
    description: str | None
    image_id: str | None = Field(description="accepted wherever the API takes an image of a garment")
    pictures: dict[str, Picture] = Field(
        description="original, optimised, thumbnail; cutout (on white), cutoutThumbnail; mask"
    )
    colours: list[Colour]
    garment_class: str | None = Field(description="as the model sees it")
    worn: bool | None = Field(description="whether a person wears it in the photo")
    quality: Literal["good", "low"] | None = Field(description="of mask and cut-out")
    model_version: str | None
    has_metadata: bool
    index_seq: int | None = Field(
        description="pass it to a search as `after` to see this revision; null while it is not in the index"
    )
    created_at: str
    updated_at: str

    @classmethod
    def of_document(cls, product: ProductDocument, index_seq: int | None) -> Self:
        """A product with URLs to read its pictures."""
        return cls.of(
            product,
            title=product.name,
            colour=product.colour or (product.colours[0].name if product.colours else None),
            image_id=product.id if product.status is ProductStatus.ACTIVE else None,
            pictures={
                name: Picture.of_rendition(rendition)
                for name, rendition in (product.image.renditions.by_name().items() if product.image else ())
            },
            has_metadata=product.sources.metadata is not None,
            index_seq=index_seq,
        )


class ProductList(Answer):
    """A page of products."""

    items: list[Product]
    continuation: str | None = None


class DropError(Answer):
    """Why a file was rejected."""

    code: str
    message: str


class Drop(Answer):
    """A file that the vendor uploaded, and what became of it."""

    id: str
    name: str
    kind: FileKind
    status: DropStatus
    product_id: str | None = Field(description="of the product that it became part of")
    error: DropError | None = Field(description="why it was rejected")
    created_at: str
    updated_at: str


class DropList(Answer):
    """A page of drops."""

    items: list[Drop]
    continuation: str | None = None
