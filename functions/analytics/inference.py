"""Predict: image features in; scores with intervals, explanations and comparable products out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final, Literal

from functions.analytics import conformal, evaluation, head, heatmap, image_features
from functions.analytics.documents import (
    Comparable,
    Contribution,
    Explanation,
    PredictionFigures,
    PredictionWarning,
)
from functions.analytics.head import GivenFields, HeadWeights
from functions.analytics.heatmap import Heatmap
from functions.analytics.image_features import ImageFeatures
from functions.analytics.model_registry import SalesModel, novelty_detector

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

COMPARABLES: Final = 5
"""Sold products named with a prediction."""
CONTRIBUTIONS: Final[tuple[Literal["base", "image", "price", "category"], ...]] = ("base", "image", "price", "category")
"""In the order of the head's output."""
MAX_NAMED_CATEGORIES: Final = 20


@dataclass(frozen=True)
class PredictionInput:
    """An image to predict for, with the fields that are given."""

    features: ImageFeatures
    price: float | None
    category: str | None


@dataclass(frozen=True)
class PredictionResult:
    """A prediction.

    Args:
        heat: (P,) contribution of each place of the image to the middle, log(1 + units).
    """

    figures: PredictionFigures
    heat: NDArray[Any]


def predict(model: SalesModel, inputs: Sequence[PredictionInput]) -> list[PredictionResult]:
    """Predict for several images."""
    import numpy as np

    unknown = len(model.rows.categories)
    numbers = [model.category_number(one.category) for one in inputs]
    output = head.run(
        model.weights,
        np.stack([one.features.places for one in inputs]),
        np.array([np.nan if one.price is None else one.price for one in inputs], np.float32),
        np.array([unknown if number is None else number for number in numbers]),
    )
    vectors = np.stack([one.features.vector for one in inputs])
    distances = novelty_detector(model).distance(vectors)
    rows = len(model.calibration)
    results: list[PredictionResult] = []
    for place, one in enumerate(inputs):
        score, low, high = (
            round(float(evaluation.to_units(ends[place])), 1) for ends in (output.mid, output.lo, output.hi)
        )
        parts: list[float] = output.contributions[place].astype(float).tolist()
        figures = PredictionFigures(
            category=one.category,
            price=one.price,
            score=score,
            err_low=low,
            err_high=high,
            unit=model.facts.unit,
            coverage=conformal.LEVEL,
            coverage_band=model.facts.band,
            calibration=conformal.quality(rows),
            n_calibration=rows,
            method=model.facts.method,
            data=model.data,
            model=model.id,
            model_version=model.version,
            explanation=Explanation(
                mid=float(output.mid[place]),
                contributions=[
                    Contribution(name=name, value=value, factor=float(np.exp(value)))
                    for name, value in zip(CONTRIBUTIONS, parts, strict=True)
                ],
            ),
            comparables=_comparables(model, vectors[place]),
            distance=round(float(distances[place]), 4),
            warnings=_warnings(model, one, numbers[place], float(distances[place])),
        )
        results.append(PredictionResult(figures, output.heat[place]))
    return results


def _comparables(model: SalesModel, vector: NDArray[Any]) -> list[Comparable]:
    """The sold products whose images look most alike, each with its latest row."""
    import numpy as np

    rows = model.rows
    cosines = rows.vectors @ vector
    found: list[Comparable] = []
    nearest: list[int] = np.argsort(-cosines, kind="stable")[:COMPARABLES].tolist()
    for number in nearest:
        sales = np.flatnonzero(rows.image_index == number)
        latest = sales[int(rows.day[sales].argmax())]
        name = rows.image_names[number]
        found.append(
            Comparable(
                name=name,
                image_id=name if model.data == "own" and "/" not in name else None,
                similarity=round(float(cosines[number]), 4),
                category=rows.categories[int(rows.category[latest])],
                price=round(float(rows.price[latest]), 2),
                units=float(rows.units[latest]),
                date=date.fromordinal(int(rows.day[latest])).isoformat(),
                rows=len(sales),
            )
        )
    return found


def _warnings(
    model: SalesModel, wanted: PredictionInput, category_number: int | None, distance: float
) -> list[PredictionWarning]:
    found: list[PredictionWarning] = []
    if distance > 1:
        found.append(
            PredictionWarning(
                code="far_from_training",
                message=f"the image is unlike those the model was fitted on ({distance:.1f} times the distance that "
                "99 % of those stay within): the coverage of the interval is not known here",
            )
        )
    if wanted.category is not None and category_number is None:
        known = ", ".join(model.rows.categories[:MAX_NAMED_CATEGORIES])
        message = f"the category is unknown and treated as not given; the model knows: {known}"
        found.append(PredictionWarning(code="unknown_category", message=message))
    low, high = model.facts.price_range
    if wanted.price is not None and not low <= wanted.price <= high:
        message = f"the model was fitted on prices from {low:g} to {high:g}"
        found.append(PredictionWarning(code="price_out_of_range", message=message))
    rows = len(model.calibration)
    if conformal.quality(rows) == "low":
        message = f"the interval was calibrated on only {rows} rows"
        found.append(PredictionWarning(code="few_calibration_rows", message=message))
    return found


def mean_heat(weights: HeadWeights, mean_map: NDArray[Any] | None) -> NDArray[Any]:
    """(4, P) heat of an average image, by given fields; the mean of each row is zero.

    It is subtracted from the heat of an image: what is usual at a place, as the background at the edges, causes
    nothing.

    Args:
        mean_map: (P, J) the mean of the images' `places`; None where the image tower gives no map.
    """
    import numpy as np

    if mean_map is None:
        return np.zeros((4, 1))
    return weights.image[:, 0].astype(np.float64) @ (mean_map - mean_map.mean(0)).T


def explain(model: SalesModel, pixels: NDArray[np.uint8], wanted: PredictionInput, result: PredictionResult) -> Heatmap:
    """Which parts of the image raise or lower the prediction: from the tower's map, else by covering parts."""
    import numpy as np

    if wanted.features.grid is not None:
        usual = model.profile[GivenFields.of(wanted.price, model.category_number(wanted.category))]
        heat = result.heat.astype(np.float64)
        if len(usual) == len(heat):
            heat = heat - usual
        return Heatmap(heat.reshape(wanted.features.grid), "cam")

    def middle(images: list[NDArray[np.uint8]]) -> NDArray[Any]:
        covered = [
            PredictionInput(features, wanted.price, wanted.category) for features in image_features.extract(images)
        ]
        return np.array([one.figures.explanation.mid for one in predict(model, covered)])

    return heatmap.occlusion(pixels, middle)
