"""How far an image lies from those a model was fitted on, by two distances that fail differently.

Nearest neighbours find an image between the known kinds; the Mahalanobis distance under a shrunk covariance finds one
that leaves the few directions in which images of clothes differ, as noise or an empty background does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from numpy.typing import NDArray

NEIGHBOURS: Final = 5
FAR_QUANTILE: Final = 0.99
"""Share of known images that are nearer than what counts as far, in either distance."""
SHRINKAGE: Final = 0.1
MAX_SAMPLE: Final = 1000
"""Known images from which the limit of the first distance is taken."""
CHUNK: Final = 100
"""Images per batch compared with all known ones."""


@dataclass(frozen=True)
class NoveltyDetector:
    """The two distances and their limits.

    Args:
        known: (m, J) embeddings of the images fitted on.
        max_neighbour_distance: limit of the mean distance (one minus cosine) to the five nearest.
        centre, whitening: (J,), (J, J): `|(x - centre) @ whitening|` is the Mahalanobis distance; None with too few
            images to estimate it.
        max_mahalanobis: its limit.
    """

    known: NDArray[Any]
    max_neighbour_distance: float
    centre: NDArray[Any] | None
    whitening: NDArray[Any] | None
    max_mahalanobis: float

    @classmethod
    def fit(cls, known: NDArray[Any]) -> NoveltyDetector:
        """From the embeddings (m, J) a model was fitted on; each limit is taken on images that it leaves out."""
        import numpy as np

        sample = known[np.linspace(0, len(known) - 1, min(MAX_SAMPLE, len(known))).astype(int)]
        nearest = float(np.quantile(_neighbour_distance(sample, known, skip=1), FAR_QUANTILE)) if len(known) > 2 else 1
        nearest = max(float(nearest), 1e-3)
        first, second = known[::2].astype(np.float64), known[1::2]
        if len(first) < 2 * known.shape[1]:
            return cls(known, nearest, None, None, 1.0)
        centre = first.mean(0)
        values, vectors = np.linalg.eigh(np.cov((first - centre).T))
        whitening = vectors / np.sqrt(values.clip(0) + SHRINKAGE * values.mean())
        limit = float(np.quantile(np.linalg.norm((second - centre) @ whitening, axis=1), FAR_QUANTILE))
        return cls(known, nearest, centre, whitening, limit)

    def distance(self, vectors: NDArray[Any]) -> NDArray[Any]:
        """(n,) the larger distance of each image over its limit: above 1 it is farther than 99 % of known images."""
        import numpy as np

        found = _neighbour_distance(vectors, self.known) / self.max_neighbour_distance
        if self.centre is not None and self.whitening is not None:
            away = np.linalg.norm((vectors - self.centre) @ self.whitening, axis=1)
            found = np.maximum(found, away / self.max_mahalanobis)
        return found


def _neighbour_distance(vectors: NDArray[Any], known: NDArray[Any], *, skip: int = 0) -> NDArray[Any]:
    """(n,) one minus the mean cosine of the nearest known images, without the `skip` nearest."""
    import numpy as np

    count = min(NEIGHBOURS + skip, len(known))
    chunks = np.split(vectors, range(CHUNK, len(vectors), CHUNK))
    nearest = np.concatenate([-np.partition(-(chunk @ known.T), count - 1, 1)[:, :count] for chunk in chunks])
    cosines = -np.sort(-nearest, 1)[:, skip:]
    return 1 - cosines.mean(1) if cosines.shape[1] else np.full(len(vectors), 1.0)
