"""Conformal calibration: how much intervals must be widened to reach their coverage, and what varies by chance.

Split conformal prediction (V. Vovk, A. Gammerman, G. Shafer, "Algorithmic Learning in a Random World", 2005), on
absolute residuals, per category ("Mondrian"), or on quantile heads (CQR: Y. Romano, E. Patterson, E. Candes, NeurIPS
2019). For one calibration set of n rows the coverage is Beta(k, n + 1 - k) distributed, k = ceil((n + 1) level)
(A. Angelopoulos, S. Bates, "Conformal Prediction: A Gentle Introduction", section 3.2).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, Self

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVEL: Final = 0.9
"""Share of new rows that an interval is meant to contain."""
MIN_ROWS: Final = 9
"""Calibration rows below which no finite interval has a coverage of 90 %: ceil((n + 1) 0.9) > n."""
GOOD_ROWS: Final = 100
"""Calibration rows below which the calibration is called low."""
MIN_GROUP_ROWS: Final = 200
"""Calibration rows a category needs for its own margin."""
BAND_PROBABILITY: Final = 0.9
"""Share of calibration sets whose coverage lies within the published band."""

type CalibrationQuality = Literal["good", "low"]


def quality(rows: int) -> CalibrationQuality:
    """How reliable a calibration on this many rows is."""
    return "good" if rows >= GOOD_ROWS else "low"


@dataclass(frozen=True)
class Calibration:
    """The calibration rows as far as every statement about the intervals can be derived from them again.

    Args:
        scores: (n,) distance by which each row lies outside its uncalibrated interval, all fields given.
        residuals: (n,) absolute residuals, from which intervals of one constant width would be made.
        groups: (n,) number of the category of each row.
        per_group: whether categories with enough rows have a margin of their own.
    """

    scores: NDArray[Any]
    residuals: NDArray[Any]
    groups: NDArray[Any]
    per_group: bool

    def __len__(self) -> int:
        return len(self.scores)

    def margins(self, count: int, level: float = LEVEL) -> NDArray[Any]:
        """(count + 1,) margins; see the function of this name."""
        return margins(self.scores, self.groups, count, per_group=self.per_group, level=level)

    def row_count(self, group: int) -> int:
        """Number of rows that the margin of a category was computed from."""
        own = int((self.groups == group).sum())
        return own if self.per_group and own >= MIN_GROUP_ROWS else len(self)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The calibration as named arrays."""
        import numpy as np

        return {
            "scores": self.scores.astype(np.float32),
            "residuals": self.residuals.astype(np.float32),
            "groups": self.groups,
            "own": np.array(self.per_group),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The calibration that `to_arrays` gave."""
        return cls(arrays["scores"], arrays["residuals"], arrays["groups"], bool(arrays["own"]))


def rank(rows: int, level: float = LEVEL) -> int:
    """k: which of n sorted scores is the margin; n + 1 when there are too few rows."""
    return math.ceil((rows + 1) * level - 1e-9)


def margin(scores: NDArray[Any], level: float = LEVEL) -> float:
    """The margin with which intervals contain `level` of new rows; infinite below `MIN_ROWS`.

    Args:
        scores: (n,) distance by which each calibration row lies outside its interval; negative inside.
    """
    import numpy as np

    k = rank(len(scores), level)
    return math.inf if k > len(scores) else float(np.partition(scores, k - 1)[k - 1])


def nonconformity(mid: NDArray[Any], gaps: NDArray[Any], target: NDArray[Any]) -> NDArray[Any]:
    """(n,) distance of the target outside [mid - gap, mid + gap]; with gaps of zero the absolute residual."""
    import numpy as np

    return np.maximum(mid - gaps[:, 0] - target, target - mid - gaps[:, 1])


def margins(
    scores: NDArray[Any], groups: NDArray[Any], count: int, *, per_group: bool, level: float = LEVEL
) -> NDArray[Any]:
    """(count + 1,) the margin of every category and, last, of rows without one.

    Args:
        scores: (n,) of the calibration rows; groups: (n,) the numbers of their categories.
        per_group: a separate margin for each category with `MIN_GROUP_ROWS` rows; all others share the pooled one.
    """
    import numpy as np

    found = np.full(count + 1, margin(scores, level))
    if per_group:
        for number in range(count):
            own = scores[groups == number]
            if len(own) >= MIN_GROUP_ROWS:
                found[number] = margin(own, level)
    return found


def coverage_band(rows: int, level: float = LEVEL, probability: float = BAND_PROBABILITY) -> tuple[float, float]:
    """The range of the true coverage for `probability` of all calibration sets of this size."""
    k, tail = rank(rows, level), (1 - probability) / 2
    return _beta_quantile(k, rows + 1 - k, tail), _beta_quantile(k, rows + 1 - k, 1 - tail)


def chance_band(calibrated: int, tested: int, probability: float, level: float = LEVEL) -> tuple[float, float]:
    """The range of the share of `tested` new rows inside their intervals, with `probability`: beta-binomial."""
    import numpy as np

    k = rank(calibrated, level)
    hits = np.arange(tested + 1)
    log = _log_choose(tested, hits) + _log_beta(hits + k, tested - hits + calibrated + 1 - k)
    total = np.cumsum(np.exp(log - _log_beta(np.array([k]), np.array([calibrated + 1 - k]))))
    tail = (1 - probability) / 2
    low, high = np.searchsorted(total, tail), np.searchsorted(total, 1 - tail)
    return float(low) / tested, float(min(high, tested)) / tested


def _beta_quantile(a: int, b: int, probability: float) -> float:
    """Of Beta(a, b) with whole a, b: its distribution function is P(Binomial(a + b - 1, x) >= a)."""
    import numpy as np

    n = a + b - 1
    hits = np.arange(a, n + 1)
    choose = _log_choose(n, hits)
    low, high = 0.0, 1.0
    for _ in range(40):
        x = (low + high) / 2
        below = float(np.exp(choose + hits * math.log(x) + (n - hits) * math.log1p(-x)).sum())
        low, high = (x, high) if below < probability else (low, x)
    return (low + high) / 2


def _log_gamma(values: NDArray[Any]) -> NDArray[Any]:
    import numpy as np

    return np.array([math.lgamma(value) for value in np.ravel(values).tolist()])


def _log_choose(n: int, hits: NDArray[Any]) -> NDArray[Any]:
    return math.lgamma(n + 1) - _log_gamma(hits + 1) - _log_gamma(n - hits + 1)


def _log_beta(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    return _log_gamma(a) + _log_gamma(b) - _log_gamma(a + b)
