"""The figures of an evaluation: the same in API responses and in the manifest of the shipped model."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from shared.documents.model import Record


class Measures(Record, frozen=True):
    """How far predictions are from actual sales."""

    mae: float = Field(description="mean absolute error, units")
    wape: float = Field(description="sum of absolute errors over sum of units")
    rmse: float = Field(description="root mean square error, units")
    r2: float = Field(description="coefficient of determination")
    bias: float = Field(description="mean of predicted minus sold, units")
    spearman: float = Field(description="rank correlation")
    top_decile_lift: float = Field(description="mean sales of the best predicted tenth over those of all rows")


class ModelMeasures(Measures, frozen=True):
    """Measures of the model itself."""

    bias_share: float = Field(description="sum of errors over sum of units; a median lies below the mean")


class BaselineMeasures(Measures, frozen=True):
    """Measures of a simpler way to predict, and whether the model beats it."""

    wape_minus_model: tuple[float, float] = Field(description="95 % bootstrap interval; above 0 the model is better")
    model_is: Literal["better", "worse", "not distinguishable"]


class IntervalFigures(Record, frozen=True):
    """Whether intervals have the coverage they are meant to have; widths in log(1 + units) unless stated otherwise."""

    asked: float = Field(description="coverage that the intervals are made for")
    coverage: float = Field(description="share of rows inside their intervals")
    band: tuple[float, float] = Field(description="coverage of 95 % of such models by chance alone")
    width: float = Field(description="mean width")
    width_units: float = Field(description="mean width in units")
    constant_width: float = Field(description="width if all intervals had the same")
    narrower_than_constant: float = Field(description="1 - width / constantWidth; may be below 0")


class CategoryFigures(Record, frozen=True):
    """One category of the held-out rows."""

    category: str
    n: int = Field(description="rows")
    mae: float = Field(description="mean absolute error, units")
    wape: float = Field(description="sum of absolute errors over sum of units")
    coverage: float = Field(description="share of rows inside their intervals")
    chance_low: float = Field(description="chance explains coverage down to this, as many categories considered")
    width: float = Field(description="mean width of the intervals, log(1 + units)")


class FieldsFigures(Record, frozen=True):
    """The same rows with some fields left out."""

    given: str = Field(description="fields of the rows")
    wape: float = Field(description="sum of absolute errors over sum of units")
    coverage: float = Field(description="share of rows inside their intervals")
    width: float = Field(description="mean width of the intervals, log(1 + units)")


class LevelFigures(Record, frozen=True):
    """A point of the calibration plot."""

    level: float = Field(description="coverage that intervals are made for")
    inside: float = Field(description="share of rows inside them")
    chance_low: float = Field(description="lower end of what chance explains")
    chance_high: float = Field(description="upper end of what chance explains")


class DecileFigures(Record, frozen=True):
    """A tenth of the rows, by predicted units."""

    predicted: float = Field(description="mean prediction, units")
    sold: float = Field(description="mean sales, units")
    error: float = Field(description="standard error of the mean sales, units")


class EvaluationFigures(Record, frozen=True):
    """A model on rows used for nothing else."""

    n: int = Field(description="rows measured on")
    n_calibration: int = Field(description="rows the intervals were calibrated on")
    model: ModelMeasures
    baselines: dict[str, BaselineMeasures] = Field(description="by name of the baseline")
    interval: IntervalFigures
    categories: list[CategoryFigures] = Field(description="the largest first")
    fields: list[FieldsFigures]
    calibration: list[LevelFigures]
    deciles: list[DecileFigures]
