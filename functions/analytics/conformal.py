"""Conformal calibration: by how much intervals must be widened to hold what they promise, and what chance does to it.

Split conformal prediction (V. Vovk, A. Gammerman, G. Shafer, "Algorithmic Learning in a Random World", 2005), on
absolute residuals, per category ("Mondrian"), or on quantile heads (CQR: Y. Romano, E. Patterson, E. Candes, NeurIPS
2019). For one calibration set of n rows the coverage is Beta(k, n + 1 - k) distributed, k = ceil((n + 1) level)
(A. Angelopoulos, S. Bates, "Conformal Prediction: A Gentle Introduction", section 3.2).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVEL: Final = 0.9
LEAST_ROWS: Final = 9
"""Calibration rows below which no finite interval holds 90 %: ceil((n + 1) 0.9) > n."""
GOOD_ROWS: Final = 100
"""Calibration rows below which the calibration is called low."""
GROUP_ROWS: Final = 200
"""Calibration rows a category needs for a margin of its own."""
BAND: Final = 0.9
"""Share of calibration sets whose coverage lies within the published band."""


@dataclass(frozen=True)
class Calibration:
    """What is kept of the calibration rows, so that everything said of the intervals can be made again.

    Args:
        scores: (n,) by how much each lies outside its uncalibrated interval, all fields given.
        residuals: (n,) absolute; what intervals of one width for all would be made from.
        groups: (n,) their categories' numbers.
        own: whether categories with enough rows have a margin of their own.
    """

    scores: NDArray[Any]
    residuals: NDArray[Any]
    groups: NDArray[Any]
    own: bool

    def __len__(self) -> int:
        return len(self.scores)

    def margins(self, count: int, level: float = LEVEL) -> NDArray[Any]:
        """(count + 1,) see `margins`."""
        return margins(self.scores, self.groups, count, own=self.own, level=level)

    def rows_for(self, group: int) -> int:
        """How many rows the margin of a category was made from."""
        mine = int((self.groups == group).sum())
        return mine if self.own and mine >= GROUP_ROWS else len(self)

    def arrays(self) -> dict[str, Any]:
        """As arrays by name, and back by `Calibration(**...)`."""
        import numpy as np

        kept = {"scores": self.scores.astype(np.float32), "residuals": self.residuals.astype(np.float32)}
        return {**kept, "groups": self.groups, "own": np.array(self.own)}


def rank(rows: int, level: float = LEVEL) -> int:
    """k: which of n sorted scores is the margin; n + 1 when there are too few rows."""
    return math.ceil((rows + 1) * level - 1e-9)


def margin(scores: NDArray[Any], level: float = LEVEL) -> float:
    """The margin that makes intervals hold `level` of new rows; infinite below `LEAST_ROWS`.

    Args:
        scores: (n,) by how much each calibration row lies outside its interval; negative inside.
    """
    import numpy as np

    k = rank(len(scores), level)
    return math.inf if k > len(scores) else float(np.partition(scores, k - 1)[k - 1])


def scores(mid: NDArray[Any], gaps: NDArray[Any], truth: NDArray[Any]) -> NDArray[Any]:
    """(n,) by how much the truth lies outside [mid - gap, mid + gap]; with gaps of zero the absolute residual."""
    import numpy as np

    return np.maximum(mid - gaps[:, 0] - truth, truth - mid - gaps[:, 1])


def margins(values: NDArray[Any], groups: NDArray[Any], count: int, *, own: bool, level: float = LEVEL) -> NDArray[Any]:
    """(count + 1,) the margin of every category and, last, of rows without one.

    Args:
        values: (n,) scores of the calibration rows; groups: (n,) their categories' numbers.
        own: a margin of its own for each category with `GROUP_ROWS` rows; all others share the pooled one.
    """
    import numpy as np

    found = np.full(count + 1, margin(values, level))
    if own:
        for number in range(count):
            mine = values[groups == number]
            if len(mine) >= GROUP_ROWS:
                found[number] = margin(mine, level)
    return found


def coverage_band(rows: int, level: float = LEVEL, share: float = BAND) -> tuple[float, float]:
    """Where the true coverage lies for `share` of all calibration sets of this size."""
    k, tail = rank(rows, level), (1 - share) / 2
    return _beta_quantile(k, rows + 1 - k, tail), _beta_quantile(k, rows + 1 - k, 1 - tail)


def chance_band(calibrated: int, tested: int, share: float, level: float = LEVEL) -> tuple[float, float]:
    """Where the share of `tested` new rows inside their intervals lies with probability `share`: beta-binomial."""
    import numpy as np

    k = rank(calibrated, level)
    hits = np.arange(tested + 1)
    log = _log_choose(tested, hits) + _log_beta(hits + k, tested - hits + calibrated + 1 - k)
    total = np.cumsum(np.exp(log - _log_beta(np.array([k]), np.array([calibrated + 1 - k]))))
    tail = (1 - share) / 2
    low, high = np.searchsorted(total, tail), np.searchsorted(total, 1 - tail)
    return float(low) / tested, float(min(high, tested)) / tested


def _beta_quantile(a: int, b: int, share: float) -> float:
    """Of Beta(a, b) with whole a, b: its distribution function is P(Binomial(a + b - 1, x) >= a)."""
    import numpy as np

    n = a + b - 1
    hits = np.arange(a, n + 1)
    choose = _log_choose(n, hits)
    low, high = 0.0, 1.0
    for _ in range(40):
        x = (low + high) / 2
        below = float(np.exp(choose + hits * math.log(x) + (n - hits) * math.log1p(-x)).sum())
        low, high = (x, high) if below < share else (low, x)
    return (low + high) / 2


def _log_gamma(values: Any) -> NDArray[Any]:
    import numpy as np

    return np.array([math.lgamma(value) for value in np.ravel(values).tolist()])


def _log_choose(n: int, hits: NDArray[Any]) -> NDArray[Any]:
    return math.lgamma(n + 1) - _log_gamma(hits + 1) - _log_gamma(n - hits + 1)


def _log_beta(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    return _log_gamma(a) + _log_gamma(b) - _log_gamma(a + b)
