"""Whether an image shows anything at all, checked before a model that always finds something.

The parser finds 34 to 86 % foreground in an empty image. No model is needed to recognise one: a plain background and a
gradient have no edge, and in noise neighbouring pixels are uncorrelated on every scale.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIDES: Final = (64, 32, 16)
"""Longer sides, in pixels, of the scales that are examined."""
MIN_EDGE: Final = 16.0
"""Change of slope between neighbouring pixels of the finest scale, 0..510, below which there is no edge."""
MIN_CORRELATION: Final = 0.3
"""Correlation of neighbouring pixels below which, on every scale, there is only noise."""


def empty(pixels: NDArray[np.uint8]) -> bool:
    """Whether an RGB image (h, w, 3) shows nothing: one colour, a gradient, or noise.

    None of 3,409 photos of garments and 853 of people does: their smallest change of slope is 52, and their smallest
    correlation, on the scale where it is largest, 0.43. Plain backgrounds and gradients reach 7, noise 0.05.
    """
    import numpy as np

    scales = [_reduce(pixels, SIDES[0])]
    for side in SIDES[1:]:
        scales.append(_reduce(scales[-1], side))
    bends = [np.abs(np.diff(scales[0].astype(np.float32), 2, axis)) for axis in (0, 1)]
    if max(float(bend.max(initial=0)) for bend in bends) < MIN_EDGE:
        return True
    return all(_correlation(scale) < MIN_CORRELATION for scale in scales)


def _reduce(pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """The image (h, w, 3) with a longer side of `side` pixels, each the mean of the area it covers."""
    import numpy as np
    from PIL import Image

    height, width = pixels.shape[:2]
    scale = side / max(height, width)
    size = (max(2, round(width * scale)), max(2, round(height * scale)))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))


def _correlation(pixels: NDArray[np.uint8]) -> float:
    """Correlation of neighbours in both directions and all channels: 0 in noise, near 1 for large surfaces."""
    import numpy as np

    values = pixels.astype(np.float32)
    spread = float(values.reshape(-1, 3).var(0).sum())
    steps = [float((np.diff(values, 1, axis) ** 2).mean((0, 1)).sum()) for axis in (0, 1)]
    return 1 - sum(steps) / 4 / max(spread, 1e-6)
