"""Requests and responses of predictions: one image synchronously, lists as jobs."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from functions.analytics.documents import HeatmapFacts, PredictionFigures, RunError
from functions.analytics.tables import MAX_CATEGORY, MAX_PRICE, MIN_PRICE
from shared.http.models import EXAMPLE_ID, Answer, Body, Id, example
from shared.http.page_query import PageQuery
from shared.jobs.models import JobProgress
from shared.tables.schemas import TableQuery, TableReading

type Category = Annotated[str, StringConstraints(min_length=1, max_length=MAX_CATEGORY, pattern=r"^[^\x00-\x1f]*$")]
type ModelId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
type RunStatus = Literal["queued", "processing", "retrying", "completed", "failed", "cancelled"]

MODEL_CHOICE = "`default` or the id of your own model; by default the active one"


class PredictRequest(Body):
    """What to predict for: exactly one of `imageUrl`, `imageId`, `imageIds`."""

    model_config = example(imageId=EXAMPLE_ID, category="shirt", price=49.9)

    image_url: str | None = Field(default=None, max_length=2048, description="a URL from a response of this API")
    image_id: Id | None = None
    image_ids: list[Id] | None = Field(default=None, min_length=1, max_length=1000, description="answered with a job")
    category: Category | None = None
    price: float | None = Field(
        default=None, ge=MIN_PRICE, le=MAX_PRICE, strict=False, description="in the currency of the model's table"
    )
    heatmap: bool = Field(default=True, description="also make the image of `heatmapUrl`; never with `imageIds`")
    model: ModelId | None = Field(default=None, description=MODEL_CHOICE)

    @model_validator(mode="after")
    def require_one_source(self) -> Self:
        """Refuse none and more than one."""
        if sum(given is not None for given in (self.image_url, self.image_id, self.image_ids)) != 1:
            raise ValueError("name the image by exactly one of imageUrl, imageId, imageIds")
        return self


class BatchQuery(TableQuery):
    """The model that predicts a list, and how the list is to be read."""

    model: ModelId | None = Field(default=None, description=MODEL_CHOICE)


class PredictionsQuery(PageQuery):
    """Which predictions to list, newest first."""


class Prediction(PredictionFigures, Answer, frozen=True):  # pyright: ignore[reportGeneralTypeIssues]
    """The expected sales of a design, their interval, and the reasons."""

    id: str
    image_id: str | None
    heatmap_url: str | None = Field(default=None, description="PNG; the URL is short-lived")
    heatmap: HeatmapFacts | None = None
    created_at: str


class PredictionList(Answer):
    """A page of predictions."""

    items: list[Prediction]
    continuation: str | None = None


class BatchQueued(Answer):
    """The queue predicts the list: follow the job, then get the batch."""

    batch_id: str
    job_id: str
    status: Literal["queued"] = "queued"
    rows: int
    reading: list[TableReading] = Field(description="how the file was read, and why; empty without one")


class Batch(Answer):
    """A list of images and its predictions."""

    id: str
    status: RunStatus
    job_id: str
    progress: JobProgress | None
    rows: int = Field(description="of the list")
    predicted: int | None = Field(description="rows with a prediction; null until done")
    bad_rows: int | None = Field(description="rows without a prediction; the result states the reason for each")
    result_url: str | None = Field(description="CSV with a line for each row of the list; the URL is short-lived")
    model: str | None
    model_version: str | None
    error: RunError | None
    created_at: str
    updated_at: str
