"""The normal equations of one table: ridge for the middle, linear quantile regression for the gaps.

The ridge penalty minimises generalised cross-validation (G. Golub, M. Heath, G. Wahba, Technometrics 21, 1979); gaps
are quantiles of leave-one-out residuals by the majorise-minimise steps of D. Hunter and K. Lange (J. Computational and
Graphical Statistics 9, 2000).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from functions.analytics import conformal
from functions.analytics.rows import Rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

TABULAR: Final = 3.0
"""Price and category are scaled up by this, hence penalised a ninth as much as the picture."""
LEAST_PRICE_SD: Final = 1e-4
"""Of log(price), below which prices are one price."""
PENALTIES: Final = tuple(10.0**power for power in (-3, -2, -1, 0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 5, 6))
SMOOTH: Final = 0.9
"""Share of the penalty that is by the covariance of places within pictures."""
COMPONENTS: Final = 8
"""Principal components of the embedding that the gaps may depend on."""
GAP_PENALTY: Final = 0.05
STEPS: Final = 40


class Design:
    """The columns of the training rows, centred and scaled: the embedding, log price, categories.

    The embedding's columns are turned so that the ridge penalty grows with what weights make of differences within a
    picture. Many weights predict alike, and among them those are taken whose heat does not cancel between places.
    """

    def __init__(self, rows: Rows, within: NDArray[Any] | None) -> None:
        import numpy as np

        self.joint = rows.vectors.shape[1]
        self.count = len(rows.categories)
        vectors = rows.vectors[rows.which].astype(np.float64)
        self.centre = vectors.mean(0)
        self.spread = float(np.sqrt(vectors.var(0).mean())) or 1.0
        self.root = _root(within, self.joint)
        logs = np.log(rows.price.astype(np.float64))
        self.price_mean, self.price_sd = float(logs.mean()), float(logs.std())
        if self.price_sd < LEAST_PRICE_SD:
            # one price alone: rounding would pass for a deviation, and any other price for a vast one
            logs, self.price_sd = np.full(len(logs), self.price_mean), 1.0
        sums = np.bincount(rows.category, logs, self.count)[: self.count]
        counts = np.bincount(rows.category, minlength=self.count)[: self.count]
        self.usual = np.where(counts > 0, sums / counts.clip(1), self.price_mean)
        onehot = np.eye(self.count)[rows.category]
        self.shares = onehot.mean(0)
        self.columns = np.concatenate(
            [
                (vectors - self.centre) / self.spread @ self.root,
                TABULAR * (logs - self.price_mean)[:, None] / self.price_sd,
                TABULAR * (onehot - self.shares),
            ],
            1,
        )
        self.truth = rows.truth
        self.gram = self.columns.T @ self.columns
        self.moment = self.columns.T @ (self.truth - self.truth.mean())

    def used(self, given: int) -> NDArray[Any]:
        """Which columns a set of given fields has."""
        import numpy as np

        price, category = given & 1, given >> 1
        return np.r_[
            np.arange(self.joint),
            np.full(price, self.joint),
            np.arange(self.joint + 1, self.joint + 1 + category * self.count),
        ].astype(int)

    def solve(self, given: int) -> tuple[NDArray[Any], float, NDArray[Any]]:
        """Coefficients over all columns, the penalty, and the leave-one-out residuals."""
        import numpy as np

        used, n = self.used(given), len(self.truth)
        values, vectors = np.linalg.eigh(self.gram[np.ix_(used, used)])
        values = values.clip(0)
        turned = vectors.T @ self.moment[used]
        centred = self.truth - self.truth.mean()
        total = float(centred @ centred)
        best, penalty = np.inf, PENALTIES[-1]
        for tried in PENALTIES:
            part = turned / (values + tried)
            error = total - 2 * float(part @ turned) + float(part @ (values * part))
            freedom = 1 + float((values / (values + tried)).sum())
            score = error / max(n - freedom, 1e-9) ** 2 if freedom < 0.95 * n else np.inf
            if score < best:
                best, penalty = score, tried
        inverse = (vectors / (values + penalty)) @ vectors.T
        coefficients = np.zeros(self.columns.shape[1])
        coefficients[used] = inverse @ self.moment[used]
        some = self.columns[:, used]
        leverage = 1 / n + np.einsum("ij,jk,ik->i", some, inverse, some, optimize=True)
        residuals = (centred - some @ coefficients[used]) / (1 - leverage.clip(None, 0.99))
        return coefficients, penalty, residuals

    def gap(self, given: int, middle: NDArray[Any], target: NDArray[Any]) -> tuple[NDArray[Any], float]:
        """The 95th percentile of `target` as a linear function: coefficients over all columns, and the constant.

        It may depend on the predicted middle, the given fields and the embedding's first principal components.
        """
        import numpy as np

        axes = np.linalg.eigh(self.gram[: self.joint, : self.joint])[1][:, -COMPONENTS:]
        basis = np.zeros((self.columns.shape[1], 0))
        basis = np.c_[basis, middle]
        basis = np.c_[basis, np.r_[axes, np.zeros((self.count + 1, axes.shape[1]))]]
        tabular = self.used(given)[self.joint :]
        basis = np.c_[basis, np.eye(self.columns.shape[1])[:, tabular]]
        features = self.columns @ basis
        scale = features.std(0)
        scale[scale < 1e-9] = np.inf
        found, constant = _quantile(features / scale, target, (1 + conformal.LEVEL) / 2)
        return basis @ (found / scale), constant

    def unscaled(self, coefficients: NDArray[Any]) -> tuple[NDArray[Any], float, NDArray[Any]]:
        """Weights of the embedding, the price and each category for the head's own inputs."""
        image = self.root @ coefficients[: self.joint] / self.spread
        price = TABULAR * float(coefficients[self.joint])
        category = TABULAR * coefficients[self.joint + 1 :]
        return image, price, category - float(self.shares @ category)


def _root(within: NDArray[Any] | None, joint: int) -> NDArray[Any]:
    """(J, J) the inverse square root of the penalty: `SMOOTH` of it by the covariance within pictures."""
    import numpy as np

    if within is None or not np.trace(within) > 0:
        return np.eye(joint)
    penalty = (1 - SMOOTH) * np.eye(joint) + SMOOTH * joint / np.trace(within) * within
    values, vectors = np.linalg.eigh(penalty)
    return (vectors / np.sqrt(values)) @ vectors.T


def _quantile(features: NDArray[Any], target: NDArray[Any], level: float) -> tuple[NDArray[Any], float]:
    """Linear quantile regression with a light ridge penalty on standardised features."""
    import numpy as np

    n = len(target)
    columns = np.c_[features, np.ones(n)]
    scale = float(np.abs(target).mean()) or 1.0
    penalty = np.r_[np.full(features.shape[1], GAP_PENALTY * n / scale), 0.0]
    found = np.r_[np.zeros(features.shape[1]), np.quantile(target, level)]
    for _ in range(STEPS):
        weight = 1 / (1e-3 * scale + np.abs(target - columns @ found))
        left = (columns * weight[:, None]).T @ columns + np.diag(penalty)
        right = columns.T @ (weight * target + (2 * level - 1))
        moved = np.linalg.solve(left, right)
        if np.abs(moved - found).max() < 1e-5 * scale:
            found = moved
            break
        found = moved
    return found[:-1], float(found[-1])
