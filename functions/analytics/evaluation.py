"""How good a model is on rows that it was neither fitted, chosen nor calibrated on, beside baselines and chance.

A win over a baseline is claimed only where the bootstrap interval of the difference excludes zero (percentile
bootstrap over rows, paired; B. Efron, R. Tibshirani, 1993).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from functions.analytics import conformal, head
from functions.analytics.conformal import Calibration
from functions.analytics.head import Weights
from functions.analytics.rows import Rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

RESAMPLES: Final = 1000
SEED: Final = 20261121
NEIGHBOURS: Final = 10
LEVELS: Final = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
SHARE: Final = 0.95
"""Probability of the bands within which chance alone explains a coverage."""
RIDGE: Final = 1.0
MOST_LOG: Final = 30.0
PART: Final = 500
"""Held-out pictures compared at once with all that were trained on: memory stays small for large tables."""


def evaluate(weights: Weights | None, rows: Rows, calibration: Calibration) -> dict[str, Any]:
    """Everything that is told of a model.

    Args:
        weights: None for the shipped model.
        rows: `train` for the baselines, `report` to measure on.
    """
    train, held = rows.of("train"), rows.of("report")
    found = head.run(weights, held.places, held.price, held.category)
    guesses = {"model": found.mid.astype(float), **baselines(train, held)}
    sales = {name: units(guess) for name, guess in guesses.items()}
    inside = (held.truth >= found.lo) & (held.truth <= found.hi)
    width = (found.hi - found.lo).astype(float)
    constant = 2 * conformal.margin(calibration.residuals)
    return {
        "n": len(held),
        "nCalibration": len(calibration),
        "model": measures(sales["model"], held.units) | {"biasShare": bias(sales["model"], held.units)},
        "baselines": _compared(sales, held.units),
        "interval": {
            "asked": conformal.LEVEL,
            "coverage": round(float(inside.mean()), 4),
            "band": [round(one, 4) for one in conformal.chance_band(len(calibration), len(held), SHARE)],
            "width": round(float(width.mean()), 4),
            "widthUnits": round(float((units(found.hi) - units(found.lo)).mean()), 1),
            "constantWidth": round(constant, 4),
            "narrowerThanConstant": round(1 - float(width.mean()) / max(constant, 1e-9), 4),
        },
        "categories": _categories(held, sales["model"], inside, width, calibration),
        "fields": _fields(weights, held),
        "calibration": _levels(found, held, calibration),
        "deciles": _deciles(sales["model"], held.units),
    }


def units(log: NDArray[Any]) -> NDArray[Any]:
    """log(1 + units) back to units, never below zero and always finite, however far a price is from the usual."""
    import numpy as np

    return np.expm1(np.asarray(log, np.float64).clip(0, MOST_LOG))


def measures(guess: NDArray[Any], truth: NDArray[Any]) -> dict[str, float]:
    """MAE, RMSE, bias in units; WAPE, R2, Spearman's rho; how much more than the average the best tenth sold."""
    import numpy as np

    truth = truth.astype(np.float64)
    error = guess - truth
    spread = float(((truth - truth.mean()) ** 2).sum())
    top = np.argsort(-guess, kind="stable")[: max(1, len(guess) // 10)]
    total = max(float(truth.sum()), 1e-9)
    return {
        "mae": round(float(np.abs(error).mean()), 3),
        "wape": round(float(np.abs(error).sum()) / total, 4),
        "rmse": round(float(np.sqrt((error**2).mean())), 3),
        "r2": round(1 - float((error**2).sum()) / spread, 4) if spread else 0.0,
        "bias": round(float(error.mean()), 3),
        "spearman": round(spearman(guess, truth), 4),
        "topDecileLift": round(float(truth[top].mean()) / (total / len(truth)), 3),
    }


def bias(guess: NDArray[Any], truth: NDArray[Any]) -> float:
    """By how much of all sales the sum of guesses is off; a median is below the mean, so this is."""
    return round(float((guess - truth).sum() / max(float(truth.sum()), 1e-9)), 4)


def spearman(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Rank correlation, ties sharing their mean rank; zero where one of both is constant."""
    import numpy as np

    first, second = (_ranks(one) for one in (a, b))
    if first.std() == 0 or second.std() == 0:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])


def _ranks(values: NDArray[Any]) -> NDArray[Any]:
    import numpy as np

    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[place]


def baselines(train: Rows, held: Rows) -> dict[str, NDArray[Any]]:
    """What simpler means predict for the held-out rows, in log(1 + units)."""
    import numpy as np

    sums = np.bincount(train.category, train.truth, minlength=len(train.categories) + 1)
    counts = np.bincount(train.category, minlength=len(train.categories) + 1)
    means = np.where(counts > 0, sums / counts.clip(1), train.truth.mean())
    by_picture = np.bincount(train.which, train.truth) / np.bincount(train.which)
    count = min(NEIGHBOURS, len(train.vectors))
    near = [
        by_picture[np.argpartition(-(some @ train.vectors.T), count - 1, 1)[:, :count]].mean(1)
        for some in np.split(held.vectors, range(PART, len(held.vectors), PART))
    ]
    return {
        "categoryMean": means[held.category],
        "colours": _linear(train, held, train.colours[train.which], held.colours[held.which]),
        "nearest": np.concatenate(near)[held.which],
        "priceAndCategory": _linear(train, held, _tabular(train), _tabular(held)),
    }


def _tabular(rows: Rows) -> NDArray[Any]:
    import numpy as np

    return np.c_[np.log(rows.price), np.eye(len(rows.categories) + 1)[rows.category]]


def _linear(train: Rows, held: Rows, there: NDArray[Any], here: NDArray[Any]) -> NDArray[Any]:
    import numpy as np

    mean, sd = there.mean(0), there.std(0)
    sd[sd < 1e-9] = np.inf
    x, z = ((some - mean) / sd for some in (there, here))
    weights = np.linalg.solve(x.T @ x + RIDGE * np.eye(x.shape[1]), x.T @ (train.truth - train.truth.mean()))
    return train.truth.mean() + z @ weights


def _compared(sales: Mapping[str, NDArray[Any]], truth: NDArray[Any]) -> dict[str, Any]:
    """Each baseline's figures, the interval of its WAPE minus the model's, and whether that is a win."""
    import numpy as np

    rng = np.random.default_rng(SEED)
    n = len(truth)
    errors = {name: np.abs(guess - truth) for name, guess in sales.items()}
    truth = truth.astype(np.float64)
    sums: dict[str, list[float]] = {name: [] for name in sales}
    for _ in range(RESAMPLES):
        counts = rng.multinomial(n, np.full(n, 1 / n))
        total = max(float(counts @ truth), 1e-9)
        for name, error in errors.items():
            sums[name].append(float(counts @ error) / total)
    tail = 100 * (1 - SHARE) / 2
    told: dict[str, Any] = {}
    for name in sales:
        if name == "model":
            continue
        low, high = np.percentile(np.array(sums[name]) - np.array(sums["model"]), (tail, 100 - tail))
        verdict = "better" if low > 0 else "worse" if high < 0 else "not distinguishable"
        told[name] = measures(sales[name], truth) | {
            "wapeMinusModel": [round(float(low), 4), round(float(high), 4)],
            "modelIs": verdict,
        }
    return told


def _categories(
    held: Rows, guess: NDArray[Any], inside: NDArray[Any], width: NDArray[Any], calibration: Calibration
) -> list[dict[str, Any]]:
    """By category, the largest first. `chanceLow` is what the worst of as many categories reaches by chance alone."""
    import numpy as np

    sizes = np.bincount(held.category, minlength=len(held.categories))[: len(held.categories)]
    several = max(1, int((sizes > 0).sum()))
    told: list[dict[str, Any]] = []
    for number in np.argsort(-sizes, kind="stable").tolist():
        mine = held.category == number
        if not mine.any():
            continue
        truth, count = held.units[mine].astype(float), int(mine.sum())
        low, _ = conformal.chance_band(calibration.rows_for(number), count, 1 - (1 - SHARE) / several)
        told.append(
            {
                "category": held.categories[number],
                "n": count,
                "mae": round(float(np.abs(guess[mine] - truth).mean()), 3),
                "wape": round(float(np.abs(guess[mine] - truth).sum() / max(truth.sum(), 1e-9)), 4),
                "coverage": round(float(inside[mine].mean()), 4),
                "chanceLow": round(low, 4),
                "width": round(float(width[mine].mean()), 4),
            }
        )
    return told


def _fields(weights: Weights | None, held: Rows) -> list[dict[str, Any]]:
    """The same rows with fewer fields given."""
    import numpy as np

    told: list[dict[str, Any]] = []
    for given, name in enumerate(("image", "image, price", "image, category", "image, price, category")):
        price = held.price if given & 1 else np.full(len(held), np.nan, np.float32)
        category = held.category if given >> 1 else np.full(len(held), len(held.categories))
        found = head.run(weights, held.places, price, category)
        inside = (held.truth >= found.lo) & (held.truth <= found.hi)
        told.append(
            {
                "given": name,
                "wape": measures(units(found.mid), held.units)["wape"],
                "coverage": round(float(inside.mean()), 4),
                "width": round(float((found.hi - found.lo).mean()), 4),
            }
        )
    return told


def _levels(found: head.Found, held: Rows, calibration: Calibration) -> list[dict[str, float]]:
    """Share of rows inside intervals of other levels, made from the same calibration rows, and chance's band."""
    outside = conformal.scores(found.mid, found.gaps, held.truth)
    told: list[dict[str, float]] = []
    for level in LEVELS:
        if conformal.rank(len(calibration), level) > len(calibration):
            continue
        margins = calibration.margins(len(held.categories), level)
        low, high = conformal.chance_band(len(calibration), len(held), SHARE, level)
        inside = float((outside <= margins[held.category]).mean())
        told.append(
            {"level": level, "inside": round(inside, 4), "chanceLow": round(low, 4), "chanceHigh": round(high, 4)}
        )
    return told


def _deciles(guess: NDArray[Any], truth: NDArray[Any]) -> list[dict[str, float]]:
    """Rows by tenths of what was predicted: mean prediction, mean sales, and the standard error of the latter."""
    import numpy as np

    told: list[dict[str, float]] = []
    for part in np.array_split(np.argsort(guess, kind="stable"), min(10, len(guess))):
        error = float(truth[part].std() / np.sqrt(len(part)))
        told.append(
            {
                "predicted": round(float(guess[part].mean()), 2),
                "sold": round(float(truth[part].mean()), 2),
                "error": round(error, 2),
            }
        )
    return told
