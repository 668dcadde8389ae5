"""Requests and answers of training, of one's models, and of evaluations."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from functions.analytics.models import ModelId, Status
from shared.http.models import Answer, Query


class TrainQuery(Query):
    """How a table is trained on."""

    bad_rows: Literal["refuse", "skip"] = Field(
        default="refuse", description="`skip`: train on the good rows; the report names the others either way"
    )
    activate: bool = Field(default=True, description="let the new version answer as soon as it is made")


class TrainingQueued(Answer):
    """The table could be read: the queue trains on it."""

    training_id: str
    job_id: str
    status: Literal["queued"] = "queued"
    rows: int
    bad_rows: int
    ignored_columns: list[str]


class Training(Answer):
    """A table and what became of it."""

    id: str
    status: Status
    job_id: str
    progress: dict[str, Any] | None
    rows: int
    bad_rows: int = Field(description="so far: rows whose picture can't be used are found by the job")
    report_url: str | None = Field(description="CSV with every problem of every bad row; the URL is short-lived")
    ignored_columns: list[str]
    model: str | None = Field(description="id of the version it made")
    model_version: str | None
    figures: dict[str, Any] | None = Field(description="WAPE, coverage and width on the newest rows")
    error: dict[str, Any] | None
    created_at: str
    updated_at: str


class SalesModel(Answer):
    """A model that can answer."""

    id: str
    version: str
    active: bool
    data: Literal["synthetic", "own"]
    unit: str
    rows: dict[str, int] = Field(description="by fold: train, choose, calibrate, report")
    categories: list[str]
    method: str
    n_calibration: int
    coverage_band: tuple[float, float]
    calibration: Literal["good", "low"]
    usable: bool = Field(description="false when it was fitted on another image tower than the one in use")
    created_at: str | None


class SalesModelList(Answer):
    """All models one may use, the shipped one last."""

    items: list[SalesModel]
    active: str
    previous: str | None


class EvalQuery(Query):
    """Which model to look at."""

    model: ModelId | None = Field(default=None, description="`default` or one of one's own; the active one by default")


class Measures(Answer):
    """How far predictions are from what was sold."""

    mae: float = Field(description="units")
    wape: float = Field(description="sum of absolute errors over sum of units")
    rmse: float
    r2: float
    bias: float = Field(description="mean of predicted minus sold, units")
    spearman: float
    top_decile_lift: float = Field(description="what the best predicted tenth sold over the average")


class ModelMeasures(Measures):
    """Of the model itself."""

    bias_share: float = Field(description="sum of errors over sum of units; a median lies below the mean")


class BaselineMeasures(Measures):
    """Of a simpler way to predict, and whether the model beats it."""

    wape_minus_model: tuple[float, float] = Field(description="95 % bootstrap interval; above 0 the model is better")
    model_is: Literal["better", "worse", "not distinguishable"]


class Interval(Answer):
    """Whether intervals hold what they promise; widths in log(1 + units) unless said otherwise."""

    asked: float
    coverage: float
    band: tuple[float, float] = Field(description="where chance alone puts the coverage of 95 % of such models")
    width: float
    width_units: float
    constant_width: float = Field(description="if all intervals had one width")
    narrower_than_constant: float = Field(description="1 - width / constantWidth; may be below 0")


class CategoryFigures(Answer):
    """One category of the held-out rows."""

    category: str
    n: int
    mae: float
    wape: float
    coverage: float
    chance_low: float = Field(description="chance explains coverage down to this, as many categories considered")
    width: float


class FieldsFigures(Answer):
    """The same rows with some fields left out."""

    given: str
    wape: float
    coverage: float
    width: float


class LevelFigures(Answer):
    """A point of the calibration plot."""

    level: float
    inside: float
    chance_low: float
    chance_high: float


class DecileFigures(Answer):
    """A tenth of the rows, by what was predicted: mean prediction, mean sales and its standard error."""

    predicted: float
    sold: float
    error: float


class Evaluation(Answer):
    """A model on rows used for nothing else."""

    model: str = Field(description="`default` or the id of one's own")
    model_version: str
    data: Literal["synthetic", "own"]
    unit: str
    method: str
    widths: dict[str, float] = Field(description="mean width on the choosing fold by method: why this one was chosen")
    n: int
    n_calibration: int
    calibration: Literal["good", "low"]
    coverage_band: tuple[float, float]
    measures: ModelMeasures
    baselines: dict[str, BaselineMeasures]
    interval: Interval
    categories: list[CategoryFigures]
    fields: list[FieldsFigures]
    levels: list[LevelFigures]
    deciles: list[DecileFigures]
    plot_url: str = Field(description="SVG; the URL is short-lived")
    notes: list[str]
