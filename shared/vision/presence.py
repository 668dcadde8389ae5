"""Whether a picture shows anything at all, before a model that always sees something is asked what.

The parser finds 34 to 86 % foreground in an empty picture. What no model is needed for: an empty ground and a gradient
have no edge, and in noise neighbours know nothing of each other on any scale.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDES: Final = (64, 32, 16)
"""Longest sides, in places, on which the picture is looked at."""
EDGE: Final = 16.0
"""Change of slope between neighbouring places of the finest, 0..510, below which there is no edge."""
ALIKE: Final = 0.3
"""Correlation of neighbouring places below which, on every scale, there is only noise."""


def empty(picture: NDArray[Any]) -> bool:
    """Whether an RGB picture (h, w, 3) uint8 shows nothing: one colour, a gradient, or noise.

    Of 3,409 photos of garments and 853 of people none is: their least change of slope is 52, and their least
    correlation, on the scale where it is largest, 0.43. Empty grounds and gradients have 7 at most, noise 0.05.
    """
    import numpy as np

    scales = [_reduced(picture, SIDES[0])]
    for side in SIDES[1:]:
        scales.append(_reduced(scales[-1], side))
    bends = [np.abs(np.diff(scales[0].astype(np.float32), 2, axis)) for axis in (0, 1)]
    if max(float(bend.max(initial=0)) for bend in bends) < EDGE:
        return True
    return all(_correlation(one) < ALIKE for one in scales)


def _reduced(picture: NDArray[Any], side: int) -> NDArray[Any]:
    """The picture (h, w, 3) uint8 with its longer side in so many places, each the mean of what it covers."""
    import numpy as np
    from PIL import Image

    height, width = picture.shape[:2]
    scale = side / max(height, width)
    size = (max(2, round(width * scale)), max(2, round(height * scale)))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX))


def _correlation(places: NDArray[Any]) -> float:
    """Of neighbours, over both directions and all colours: 0 in noise, towards 1 where surfaces are large."""
    import numpy as np

    places = places.astype(np.float32)
    spread = float(places.reshape(-1, 3).var(0).sum())
    steps = [float((np.diff(places, 1, axis) ** 2).mean((0, 1)).sum()) for axis in (0, 1)]
    return 1 - sum(steps) / 4 / max(spread, 1e-6)
