"""The last correction of the warp: aligns the garment's warped outline with the silhouette.

The first network predicts both, each with its own errors. The correction is a smooth shift of all positions (a
quadratic in the view's coordinates) that maps the warped outline to the silhouette: least squares by damped
Gauss-Newton steps (D. Marquardt, SIAM J. 1963) on the coarse grid of the flow, in a few milliseconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vto_container.engines.compact_product import sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

STEPS = 8
STIFFNESS = 5.0
"""Weight of the shift against the squared error of the outline summed over the grid."""
PROBE = 0.03
"""Half the distance over which the outline's gradient is measured, as a share of half the canvas."""


def _centres(count: int) -> NDArray[Any]:
    """The centres of `count` cells that divide -1..1."""
    import numpy as np

    return np.divide(np.arange(count) * 2 + 1, count) - 1


def align(
    places: NDArray[Any], mask: NDArray[Any], silhouette: NDArray[Any], stiffness: float = STIFFNESS, steps: int = STEPS
) -> NDArray[Any]:
    """The positions (h, w, 2), corrected.

    Args:
        mask: (h, w) of the garment on its canvas, 0..1.
        silhouette: (h, w) where the garment should be, 0..1.
    """
    import numpy as np

    height, width = places.shape[:2]
    y, x = np.meshgrid(_centres(height), _centres(width), indexing="ij")
    base = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], 2)
    count = base.shape[2]

    def warped(at: NDArray[Any]) -> NDArray[Any]:
        return sample(mask[:, :, None], at[:, :, 0], at[:, :, 1])[:, :, 0] * (np.abs(at).max(2) <= 1)

    def moved(by: NDArray[Any]) -> NDArray[Any]:
        return places + np.stack([base @ by[0], base @ by[1]], 2)

    shift = np.zeros((2, count))
    damping = 0.01
    at, error = places, warped(places) - silhouette
    cost = float((error**2).sum())
    for _ in range(steps):
        slopes = [(warped(at + step) - warped(at - step)) / (2 * PROBE) for step in PROBE * np.eye(2)]
        jacobian = np.concatenate([slope[:, :, None] * base for slope in slopes], 2).reshape(-1, 2 * count)
        normal = jacobian.T @ jacobian + stiffness * np.eye(2 * count)
        right = -(jacobian.T @ error.ravel() + stiffness * shift.ravel())
        tried = shift + np.linalg.solve(normal + damping * np.diag(np.diag(normal)), right).reshape(2, count)
        place = moved(tried)
        found = warped(place) - silhouette
        now = float((found**2).sum()) + stiffness * float((tried**2).sum())
        if now < cost:
            shift, at, error, cost, damping = tried, place, found, now, damping * 0.5
        else:
            damping *= 4
    return at.astype(np.float32)
