"""The JSON that vendors upload with their photos, and the answers about products and drops."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from functions.catalogue.documents import DropStatus, FileKind
from shared import blobs, text
from shared.catalogue.documents import ProductDocument, ProductStatus
from shared.http.models import Answer, Body, example
from shared.http.page_query import PageQuery
from shared.images.documents import StoredRendition

type Line = Annotated[text.LineText, Field(min_length=1, max_length=200)]
type Word = Annotated[text.LineText, AfterValidator(str.lower), Field(min_length=1, max_length=40)]


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


class Draft(Answer):
    """Why a product is not on sale."""

    code: str = Field(description="`metadata_missing`, `metadata_refused` or `withheld`")
    message: str


class PriceChange(Body):
    """The price of a product."""

    amount: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,7}(\.[0-9]{1,2})?$")] = Field(
        description="decimal with a point"
    )
    currency: Annotated[str, StringConstraints(pattern="^[A-Z]{3}$")] = Field(default="EUR", description="ISO 4217")


class ProductChange(Body):
    """What to change of a product; what is left out stays. The next upload of SKU.json replaces all of it."""

    model_config = example(title="Linen shirt", price={"amount": "39.90", "currency": "EUR"}, status="active")

    title: Line | None = None
    category: Word | None = Field(default=None, description="null removes it")
    price: PriceChange | None = Field(default=None, description="null removes it")
    colour: Word | None = Field(default=None, description="null removes it")
    tags: Annotated[list[Word], Field(max_length=30)] | None = None
    description: Annotated[text.BlockText, Field(max_length=4000)] | None = Field(
        default=None, description="null removes it"
    )
    status: Literal["active", "draft", "retired"] | None = Field(
        default=None, description="`active` sells it, `draft` takes it off sale, `retired` ends it and keeps its files"
    )

    @model_validator(mode="after")
    def something(self) -> Self:
        """Require a change, and values where there must be one."""
        if not self.model_fields_set:
            raise ValueError("name at least one field to change")
        for name in ("title", "tags", "status"):
            if name in self.model_fields_set and getattr(self, name) is None:
                raise ValueError(f"{name} can't be null")
        return self


class Product(Answer):
    """A product as its vendor sees it."""

    id: str
    sku: str
    vendor_id: str
    status: ProductStatus
    draft: Draft | None = Field(description="why it is not on sale")
    revision: int = Field(description="grows with every change")
    title: str
    category: str | None
    price: Price | None
    colour: str | None = Field(description="as the vendor names it, else the largest measured one")
    tags: list[str]
    description: str | None
    image_id: str | None = Field(
        description="accepted wherever the API takes an image of a garment; a draft's only from its vendor"
    )
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
            draft=None if product.draft is None else Draft.of(product.draft),
            image_id=product.id if product.status in (ProductStatus.ACTIVE, ProductStatus.DRAFT) else None,
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
