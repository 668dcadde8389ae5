"""Fitting the head: the middle and the gaps in closed form, the way of making intervals by width, their margins by
calibration, each on a fold of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from functions.analytics import conformal, head
from functions.analytics.conformal import Calibration
from functions.analytics.design import Design
from functions.analytics.head import Weights
from functions.analytics.rows import FOLDS, Rows
from shared.errors import Unprocessable

if TYPE_CHECKING:
    from numpy.typing import NDArray

type Method = Literal["split-abs", "mondrian", "cqr", "cqr-mondrian"]

MERCHANT_SHARES: Final = (0.5, 0.15, 0.2)
GAP_ROWS: Final = 200
"""Training rows below which gaps are not fitted: three parameters a row fit noise."""


@dataclass(frozen=True)
class Fitted:
    """A fitted head and what is to be known of it.

    Args:
        method: how its intervals are made.
        widths: mean width on the choosing fold by method, in log(1 + units).
        calibration: what is kept of the calibration rows.
        facts: of the fit, JSON-serialisable.
    """

    weights: Weights
    method: Method
    widths: dict[str, float]
    calibration: Calibration
    facts: dict[str, Any]


def fit(rows: Rows, within: NDArray[Any] | None = None) -> Fitted:
    """Fit, choose and calibrate on the rows' folds; the fold to report on is not looked at.

    Args:
        within: (J, J) see `pictures.Maps.within`; None where the tower has no map.

    Raises:
        Unprocessable: `too_few_rows`: with fewer than nine calibration rows no interval can hold 90 %.
    """
    train, choose, calibrate = (rows.of(name) for name in FOLDS[:3])
    if len(calibrate) < conformal.LEAST_ROWS or len(train) < 2 * conformal.LEAST_ROWS:
        raise Unprocessable(
            f"{len(rows)} rows leave {len(calibrate)} to calibrate on; an interval of 90 % needs "
            f"{conformal.LEAST_ROWS}, so send at least {_least_rows()} rows",
            code="too_few_rows",
        )
    plain, wide, penalties = _heads(train, within)
    method, widths = _choose(plain, wide, choose, calibrate)
    weights = wide if method.startswith("cqr") else plain
    own = method.endswith("mondrian")
    weights, calibration = _calibrated(weights, calibrate, own=own)
    facts = {
        "rows": {name: int((rows.fold == number).sum()) for number, name in enumerate(FOLDS)},
        "pictures": len(rows.names),
        "penalties": penalties,
        "heatScale": _heat_scale(weights, train),
        "priceRange": [round(float(value), 2) for value in _range(train.price)],
        "days": [int(rows.day.min()), int(rows.day.max())],
    }
    return Fitted(weights, method, widths, calibration, facts)


def _least_rows() -> int:
    return round(conformal.LEAST_ROWS / MERCHANT_SHARES[2])


def _range(prices: NDArray[Any]) -> Any:
    import numpy as np

    return np.quantile(prices, (0.005, 0.995))


def _heads(train: Rows, within: NDArray[Any] | None) -> tuple[Weights, Weights, list[float]]:
    """The uncalibrated heads, without gaps and with fitted ones, and the penalties of the four fits."""
    import numpy as np

    design = Design(train, within)
    shape = (4, 3)
    image, price = np.zeros((*shape, design.joint)), np.zeros(shape)
    category, base = np.zeros((4, design.count + 1, 3)), np.zeros(shape)
    base[:, 0] = design.truth.mean()
    usual = np.full((4, design.count + 1), design.price_mean)
    usual[head.ALL_FIELDS, : design.count] = design.usual
    penalties: list[float] = []
    for given in range(4):
        middle, penalty, residuals = design.solve(given)
        penalties.append(penalty)
        heads: list[tuple[Any, float]] = [(middle, 0.0)]
        if len(train) >= GAP_ROWS:
            heads += [design.gap(given, middle, sign * residuals) for sign in (-1, 1)]
        for place, (coefficients, constant) in enumerate(heads):
            image[given, place], price[given, place], by_category = design.unscaled(coefficients)
            shift = price[given, place] * (usual[given, : design.count] - design.price_mean) / design.price_sd
            category[given, : design.count, place] = (by_category + shift) * (given >> 1)
            base[given, place] += constant
    wide = Weights(
        centre=design.centre.astype(np.float32),
        image=image.astype(np.float32),
        price_weight=price.astype(np.float32),
        price_usual=usual.astype(np.float32),
        price_sd=np.array([design.price_sd], np.float32),
        category_weight=category.astype(np.float32),
        base=base.astype(np.float32),
        margin=np.zeros((4, design.count + 1), np.float32),
    )
    only = np.array([1, 0, 0], np.float32)
    plain = replace(
        wide,
        image=wide.image * only[:, None],
        price_weight=wide.price_weight * only,
        category_weight=wide.category_weight * only,
        base=wide.base * only,
    )
    return plain, wide, penalties


def _choose(plain: Weights, wide: Weights, choose: Rows, calibrate: Rows) -> tuple[Method, dict[str, float]]:
    """The narrowest way to make intervals, each calibrated on one half of the fold and measured on the other.

    Where categories have enough calibration rows, only ways with a margin for each of them stand for election: one
    margin for all holds 90 % on average, and may leave a category far below.
    """
    import numpy as np

    sizes = np.bincount(calibrate.category, minlength=len(choose.categories) + 1)
    grouped = bool((sizes >= conformal.GROUP_ROWS).any())
    ways: list[tuple[Method, Weights, bool]] = [
        ("split-abs", plain, False),
        ("mondrian", plain, True),
        ("cqr", wide, False),
        ("cqr-mondrian", wide, True),
    ]
    if not bool(np.any(wide.base[:, 1:])):
        ways = ways[:2]
    widths: dict[str, float] = {}
    half = np.arange(len(choose)) % 2 == 0
    for name, weights, own in ways:
        if len(choose) < 2 * conformal.LEAST_ROWS or own > grouped:
            continue
        found = head.run(weights, choose.places, choose.price, choose.category)
        scores = conformal.scores(found.mid, found.gaps, choose.truth)
        total = 0.0
        for there in (half, ~half):
            added = _plain_margins(scores[there], choose.category[there], sizes, own=own)
            reach = found.gaps[~there] + added[choose.category[~there]][:, None]
            total += float(reach.clip(0).sum())
        widths[name] = round(total / len(choose), 4)
    standing: list[tuple[float, Method]] = [
        (widths[name], name) for name, _, own in ways if name in widths and own == grouped
    ]
    return min(standing)[1] if standing else "split-abs", widths


def _plain_margins(scores: NDArray[Any], groups: NDArray[Any], sizes: NDArray[Any], *, own: bool) -> NDArray[Any]:
    """Margins at equal empirical coverage, without the correction for few rows, which would punish small groups here
    and not where they are calibrated in the end.

    Args:
        sizes: (K,) calibration rows of each category, on which it depends who gets a margin of its own.
    """
    import numpy as np

    found = np.full(len(sizes), np.quantile(scores, conformal.LEVEL, method="weibull"))
    for number in np.unique(groups) if own else ():
        if sizes[number] >= conformal.GROUP_ROWS:
            found[number] = np.quantile(scores[groups == number], conformal.LEVEL, method="weibull")
    return found


def _calibrated(weights: Weights, rows: Rows, *, own: bool) -> tuple[Weights, Calibration]:
    """The weights with margins for each set of given fields, and what was kept with all fields given."""
    import numpy as np

    count = len(rows.categories)
    margin = np.zeros((4, count + 1), np.float32)
    kept: list[Calibration] = []
    for given in range(4):
        price = rows.price if given & 1 else np.full(len(rows), np.nan, np.float32)
        category = rows.category if given >> 1 else np.full(len(rows), count)
        found = head.run(weights, rows.places, price, category)
        scores = conformal.scores(found.mid, found.gaps, rows.truth)
        kept.append(Calibration(scores, np.abs(rows.truth - found.mid), category, own=own and bool(given >> 1)))
        margin[given] = kept[given].margins(count)
    return replace(weights, margin=margin), kept[head.ALL_FIELDS]


def _heat_scale(weights: Weights, train: Rows) -> float:
    """What a place's effect is strong against: twice the spread of the picture's whole effect."""
    found = head.run(weights, train.places, train.price, train.category)
    return round(2 * float(found.contributions[:, 1].std()), 4) or 1.0
