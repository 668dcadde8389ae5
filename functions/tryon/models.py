"""Requests and answers of try-on."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from shared.http.models import EXAMPLE_ID, Answer, Body, Id, Query, example
from shared.http.page_query import PageQuery
from shared.jobs.models import RunStatus
from shared.tryons.documents import RequestedCategory
from shared.vto.protocol import Category, SampleReport

type Mode = Literal["sync", "queued", "auto"]
type Url = Annotated[str, StringConstraints(max_length=2048)]
type Engine = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,32}$")]
type Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]

MAX_GARMENTS: Final = 4
MAX_PRODUCTS: Final = 50


class GarmentRequest(Body):
    """One garment of an outfit, named by exactly one of `garmentUrl`, `garmentImageId`, `productId`."""

    garment_url: Url | None = None
    garment_image_id: Id | None = None
    product_id: Id | None = None
    category: RequestedCategory = "auto"

    @model_validator(mode="after")
    def one_garment(self) -> Self:
        """Require exactly one way of naming the garment."""
        if sum(one is not None for one in (self.garment_url, self.garment_image_id, self.product_id)) != 1:
            raise ValueError("name the garment by exactly one of garmentUrl, garmentImageId, productId")
        return self


class PersonRequest(Body):
    """The person, named by exactly one of `personUrl`, `personImageId`, and how results are made."""

    person_url: Url | None = Field(default=None, description="a URL that this API returned")
    person_image_id: Id | None = None
    seed: Seed | None = Field(default=None, description="the same seed and inputs give the same result if the "
                              "engine supports it; chosen by default")  # fmt: skip
    samples: int = Field(default=1, ge=1, le=4, description="number of results, with consecutive seeds")
    engine: Engine | None = Field(
        default=None, description="one of the engines that this deployment offers; by default the best of them"
    )

    @model_validator(mode="after")
    def one_person(self) -> Self:
        """Require exactly one way of naming the person."""
        if (self.person_url is None) == (self.person_image_id is None):
            raise ValueError("name the person by exactly one of personUrl, personImageId")
        return self


class TryOnRequest(PersonRequest):
    """A person and a garment, named by one of `garmentUrl`, `garmentImageId`, `productId`, or several `garments`."""

    model_config = example(personImageId=EXAMPLE_ID, garmentImageId=EXAMPLE_ID, category="auto")

    garment_url: Url | None = None
    garment_image_id: Id | None = None
    product_id: Id | None = None
    category: RequestedCategory = Field(
        default="auto", description="of the one garment; `auto` detects it in the image"
    )
    garments: list[GarmentRequest] | None = Field(
        default=None, min_length=1, max_length=MAX_GARMENTS, description="an outfit, applied in this order"
    )
    mask_url: Url | None = Field(
        default=None, description="a mask of the size of the person image: white where it may be changed"
    )
    mode: Mode = Field(default="auto", description="`sync` waits within the budget; `queued` answers 202 at once")
    dry_run: bool = Field(default=False, description="only inspect the images; nothing is stored or charged")

    @model_validator(mode="after")
    def some_garment(self) -> Self:
        """Require exactly one way of naming the garments."""
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
    """A person and several products: a try-on for each."""

    model_config = example(personImageId=EXAMPLE_ID, productIds=[EXAMPLE_ID])

    product_ids: list[Id] = Field(min_length=1, max_length=MAX_PRODUCTS)

    @model_validator(mode="after")
    def distinct(self) -> Self:
        """Refuse a repeated product."""
        if len(set(self.product_ids)) != len(self.product_ids):
            raise ValueError("a product is named twice")
        return self


class TryOnsQuery(PageQuery):
    """Which try-ons to list."""

    status: RunStatus | None = None


class DeleteQuery(Query):
    """What to delete with a try-on."""

    inputs: bool = Field(default=False, description="also delete the person and garment images, if they are yours")


class TryOnError(Answer):
    """Why a try-on failed."""

    code: str = Field(description="stable, for programs")
    message: str
    retryable: bool = Field(description="whether the same request can succeed later")
    billed: bool = Field(description="whether it was charged: failures never are")


class UsedGarment(Answer):
    """A garment of a try-on."""

    image_id: str | None
    product_id: str | None
    requested_category: RequestedCategory
    category: Category | None = Field(description="as found in the image; null until it is inspected")


class TryOnResult(Answer):
    """A result; its URLs are valid for minutes, and null once its image is deleted."""

    image_id: str
    seed: int
    engine: str = Field(description="which engine made it")
    engine_label: str = Field(default="", description="the engine in words; says if it is a preview")
    output_url: str | None = Field(description="image of the size of the person image, or as the engine made it")
    thumbnail_url: str | None
    mask_url: str | None = Field(description="8-bit grey PNG: 0 where the pixels are those of the person image")
    width: int
    height: int
    report: SampleReport


class TryOn(Answer):
    """A try-on and, once it is completed, its results; `outputUrl`, `maskUrl` and `seed` are those of the first."""

    id: str | None = Field(description="null for a dry run")
    status: RunStatus | Literal["valid"]
    job_id: str | None
    batch_id: str | None = None
    output_url: str | None = None
    mask_url: str | None = None
    seed: int
    engine: str
    engine_label: str = Field(default="", description="the engine in words")
    preview: bool = Field(default=False, description="whether the engine makes previews and no photos")
    engine_version: str | None = None
    person_image_id: str | None
    garments: list[UsedGarment]
    results: list[TryOnResult] = Field(default_factory=list[TryOnResult])
    progress: dict[str, Any] | None = None
    queue_position: int | None = Field(default=None, description="try-ons before it, while it waits")
    attempt: int = 0
    billed: bool = Field(
        default=False,
        description="whether it is charged, to the quota or as a credit: failures and results of low quality are not, "
        "a cancellation is if a hosted engine was called and today's free cancellations are used up",
    )
    error: TryOnError | None = None
    processing_ms: int | None = None
    created_at: str
    updated_at: str


class TryOnList(Answer):
    """A page of try-ons, without URLs: get a try-on for its results."""

    items: list[TryOn]
    continuation: str | None = None


class BatchItem(Answer):
    """A product of a batch and its try-on."""

    product_id: str
    tryon_id: str | None = Field(description="null until it is created, or if it could not be created")
    status: RunStatus
    error: TryOnError | None = None


class Batch(Answer):
    """A batch; get a try-on for its results."""

    id: str
    status: RunStatus
    job_id: str = Field(description="job that creates the try-ons")
    counts: dict[str, int] = Field(description="number of items by status")
    percent: int = Field(description="share of the items that have ended, 0..100")
    items: list[BatchItem]
    created_at: str
