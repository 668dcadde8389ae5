"""What anyone may see of a product on sale, and how visitors narrow lists of products down."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from shared.accounts.cache import account_cache
from shared.accounts.documents import DEFAULT_SHOP, AccountDocument, accounts
from shared.catalogue.documents import ProductDocument, ProductImage, ProductStatus
from shared.catalogue.settings import window_settings
from shared.documents.fields import where
from shared.http.models import Answer, Id
from shared.http.page_query import PageQuery

PUBLIC: Final = ("thumbnail", "optimised", "cutoutThumbnail", "cutout")
"""The renditions that anyone may read."""


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
type Ids = Annotated[tuple[Id, ...], BeforeValidator(_split), Field(max_length=50)]
type Facets = Annotated[tuple[Facet, ...], BeforeValidator(_split), Field(max_length=3)]
type Amount = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]
type Currency = Annotated[str, StringConstraints(pattern="^[A-Z]{3}$")]


class WindowFilters(PageQuery):
    """What products must meet to be listed or found, and which fields are counted."""

    category: Values = Field(default=(), description="one of these, comma-separated")
    colour: Values = Field(default=(), description="one of these, comma-separated; as named by the vendor or measured")
    vendor: Ids = Field(default=(), description="ids of vendors, comma-separated")
    min_price: Amount | None = Field(default=None, description="in `currency`, inclusive")
    max_price: Amount | None = Field(default=None, description="in `currency`, inclusive")
    currency: Currency = "EUR"
    facets: Facets = Field(default=(), description="fields to count, comma-separated")


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


def window_product(shop: str, product: ProductDocument) -> WindowProduct:
    """A product as anyone sees it in a shop."""
    vendor = account_cache.find(product.vendor_id)
    return WindowProduct.of(
        product,
        title=product.name,
        category=product.category or product.garment_class,
        colours=list(colours_of(product)),
        tags=list(product.tags),
        price=None if product.price is None else WindowPrice.of(product.price),
        vendor_name=None if vendor is None else vendor.display_name,
        pictures=_pictures(shop, product),
    )


def _pictures(shop: str, product: ProductDocument) -> dict[str, WindowPicture]:
    if product.image is None:
        return {}
    base = (window_settings().picture_base_url or "").rstrip("/")
    folder = f"{base}/api/shops/{shop}/products/{product.id}/pictures/{version_of(product.image)}"
    renditions = product.image.renditions.by_name()
    return {name: WindowPicture.of(renditions[name], url=f"{folder}/{name}") for name in PUBLIC}


def version_of(image: ProductImage) -> str:
    """The version of a product's photo that addresses of its public pictures name."""
    return hashlib.sha256(image.prefix.encode()).hexdigest()[:12]


def colours_of(product: ProductDocument) -> tuple[str, ...]:
    """As the vendor names it, then as measured; in lower case."""
    named = (product.colour,) if product.colour else ()
    measured = (colour.name for colour in product.colours)
    return tuple(dict.fromkeys(name.casefold() for name in (*named, *measured)))


def is_on_sale(product: ProductDocument) -> bool:
    """Whether the product is offered and has a photo; its vendor may be of any shop."""
    return product.status is ProductStatus.ACTIVE and product.image is not None


def sells_in(vendor_id: str, shop: str) -> bool:
    """Whether the vendor's account is enabled and of this shop."""
    account = account_cache.find(vendor_id)
    return account is not None and not account.disabled and account.shop == shop


def shop_exists(shop: str) -> bool:
    """Whether there is such a shop; a query over all accounts."""
    return shop == DEFAULT_SHOP or accounts.count(where(AccountDocument.shop, "=", shop)) > 0
