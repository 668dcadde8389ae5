"""The colours of a garment without the light of its product photo: its folds and shadows do not fit another body.

A guided filter keeps edges of prints, stripes and seams and evens out what is weaker (K. He, J. Sun, X. Tang, "Guided
Image Filtering", ECCV 2010; its coefficients are smooth, so a reduced picture suffices: K. He, J. Sun, "Fast Guided
Filter", 2015). The finest detail, the grain of the fabric, stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from shared.vision.matte import box

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE_PX: Final = 256
"""Longest side of the picture on which the filter's coefficients are found."""
RADIUS: Final = 0.055
"""Radius of the filter, relative to the square root of the garment's area: about a tenth of a chest."""
CONTRAST: Final = 25.0
"""Standard deviation of the brightness, in 0..255, from which detail is kept rather than evened out."""
HUE: Final = 4.0
"""How much more a difference in hue counts than one in brightness."""
GRAIN: Final = 0.006
"""Size of the detail that stays, relative to the square root of the garment's area."""


def even(colours: NDArray[Any], opaque: NDArray[Any]) -> NDArray[Any]:
    """Colours (h, w, 3) float32 in 0..255 without weak shadows and folds.

    Args:
        colours: extended beyond the garment, so that no ground mixes in.
        opaque: (h, w) bool, where the garment is.
    """
    import numpy as np

    size = float(np.sqrt(max(1, int(opaque.sum()))))
    height, width = opaque.shape
    scale = min(1.0, SIDE_PX / max(height, width))
    small = _resized(colours, (max(2, round(height * scale)), max(2, round(width * scale))))
    radius = max(1, round(RADIUS * size * scale))
    mean = box(small, radius)
    spread = box(small * small, radius) - mean * mean
    # What differs in hue is a print: of light, all channels take part.
    hues = small - small.mean(2, keepdims=True)
    spread = (spread + HUE * (box(hues * hues, radius) - box(hues, radius) ** 2)).mean(2, keepdims=True).clip(0)
    slope = spread / (spread + CONTRAST**2)
    level = mean * (1 - slope)
    slope, level = (_resized(box(one, radius), (height, width)) for one in (slope, level))
    grain = colours - box(colours, max(1, round(GRAIN * size)))
    return (slope * colours + level + (1 - slope) * grain).clip(0, 255).astype(np.float32)


def _resized(planes: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    import numpy as np
    from PIL import Image

    way = Image.Resampling.BOX if size[0] < planes.shape[0] else Image.Resampling.BILINEAR
    if size == planes.shape[:2]:
        return planes
    channels = [np.ascontiguousarray(planes[:, :, n], np.float32) for n in range(planes.shape[2])]
    return np.stack([np.asarray(Image.fromarray(one).resize((size[1], size[0]), way)) for one in channels], 2)
