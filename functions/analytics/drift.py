"""How far a picture lies from those a model was fitted on, in two ways that miss different things.

Nearest neighbours see a picture between the known kinds; the Mahalanobis distance under a shrunk covariance sees one
that leaves the few directions in which pictures of clothes differ, as noise or an empty wall does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from numpy.typing import NDArray

NEIGHBOURS: Final = 5
FAR: Final = 0.99
"""Share of known pictures that are nearer than what counts as far, in either way."""
SHRINK: Final = 0.1
SAMPLE: Final = 1000
PART: Final = 100
"""Pictures compared at once with all known ones."""


@dataclass(frozen=True)
class Reach:
    """What is near.

    Args:
        known: (m, J) embeddings of the pictures fitted on.
        farthest: of the mean distance (one minus cosine) to the five nearest.
        centre, turn: (J,), (J, J): `|(x - centre) @ turn|` is the other distance; None with too few pictures for it.
        outermost: its limit.
    """

    known: NDArray[Any]
    farthest: float
    centre: NDArray[Any] | None
    turn: NDArray[Any] | None
    outermost: float

    def of(self, vectors: NDArray[Any]) -> NDArray[Any]:
        """(n,) distances of new pictures: up to 1 as near as 99 % of the known ones are to each other, above far."""
        import numpy as np

        found = _nearest(vectors, self.known) / self.farthest
        if self.centre is not None and self.turn is not None:
            found = np.maximum(found, np.linalg.norm((vectors - self.centre) @ self.turn, axis=1) / self.outermost)
        return found


def reach(known: NDArray[Any]) -> Reach:
    """Of the embeddings (m, J) a model was fitted on; limits are taken on pictures left out of what they are for."""
    import numpy as np

    some = known[np.linspace(0, len(known) - 1, min(SAMPLE, len(known))).astype(int)]
    farthest = float(np.quantile(_nearest(some, known, leave_out=1), FAR)) if len(known) > 2 else 1.0
    first, second = known[::2].astype(np.float64), known[1::2]
    if len(first) < 2 * known.shape[1]:
        return Reach(known, max(farthest, 1e-3), None, None, 1.0)
    centre = first.mean(0)
    values, vectors = np.linalg.eigh(np.cov((first - centre).T))
    turn = vectors / np.sqrt(values.clip(0) + SHRINK * values.mean())
    outermost = float(np.quantile(np.linalg.norm((second - centre) @ turn, axis=1), FAR))
    return Reach(known, max(farthest, 1e-3), centre, turn, outermost)


def _nearest(vectors: NDArray[Any], known: NDArray[Any], *, leave_out: int = 0) -> NDArray[Any]:
    """(n,) one minus the mean cosine of the nearest known pictures, the `leave_out` nearest not counted."""
    import numpy as np

    count = min(NEIGHBOURS + leave_out, len(known))
    parts = np.split(vectors, range(PART, len(vectors), PART))
    nearest = np.concatenate([-np.partition(-(some @ known.T), count - 1, 1)[:, :count] for some in parts])
    cosines = -np.sort(-nearest, 1)[:, leave_out:]
    return 1 - cosines.mean(1) if cosines.shape[1] else np.full(len(vectors), 1.0)
