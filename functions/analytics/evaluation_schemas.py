"""Request and response of an evaluation."""

from __future__ import annotations

from pydantic import Field

from functions.analytics.conformal import CalibrationQuality
from functions.analytics.documents import DataOrigin
from functions.analytics.evaluation_figures import (
    BaselineMeasures,
    CategoryFigures,
    DecileFigures,
    FieldsFigures,
    IntervalFigures,
    LevelFigures,
    ModelMeasures,
)
from functions.analytics.prediction_schemas import MODEL_CHOICE, ModelId
from shared.http.models import Answer, Query


class EvalQuery(Query):
    """Which model to evaluate."""

    model: ModelId | None = Field(default=None, description=MODEL_CHOICE)


class Evaluation(Answer):
    """A model on rows used for nothing else."""

    model: str = Field(description="`default` or the id of your own model")
    model_version: str
    data: DataOrigin
    unit: str
    method: str
    widths: dict[str, float] = Field(description="mean width on the choosing fold by method: why this one was chosen")
    n: int
    n_calibration: int
    calibration: CalibrationQuality
    coverage_band: tuple[float, float]
    measures: ModelMeasures
    baselines: dict[str, BaselineMeasures]
    interval: IntervalFigures
    categories: list[CategoryFigures]
    fields: list[FieldsFigures]
    levels: list[LevelFigures]
    deciles: list[DecileFigures]
    plot_url: str = Field(description="SVG; the URL is short-lived")
    notes: list[str]
