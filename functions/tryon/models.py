"""Requests and answers of try-on."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from shared.http.models import Answer, Body, Id, PageQuery, Query
from shared.vto.protocol import Category

type Wanted = Literal["auto", "upper", "lower", "dress"]
type Status = Literal["valid", "queued", "processing", "retrying", "completed", "failed", "cancelled"]
type Mode = Literal["sync", "queued", "auto"]
type Url = Annotated[str, StringConstraints(max_length=2048)]
type Engine = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,32}$")]
type Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]

MOST_GARMENTS = 4
MOST_PRODUCTS = 50


class GarmentRequest(Body):
    """One garment of an outfit, named by exactly one of `garmentUrl`, `garmentImageId`, `productId`."""

    garment_url: Url | None = None
    garment_image_id: Id | None = None
    product_id: Id | None = None
    category: Wanted = "auto"

    @model_validator(mode="after")
    def one_garment(self) -> Self:
        """Refuse none and more than one."""
        if sum(one is not None for one in (self.garment_url, self.garment_image_id, self.product_id)) != 1:
            raise ValueError("name the garment by exactly one of garmentUrl, garmentImageId, productId")
        return self


class PersonRequest(Body):
    """Who is dressed, and how; the person named by exactly one of `personUrl`, `personImageId`."""

    person_url: Url | None = Field(default=None, description="a URL that this API gave out")
    person_image_id: Id | None = None
    seed: Seed | None = Field(default=None, description="the same seed and inputs give the same result where the "
                              "engine can; one is chosen by default")  # fmt: skip
    samples: int = Field(default=1, ge=1, le=4, description="results with seeds that follow each other")
    engine: Engine | None = Field(default=None, description="one of those that are allowed here")

    @model_validator(mode="after")
    def one_person(self) -> Self:
        """Refuse none and both."""
        if (self.person_url is None) == (self.person_image_id is None):
            raise ValueError("name the person by exactly one of personUrl, personImageId")
        return self


class TryOnRequest(PersonRequest):
    """Put a garment on a person, or several in their order: one garment by exactly one of `garmentUrl`,
    `garmentImageId`, `productId`, or `garments`."""

    garment_url: Url | None = None
    garment_image_id: Id | None = None
    product_id: Id | None = None
    category: Wanted = Field(default="auto", description="of the one garment; `auto` asks the picture")
    garments: list[GarmentRequest] | None = Field(
        default=None, min_length=1, max_length=MOST_GARMENTS, description="an outfit, applied in this order"
    )
    mask_url: Url | None = Field(
        default=None, description="a mask of the person's photo, of its size: white where it may be changed"
    )
    mode: Mode = Field(default="auto", description="`sync` waits within the budget; `queued` answers 202 at once")
    dry_run: bool = Field(default=False, description="only say whether it could be made; nothing is stored or charged")

    @model_validator(mode="after")
    def some_garment(self) -> Self:
        """Refuse none and more than one way of naming."""
        named = (self.garment_url, self.garment_image_id, self.product_id, self.garments)
        if sum(one is not None for one in named) != 1:
            raise ValueError(
                "name the garment by exactly one of garmentUrl, garmentImageId, productId, or several by garments"
            )
        if self.garments is not None and self.category != "auto":
            raise ValueError("with garments, each has its own category")
        return self

    @property
    def outfit(self) -> list[GarmentRequest]:
        """The garments in their order."""
        if self.garments is not None:
            return self.garments
        return [
            GarmentRequest(
                garment_url=self.garment_url,
                garment_image_id=self.garment_image_id,
                product_id=self.product_id,
                category=self.category,
            )
        ]


class BatchRequest(PersonRequest):
    """Put each of several products on one person: a try-on for each."""

    product_ids: list[Id] = Field(min_length=1, max_length=MOST_PRODUCTS)

    @model_validator(mode="after")
    def distinct(self) -> Self:
        """Refuse to make the same twice."""
        if len(set(self.product_ids)) != len(self.product_ids):
            raise ValueError("a product is named twice")
        return self


class TryOnsQuery(PageQuery):
    """Which of one's try-ons to list, newest first."""

    status: Status | None = None


class DeleteQuery(Query):
    """What goes with a try-on."""

    inputs: bool = Field(default=False, description="also the person's and the garments' images, where they are yours")


class TryOnError(Answer):
    """Why a try-on failed."""

    code: str = Field(description="stable, for programs")
    message: str
    retryable: bool = Field(description="whether the same request can succeed later")
    billed: bool = Field(description="whether it counts in the month: failures never do")


class UsedGarment(Answer):
    """A garment of a try-on."""

    image_id: str | None
    product_id: str | None
    wanted: Wanted = Field(description="as asked for")
    category: Category | None = Field(description="as found in the picture; null until it was looked at")


class TryOnResult(Answer):
    """One result; the URLs live for minutes, and are null once its image was deleted."""

    image_id: str
    seed: int
    output_url: str | None = Field(description="of the size of the person's photo")
    thumbnail_url: str | None
    mask_url: str | None = Field(description="8-bit grey PNG: 0 where the pixels are the person's photo's own")
    width: int
    height: int
    report: dict[str, Any] = Field(description="changedOutsideMask, engine, version, seed, ms, notes")


class TryOn(Answer):
    """A try-on and, once it is completed, its results; `outputUrl`, `maskUrl` and `seed` are the first one's."""

    id: str | None = Field(description="null for a dry run")
    status: Status
    job_id: str | None
    batch_id: str | None = None
    output_url: str | None = None
    mask_url: str | None = None
    seed: int
    engine: str
    engine_version: str | None = None
    person_image_id: str | None
    garments: list[UsedGarment]
    results: list[TryOnResult] = Field(default_factory=list[TryOnResult])
    progress: dict[str, Any] | None = None
    queue_position: int | None = Field(default=None, description="try-ons before it, while it waits")
    attempt: int = 0
    billed: bool = Field(default=False, description="whether it counts in the month, or was paid by a credit")
    error: TryOnError | None = None
    processing_ms: int | None = None
    created_at: str
    updated_at: str


class TryOnList(Answer):
    """A page of try-ons; their URLs come with each alone."""

    items: list[TryOn]
    continuation: str | None = None


class BatchItem(Answer):
    """A product of a batch and its try-on."""

    product_id: str
    try_on_id: str | None = Field(description="null until it was made, or when it could not be asked for")
    status: Status
    error: TryOnError | None = None


class Batch(Answer):
    """How a batch stands; each item's results come with its try-on."""

    id: str
    status: Literal["queued", "processing", "completed", "failed", "cancelled"]
    job_id: str = Field(description="of the job that asks for the items")
    counts: dict[str, int] = Field(description="items by status")
    percent: int = Field(description="of the items that have ended, 0..100")
    items: list[BatchItem]
    created_at: str
