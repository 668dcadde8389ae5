"""The normal equations of one dataset: ridge regression for the middle, linear quantile regression for the gaps.

The ridge penalty minimises generalised cross-validation (G. Golub, M. Heath, G. Wahba, Technometrics 21, 1979); gaps
are quantiles of leave-one-out residuals by the majorise-minimise steps of D. Hunter and K. Lange (J. Computational and
Graphical Statistics 9, 2000).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from functions.analytics import conformal
from functions.analytics.dataset import SalesDataset
from functions.analytics.head import GivenFields

if TYPE_CHECKING:
    from numpy.typing import NDArray

TABULAR_SCALE: Final = 3.0
"""Factor of the columns of price and category, which are therefore penalised a ninth as much as the image."""
MIN_PRICE_SD: Final = 1e-4
"""Of log(price), below which all prices count as one price."""
PENALTIES: Final = tuple(10.0**power for power in (-3, -2, -1, 0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 5, 6))
SMOOTHNESS: Final = 0.9
"""Share of the penalty that follows the covariance of places within images."""
GAP_COMPONENTS: Final = 8
"""Principal components of the embedding that the gaps may depend on."""
GAP_PENALTY: Final = 0.05
MAX_STEPS: Final = 40
"""Majorise-minimise steps of a quantile regression."""


class DesignMatrix:
    """The columns of the training rows, centred and scaled: the embedding, log price, categories.

    The embedding's columns are rotated so that the ridge penalty grows with what weights make of differences within an
    image. Many weights predict alike; among them those are chosen whose heat does not cancel between places.

    Args:
        dataset: the training rows.
        within: (J, J) covariance of the places within an image; None where the image tower gives no map.
    """

    def __init__(self, dataset: SalesDataset, within: NDArray[Any] | None) -> None:
        import numpy as np

        self.joint = dataset.vectors.shape[1]
        self.count = len(dataset.categories)
        vectors = dataset.vectors[dataset.image_index].astype(np.float64)
        self.centre = vectors.mean(0)
        self.spread = float(np.sqrt(vectors.var(0).mean())) or 1.0
        self.rotation = _inverse_root(within, self.joint)
        logs = np.log(dataset.price.astype(np.float64))
        self.price_mean, self.price_sd = float(logs.mean()), float(logs.std())
        if self.price_sd < MIN_PRICE_SD:
            # One price alone: a rounding error would pass for the deviation, and any other price would be far off.
            logs, self.price_sd = np.full(len(logs), self.price_mean), 1.0
        sums = np.bincount(dataset.category, logs, self.count)[: self.count]
        counts = np.bincount(dataset.category, minlength=self.count)[: self.count]
        self.usual_price = np.where(counts > 0, sums / counts.clip(1), self.price_mean)
        onehot = np.eye(self.count)[dataset.category]
        self.shares = onehot.mean(0)
        self.columns = np.concatenate(
            [
                (vectors - self.centre) / self.spread @ self.rotation,
                TABULAR_SCALE * (logs - self.price_mean)[:, None] / self.price_sd,
                TABULAR_SCALE * (onehot - self.shares),
            ],
            1,
        )
        self.target = dataset.target
        self.gram = self.columns.T @ self.columns
        self.moment = self.columns.T @ (self.target - self.target.mean())

    def columns_of(self, given: GivenFields) -> NDArray[Any]:
        """Numbers of the columns that a combination of given fields has."""
        import numpy as np

        price, category = int(GivenFields.PRICE in given), int(GivenFields.CATEGORY in given)
        return np.r_[
            np.arange(self.joint),
            np.full(price, self.joint),
            np.arange(self.joint + 1, self.joint + 1 + category * self.count),
        ].astype(int)

    def fit_middle(self, given: GivenFields) -> tuple[NDArray[Any], float, NDArray[Any]]:
        """Coefficients over all columns, the penalty, and the leave-one-out residuals."""
        import numpy as np

        used, n = self.columns_of(given), len(self.target)
        values, vectors = np.linalg.eigh(self.gram[np.ix_(used, used)])
        values = values.clip(0)
        rotated = vectors.T @ self.moment[used]
        centred = self.target - self.target.mean()
        total = float(centred @ centred)
        best, penalty = np.inf, PENALTIES[-1]
        for tried in PENALTIES:
            part = rotated / (values + tried)
            error = total - 2 * float(part @ rotated) + float(part @ (values * part))
            freedom = 1 + float((values / (values + tried)).sum())
            score = error / max(n - freedom, 1e-9) ** 2 if freedom < 0.95 * n else np.inf
            if score < best:
                best, penalty = score, tried
        inverse = (vectors / (values + penalty)) @ vectors.T
        coefficients = np.zeros(self.columns.shape[1])
        coefficients[used] = inverse @ self.moment[used]
        columns = self.columns[:, used]
        leverage = 1 / n + np.einsum("ij,jk,ik->i", columns, inverse, columns, optimize=True)
        residuals = (centred - columns @ coefficients[used]) / (1 - leverage.clip(None, 0.99))
        return coefficients, penalty, residuals

    def fit_gap(self, given: GivenFields, middle: NDArray[Any], distances: NDArray[Any]) -> tuple[NDArray[Any], float]:
        """The 95th percentile of the distances as a linear function: coefficients over all columns, and the constant.

        It may depend on the predicted middle, the given fields and the embedding's first principal components.
        """
        import numpy as np

        axes = np.linalg.eigh(self.gram[: self.joint, : self.joint])[1][:, -GAP_COMPONENTS:]
        basis = np.zeros((self.columns.shape[1], 0))
        basis = np.c_[basis, middle]
        basis = np.c_[basis, np.r_[axes, np.zeros((self.count + 1, axes.shape[1]))]]
        tabular = self.columns_of(given)[self.joint :]
        basis = np.c_[basis, np.eye(self.columns.shape[1])[:, tabular]]
        features = self.columns @ basis
        scale = features.std(0)
        scale[scale < 1e-9] = np.inf
        found, constant = _quantile_regression(features / scale, distances, (1 + conformal.LEVEL) / 2)
        return basis @ (found / scale), constant

    def unscale(self, coefficients: NDArray[Any]) -> tuple[NDArray[Any], float, NDArray[Any]]:
        """Weights of the embedding, the price and each category for the head's own inputs."""
        image = self.rotation @ coefficients[: self.joint] / self.spread
        price = TABULAR_SCALE * float(coefficients[self.joint])
        category = TABULAR_SCALE * coefficients[self.joint + 1 :]
        return image, price, category - float(self.shares @ category)


def _inverse_root(within: NDArray[Any] | None, joint: int) -> NDArray[Any]:
    """(J, J) the inverse square root of the penalty: `SMOOTHNESS` of it follows the covariance within images."""
    import numpy as np

    if within is None or not np.trace(within) > 0:
        return np.eye(joint)
    penalty = (1 - SMOOTHNESS) * np.eye(joint) + SMOOTHNESS * joint / np.trace(within) * within
    values, vectors = np.linalg.eigh(penalty)
    return (vectors / np.sqrt(values)) @ vectors.T


def _quantile_regression(features: NDArray[Any], target: NDArray[Any], level: float) -> tuple[NDArray[Any], float]:
    """Linear quantile regression with a light ridge penalty on standardised features: slopes and constant."""
    import numpy as np

    n = len(target)
    columns: NDArray[Any] = np.c_[features, np.ones(n)]
    scale = float(np.abs(target).mean()) or 1.0
    penalty: NDArray[Any] = np.r_[np.full(features.shape[1], GAP_PENALTY * n / scale), 0.0]
    found: NDArray[Any] = np.r_[np.zeros(features.shape[1]), np.quantile(target, level)]
    for _ in range(MAX_STEPS):
        weight = 1 / (1e-3 * scale + np.abs(target - columns @ found))
        left = (columns * weight[:, None]).T @ columns + np.diag(penalty)
        right = columns.T @ (weight * target + (2 * level - 1))
        moved: NDArray[Any] = np.linalg.solve(left, right)
        converged = np.abs(moved - found).max() < 1e-5 * scale
        found = moved
        if converged:
            break
    return found[:-1], float(found[-1])
