"""Requests and answers of predicting: one picture at once, lists as jobs."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from shared.http.models import Answer, Body, Id, PageQuery, Query

type Category = Annotated[str, StringConstraints(min_length=1, max_length=60, pattern=r"^[^\x00-\x1f]*$")]
type ModelId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
type Status = Literal["queued", "processing", "retrying", "completed", "failed", "cancelled"]


class PredictRequest(Body):
    """What to predict for: exactly one of `imageUrl`, `imageId`, `imageIds`."""

    image_url: str | None = Field(default=None, max_length=2048, description="a URL that this API gave out")
    image_id: Id | None = None
    image_ids: list[Id] | None = Field(default=None, min_length=1, max_length=1000, description="answered with a job")
    category: Category | None = None
    price: float | None = Field(
        default=None, ge=0.001, le=1e6, strict=False, description="in the currency of the model's table"
    )
    heatmap: bool = Field(default=True, description="make the picture of `heatmapUrl`, too; never with `imageIds`")
    model: ModelId | None = Field(default=None, description="`default` or one of one's own; the active one by default")

    @model_validator(mode="after")
    def one_source(self) -> Self:
        """Refuse none and more than one."""
        if sum(given is not None for given in (self.image_url, self.image_id, self.image_ids)) != 1:
            raise ValueError("name the picture by exactly one of imageUrl, imageId, imageIds")
        return self


class BatchQuery(Query):
    """With which model a list is predicted."""

    model: ModelId | None = Field(default=None, description="`default` or one of one's own; the active one by default")


class PredictionsQuery(PageQuery):
    """One's predictions, newest first."""


class Contribution(Answer):
    """What one input does to the prediction."""

    name: Literal["base", "image", "price", "category"]
    value: float = Field(description="added to `mid`, in log(1 + units)")
    factor: float = Field(description="exp(value): by what it multiplies 1 + units")


class Explanation(Answer):
    """How the score comes about: the contributions sum to `mid`, and the score is exp(mid) - 1."""

    scale: Literal["log(1 + units)"] = "log(1 + units)"
    mid: float
    contributions: list[Contribution]


class HeatmapFacts(Answer):
    """How to read the picture of `heatmapUrl`: red raises the prediction, blue lowers it."""

    method: Literal["cam", "occlusion"] = Field(description="`cam` sums to the image's contribution, `occlusion` not")
    mean: float | None = Field(description="of the map; with `cam` the image's contribution to `mid`")
    strongest: float = Field(description="largest effect of a place, either way")
    scale: float = Field(description="the effect that is shown at full strength")


class Comparable(Answer):
    """One of the sold products that look most alike, and what it did."""

    name: str = Field(description="an image id, or a garment of the generated table")
    image_id: str | None
    similarity: float = Field(description="cosine of the embeddings, -1..1")
    category: str
    price: float
    units: float = Field(description="of its latest row")
    date: str
    rows: int = Field(description="how often it is in the table")


class Warned(Answer):
    """Why not to trust the numbers blindly."""

    code: Literal["far_from_training", "unknown_category", "price_out_of_range", "few_calibration_rows"]
    message: str


class Prediction(Answer):
    """What a design will sell, how sure that is, and why."""

    id: str
    image_id: str | None
    category: str | None
    price: float | None
    score: float = Field(description="the median of what is expected, in `unit`")
    err_low: float = Field(description="lower end of the interval, same unit")
    err_high: float = Field(description="upper end of the interval, same unit")
    unit: str
    coverage: float = Field(description="share of sales that intervals are asked to hold")
    coverage_band: tuple[float, float] = Field(
        description="where the true coverage lies for 9 of 10 calibration sets of this size"
    )
    calibration: Literal["good", "low"] = Field(description="`low`: fewer than 100 rows to calibrate on")
    n_calibration: int = Field(description="rows the interval was calibrated on")
    method: str = Field(description="how intervals are made: split-abs, mondrian, cqr or cqr-mondrian")
    data: Literal["synthetic", "own"] = Field(description="what the model was fitted on")
    model: str = Field(description="`default` or the id of one's own")
    model_version: str
    heatmap_url: str | None = None
    heatmap: HeatmapFacts | None = None
    explanation: Explanation
    comparables: list[Comparable]
    distance: float = Field(description="from the pictures fitted on; above 1 farther than 99 % of them are")
    warnings: list[Warned]
    created_at: str


class PredictionList(Answer):
    """A page of predictions."""

    items: list[Prediction]
    continuation: str | None = None


class BatchQueued(Answer):
    """The list is predicted by the queue: follow the job, then read the batch."""

    batch_id: str
    job_id: str
    status: Literal["queued"] = "queued"
    rows: int


class Batch(Answer):
    """A list of pictures and what became of it."""

    id: str
    status: Status
    job_id: str
    progress: dict[str, Any] | None
    rows: int
    predicted: int | None
    bad_rows: int | None = Field(description="rows without a prediction; the result names each and why")
    result_url: str | None = Field(description="CSV, a line for each row of the list; the URL is short-lived")
    model: str | None
    model_version: str | None
    error: dict[str, Any] | None
    created_at: str
    updated_at: str
