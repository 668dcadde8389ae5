"""How good a model is on rows it was neither fitted, chosen nor calibrated on, compared with baselines and chance.

A win over a baseline is claimed only where the bootstrap interval of the difference excludes zero (percentile
bootstrap over rows, paired; B. Efron, R. Tibshirani, 1993).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from functions.analytics import conformal, head
from functions.analytics.conformal import Calibration
from functions.analytics.dataset import SalesDataset
from functions.analytics.evaluation_figures import (
    BaselineMeasures,
    CategoryFigures,
    DecileFigures,
    EvaluationFigures,
    FieldsFigures,
    IntervalFigures,
    LevelFigures,
    Measures,
    ModelMeasures,
)
from functions.analytics.head import COMBINATIONS, GivenFields, HeadOutput, HeadWeights

if TYPE_CHECKING:
    from numpy.typing import NDArray

RESAMPLES: Final = 1000
SEED: Final = 20261121
NEIGHBOURS: Final = 10
LEVELS: Final = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
PROBABILITY: Final = 0.95
"""Of the bands within which chance alone explains a coverage."""
RIDGE_PENALTY: Final = 1.0
MAX_LOG_UNITS: Final = 30.0
CHUNK: Final = 500
"""Held-out images per batch compared with all that were trained on: memory stays small for large tables."""
MODEL: Final = "model"


def evaluate(weights: HeadWeights | None, dataset: SalesDataset, calibration: Calibration) -> EvaluationFigures:
    """All figures of a model.

    Args:
        weights: None for the shipped model.
        dataset: the fold `train` for the baselines, `report` to measure on.
    """
    train, held = dataset.subset("train"), dataset.subset("report")
    output = head.run(weights, held.places, held.price, held.category)
    logs = {MODEL: output.mid.astype(float), **baselines(train, held)}
    sales = {name: to_units(log) for name, log in logs.items()}
    inside = _inside(output, held)
    width = (output.hi - output.lo).astype(float)
    constant = 2 * conformal.margin(calibration.residuals)
    low, high = conformal.chance_band(len(calibration), len(held), PROBABILITY)
    measured = measure(sales[MODEL], held.units)
    return EvaluationFigures(
        n=len(held),
        n_calibration=len(calibration),
        model=ModelMeasures(**dict(measured), bias_share=_bias_share(sales[MODEL], held.units)),
        baselines=_compare(sales, held.units),
        interval=IntervalFigures(
            asked=conformal.LEVEL,
            coverage=round(float(inside.mean()), 4),
            band=(round(low, 4), round(high, 4)),
            width=round(float(width.mean()), 4),
            width_units=round(float((to_units(output.hi) - to_units(output.lo)).mean()), 1),
            constant_width=round(constant, 4),
            narrower_than_constant=round(1 - float(width.mean()) / max(constant, 1e-9), 4),
        ),
        categories=_by_category(held, sales[MODEL], inside, width, calibration),
        fields=_by_given_fields(weights, held),
        calibration=_by_level(output, held, calibration),
        deciles=_by_decile(sales[MODEL], held.units),
    )


def to_units(log: NDArray[Any]) -> NDArray[Any]:
    """log(1 + units) back to units, never below zero and always finite, however unusual a price is."""
    import numpy as np

    return np.expm1(np.asarray(log, np.float64).clip(0, MAX_LOG_UNITS))


def measure(predicted: NDArray[Any], sold: NDArray[Any]) -> Measures:
    """The measures of predictions (n,) for sales (n,), both in units."""
    import numpy as np

    sold = sold.astype(np.float64)
    error = predicted - sold
    spread = float(((sold - sold.mean()) ** 2).sum())
    top = np.argsort(-predicted, kind="stable")[: max(1, len(predicted) // 10)]
    total = max(float(sold.sum()), 1e-9)
    return Measures(
        mae=round(float(np.abs(error).mean()), 3),
        wape=round(float(np.abs(error).sum()) / total, 4),
        rmse=round(float(np.sqrt((error**2).mean())), 3),
        r2=round(1 - float((error**2).sum()) / spread, 4) if spread else 0.0,
        bias=round(float(error.mean()), 3),
        spearman=round(spearman(predicted, sold), 4),
        top_decile_lift=round(float(sold[top].mean()) / (total / len(sold)), 3),
    )


def _bias_share(predicted: NDArray[Any], sold: NDArray[Any]) -> float:
    return round(float((predicted - sold).sum() / max(float(sold.sum()), 1e-9)), 4)


def spearman(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Rank correlation, ties sharing their mean rank; zero where one of both is constant."""
    import numpy as np

    first, second = _ranks(a), _ranks(b)
    if first.std() == 0 or second.std() == 0:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])


def _ranks(values: NDArray[Any]) -> NDArray[Any]:
    import numpy as np

    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[place]


def baselines(train: SalesDataset, held: SalesDataset) -> dict[str, NDArray[Any]]:
    """Predictions of simpler methods for the held-out rows, in log(1 + units)."""
    import numpy as np

    sums = np.bincount(train.category, train.target, minlength=len(train.categories) + 1)
    counts = np.bincount(train.category, minlength=len(train.categories) + 1)
    means = np.where(counts > 0, sums / counts.clip(1), train.target.mean())
    by_image = np.bincount(train.image_index, train.target) / np.bincount(train.image_index)
    count = min(NEIGHBOURS, len(train.vectors))
    nearest = [
        by_image[np.argpartition(-(chunk @ train.vectors.T), count - 1, 1)[:, :count]].mean(1)
        for chunk in np.split(held.vectors, range(CHUNK, len(held.vectors), CHUNK))
    ]
    colours = (train.colours[train.image_index], held.colours[held.image_index])
    return {
        "categoryMean": means[held.category],
        "colours": _linear(train.target, *colours),
        "nearest": np.concatenate(nearest)[held.image_index],
        "priceAndCategory": _linear(train.target, _tabular(train), _tabular(held)),
    }


def _tabular(dataset: SalesDataset) -> NDArray[Any]:
    import numpy as np

    return np.c_[np.log(dataset.price), np.eye(len(dataset.categories) + 1)[dataset.category]]


def _linear(target: NDArray[Any], train: NDArray[Any], held: NDArray[Any]) -> NDArray[Any]:
    """Ridge regression of the target on the features of the training rows, applied to those of the held-out ones."""
    import numpy as np

    mean, sd = train.mean(0), train.std(0)
    sd[sd < 1e-9] = np.inf
    x, z = (train - mean) / sd, (held - mean) / sd
    weights = np.linalg.solve(x.T @ x + RIDGE_PENALTY * np.eye(x.shape[1]), x.T @ (target - target.mean()))
    return target.mean() + z @ weights


def _compare(sales: Mapping[str, NDArray[Any]], sold: NDArray[Any]) -> dict[str, BaselineMeasures]:
    """Each baseline's measures, the interval of its WAPE minus the model's, and whether that is a win."""
    import numpy as np

    rng = np.random.default_rng(SEED)
    n = len(sold)
    errors = {name: np.abs(predicted - sold) for name, predicted in sales.items()}
    sold = sold.astype(np.float64)
    sums: dict[str, list[float]] = {name: [] for name in sales}
    for _ in range(RESAMPLES):
        counts = rng.multinomial(n, np.full(n, 1 / n))
        total = max(float(counts @ sold), 1e-9)
        for name, error in errors.items():
            sums[name].append(float(counts @ error) / total)
    tail = 100 * (1 - PROBABILITY) / 2
    compared: dict[str, BaselineMeasures] = {}
    for name in sales:
        if name == MODEL:
            continue
        low, high = np.percentile(np.array(sums[name]) - np.array(sums[MODEL]), (tail, 100 - tail)).tolist()
        compared[name] = BaselineMeasures(
            **dict(measure(sales[name], sold)),
            wape_minus_model=(round(low, 4), round(high, 4)),
            model_is="better" if low > 0 else "worse" if high < 0 else "not distinguishable",
        )
    return compared


def _by_category(
    held: SalesDataset, predicted: NDArray[Any], inside: NDArray[Any], width: NDArray[Any], calibration: Calibration
) -> list[CategoryFigures]:
    import numpy as np

    sizes = np.bincount(held.category, minlength=len(held.categories))[: len(held.categories)]
    several = max(1, int((sizes > 0).sum()))
    figures: list[CategoryFigures] = []
    largest_first: list[int] = np.argsort(-sizes, kind="stable").tolist()
    for number in largest_first:
        rows = held.category == number
        if not rows.any():
            continue
        sold, count = held.units[rows].astype(float), int(rows.sum())
        low, _ = conformal.chance_band(calibration.row_count(number), count, 1 - (1 - PROBABILITY) / several)
        figures.append(
            CategoryFigures(
                category=held.categories[number],
                n=count,
                mae=round(float(np.abs(predicted[rows] - sold).mean()), 3),
                wape=round(float(np.abs(predicted[rows] - sold).sum() / max(sold.sum(), 1e-9)), 4),
                coverage=round(float(inside[rows].mean()), 4),
                chance_low=round(low, 4),
                width=round(float(width[rows].mean()), 4),
            )
        )
    return figures


def _by_given_fields(weights: HeadWeights | None, held: SalesDataset) -> list[FieldsFigures]:
    import numpy as np

    figures: list[FieldsFigures] = []
    names = ("image", "image, price", "image, category", "image, price, category")
    for given, name in zip(COMBINATIONS, names, strict=True):
        price = held.price if GivenFields.PRICE in given else np.full(len(held), np.nan, np.float32)
        known = GivenFields.CATEGORY in given
        category = held.category if known else np.full(len(held), len(held.categories))
        output = head.run(weights, held.places, price, category)
        figures.append(
            FieldsFigures(
                given=name,
                wape=measure(to_units(output.mid), held.units).wape,
                coverage=round(float(_inside(output, held).mean()), 4),
                width=round(float((output.hi - output.lo).mean()), 4),
            )
        )
    return figures


def _inside(output: HeadOutput, held: SalesDataset) -> NDArray[Any]:
    """(n,) whether each row lies in its interval."""
    return (held.target >= output.lo) & (held.target <= output.hi)


def _by_level(output: HeadOutput, held: SalesDataset, calibration: Calibration) -> list[LevelFigures]:
    """Intervals of other levels, made from the same calibration rows."""
    scores = conformal.nonconformity(output.mid, output.gaps, held.target)
    figures: list[LevelFigures] = []
    for level in LEVELS:
        if conformal.rank(len(calibration), level) > len(calibration):
            continue
        margins = calibration.margins(len(held.categories), level)
        low, high = conformal.chance_band(len(calibration), len(held), PROBABILITY, level)
        inside = round(float((scores <= margins[held.category]).mean()), 4)
        figures.append(LevelFigures(level=level, inside=inside, chance_low=round(low, 4), chance_high=round(high, 4)))
    return figures


def _by_decile(predicted: NDArray[Any], sold: NDArray[Any]) -> list[DecileFigures]:
    import numpy as np

    figures: list[DecileFigures] = []
    for rows in np.array_split(np.argsort(predicted, kind="stable"), min(10, len(predicted))):
        figures.append(
            DecileFigures(
                predicted=round(float(predicted[rows].mean()), 2),
                sold=round(float(sold[rows].mean()), 2),
                error=round(float(sold[rows].std() / np.sqrt(len(rows))), 2),
            )
        )
    return figures
