"""Fit the head: middle and gaps in closed form, the interval method by width, its margins by calibration.

Each of the three uses its own fold.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from functions.analytics import conformal, head
from functions.analytics.conformal import Calibration
from functions.analytics.dataset import FOLDS, SalesDataset
from functions.analytics.design_matrix import DesignMatrix
from functions.analytics.head import COMBINATIONS, GivenFields, HeadWeights
from shared.errors import Unprocessable

if TYPE_CHECKING:
    from numpy.typing import NDArray

type IntervalMethod = Literal["split-abs", "mondrian", "cqr", "cqr-mondrian"]

MERCHANT_SHARES: Final = (0.5, 0.15, 0.2)
"""Shares of a merchant's rows to train, choose and calibrate on; the rest is measured on."""
MIN_GAP_ROWS: Final = 200
"""Training rows below which gaps are not fitted: three parameters a row would fit noise."""


@dataclass(frozen=True)
class FittedHead:
    """A fitted head.

    Args:
        method: how its intervals are made.
        widths: mean width on the choosing fold by method, in log(1 + units).
        fold_rows: rows by fold.
        images: in the dataset.
        penalties: of the ridge regression for each combination of given fields.
        heat_scale: effect on log(1 + units) that heat maps show at full strength.
        price_range: the central 99 % of the training rows' prices.
        days: first and last date of the dataset, as ordinals.
    """

    weights: HeadWeights
    method: IntervalMethod
    widths: dict[str, float]
    calibration: Calibration
    fold_rows: dict[str, int]
    images: int
    penalties: list[float]
    heat_scale: float
    price_range: tuple[float, float]
    days: tuple[int, int]


def fit(dataset: SalesDataset, within: NDArray[Any] | None = None) -> FittedHead:
    """Fit, choose and calibrate on the dataset's folds; the fold `report` is not used.

    Args:
        within: (J, J) see `image_features.MapStatistics.within`; None where the image tower gives no map.

    Raises:
        Unprocessable: `too_few_rows`: with fewer than nine calibration rows no interval has a coverage of 90 %.
    """
    train, choose, calibrate = (dataset.subset(name) for name in FOLDS[:3])
    if len(calibrate) < conformal.MIN_ROWS or len(train) < 2 * conformal.MIN_ROWS:
        raise Unprocessable(
            f"{len(dataset)} rows leave {len(calibrate)} to calibrate on; an interval of 90 % needs "
            f"{conformal.MIN_ROWS}, so send at least {min_rows()} rows",
            code="too_few_rows",
        )
    plain, wide, penalties = _fit_heads(train, within)
    method, widths = _choose_method(plain, wide, choose, calibrate)
    weights = wide if method.startswith("cqr") else plain
    weights, calibration = _calibrate(weights, calibrate, per_group=method.endswith("mondrian"))
    return FittedHead(
        weights=weights,
        method=method,
        widths=widths,
        calibration=calibration,
        fold_rows={name: int((dataset.fold == number).sum()) for number, name in enumerate(FOLDS)},
        images=len(dataset.image_names),
        penalties=penalties,
        heat_scale=_heat_scale(weights, train),
        price_range=_price_range(train.price),
        days=(int(dataset.day.min()), int(dataset.day.max())),
    )


def min_rows() -> int:
    """Rows of a merchant's table whose split leaves enough to calibrate on."""
    return round(conformal.MIN_ROWS / MERCHANT_SHARES[2])


def _price_range(prices: NDArray[Any]) -> tuple[float, float]:
    import numpy as np

    low, high = (round(float(value), 2) for value in np.quantile(prices, (0.005, 0.995)))
    return low, high


def _fit_heads(train: SalesDataset, within: NDArray[Any] | None) -> tuple[HeadWeights, HeadWeights, list[float]]:
    """The uncalibrated heads, without gaps and with fitted ones, and the penalties of the four fits."""
    import numpy as np

    design = DesignMatrix(train, within)
    shape = (4, 3)
    image, price = np.zeros((*shape, design.joint)), np.zeros(shape)
    category, base = np.zeros((4, design.count + 1, 3)), np.zeros(shape)
    base[:, 0] = design.target.mean()
    usual = np.full((4, design.count + 1), design.price_mean)
    usual[GivenFields.ALL, : design.count] = design.usual_price
    penalties: list[float] = []
    for given in COMBINATIONS:
        middle, penalty, residuals = design.fit_middle(given)
        penalties.append(penalty)
        heads: list[tuple[Any, float]] = [(middle, 0.0)]
        if len(train) >= MIN_GAP_ROWS:
            heads += [design.fit_gap(given, middle, sign * residuals) for sign in (-1, 1)]
        for place, (coefficients, constant) in enumerate(heads):
            image[given, place], price[given, place], by_category = design.unscale(coefficients)
            shift = price[given, place] * (usual[given, : design.count] - design.price_mean) / design.price_sd
            category[given, : design.count, place] = (by_category + shift) * int(GivenFields.CATEGORY in given)
            base[given, place] += constant
    wide = HeadWeights(
        centre=design.centre.astype(np.float32),
        image=image.astype(np.float32),
        price_weight=price.astype(np.float32),
        price_usual=usual.astype(np.float32),
        price_sd=np.array([design.price_sd], np.float32),
        category_weight=category.astype(np.float32),
        base=base.astype(np.float32),
        margin=np.zeros((4, design.count + 1), np.float32),
    )
    middle_only = np.array([1, 0, 0], np.float32)
    plain = replace(
        wide,
        image=wide.image * middle_only[:, None],
        price_weight=wide.price_weight * middle_only,
        category_weight=wide.category_weight * middle_only,
        base=wide.base * middle_only,
    )
    return plain, wide, penalties


def _choose_method(
    plain: HeadWeights, wide: HeadWeights, choose: SalesDataset, calibrate: SalesDataset
) -> tuple[IntervalMethod, dict[str, float]]:
    """The method with the narrowest intervals, each calibrated on one half of the fold and measured on the other.

    Where categories have enough calibration rows, only methods with a margin for each of them are considered: one
    margin for all has a coverage of 90 % on average, and may leave a category far below.
    """
    import numpy as np

    sizes = np.bincount(calibrate.category, minlength=len(choose.categories) + 1)
    grouped = bool((sizes >= conformal.MIN_GROUP_ROWS).any())
    methods: list[tuple[IntervalMethod, HeadWeights, bool]] = [
        ("split-abs", plain, False),
        ("mondrian", plain, True),
        ("cqr", wide, False),
        ("cqr-mondrian", wide, True),
    ]
    if not bool(np.any(wide.base[:, 1:])):
        methods = methods[:2]
    widths: dict[str, float] = {}
    half = np.arange(len(choose)) % 2 == 0
    for name, weights, per_group in methods:
        if len(choose) < 2 * conformal.MIN_ROWS or (per_group and not grouped):
            continue
        output = head.run(weights, choose.places, choose.price, choose.category)
        scores = conformal.nonconformity(output.mid, output.gaps, choose.target)
        total = 0.0
        for fold in (half, ~half):
            margins = _empirical_margins(scores[fold], choose.category[fold], sizes, per_group=per_group)
            gaps = output.gaps[~fold] + margins[choose.category[~fold]][:, None]
            total += float(gaps.clip(0).sum())
        widths[name] = round(total / len(choose), 4)
    candidates: list[tuple[float, IntervalMethod]] = [
        (widths[name], name) for name, _, per_group in methods if name in widths and per_group == grouped
    ]
    return min(candidates)[1] if candidates else "split-abs", widths


def _empirical_margins(
    scores: NDArray[Any], groups: NDArray[Any], sizes: NDArray[Any], *, per_group: bool
) -> NDArray[Any]:
    """Margins at equal empirical coverage, without the correction for few rows, which would penalise small groups here
    but not in the final calibration.

    Args:
        sizes: (K,) calibration rows of each category, which decide whether it gets its own margin.
    """
    import numpy as np

    margins = np.full(len(sizes), np.quantile(scores, conformal.LEVEL, method="weibull"))
    for number in np.unique(groups) if per_group else ():
        if sizes[number] >= conformal.MIN_GROUP_ROWS:
            margins[number] = np.quantile(scores[groups == number], conformal.LEVEL, method="weibull")
    return margins


def _calibrate(weights: HeadWeights, dataset: SalesDataset, *, per_group: bool) -> tuple[HeadWeights, Calibration]:
    """The weights with margins for each combination of given fields, and the calibration with all fields given."""
    import numpy as np

    count = len(dataset.categories)
    margin = np.zeros((4, count + 1), np.float32)
    calibrations: list[Calibration] = []
    for given in COMBINATIONS:
        price = dataset.price if GivenFields.PRICE in given else np.full(len(dataset), np.nan, np.float32)
        with_category = GivenFields.CATEGORY in given
        category = dataset.category if with_category else np.full(len(dataset), count)
        output = head.run(weights, dataset.places, price, category)
        scores = conformal.nonconformity(output.mid, output.gaps, dataset.target)
        residuals = np.abs(dataset.target - output.mid)
        calibrations.append(Calibration(scores, residuals, category, per_group=per_group and with_category))
        margin[given] = calibrations[given].margins(count)
    return replace(weights, margin=margin), calibrations[GivenFields.ALL]


def _heat_scale(weights: HeadWeights, train: SalesDataset) -> float:
    """The effect of a place that counts as strong: twice the spread of the whole image's effect."""
    output = head.run(weights, train.places, train.price, train.category)
    return round(2 * float(output.contributions[:, 1].std()), 4) or 1.0
