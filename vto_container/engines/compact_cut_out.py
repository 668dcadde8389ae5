"""Cut a garment out of its photo: without the ground between sleeves and trunk, and without holes at labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from shared.vision import matte
from shared.vto.errors import GarmentNotFound

if TYPE_CHECKING:
    from numpy.typing import NDArray

MATTE_SIDE_PX: Final = 384
"""Longest side of the photo for finding the outline, in pixels."""
MIN_SHARE: Final = 0.012
"""Share of the photo that a garment fills, below which there is none."""
HUE_SIDE_PX, HUES = 256, 30
"""Longest side of the picture on which hues are compared, and steps of each of two shares of colour."""
DARK, COLOURED, MOST_GROUND = 50, 0.22, 0.2
"""Brightness below which a hue says nothing; difference of the channels, relative to the brightest, from which a place
has one; and the share of a garment above which what has the ground's hue is its own."""
MIN_HOLE: Final = 0.006
"""Area of a hole, relative to the garment, below which it is a label or a button."""


def cut_out(chance: NDArray[Any], image: NDArray[Any]) -> NDArray[Any]:
    """The opacity (h, w) uint8 of a garment, from its map of probabilities."""
    import numpy as np
    from PIL import Image, ImageFilter

    reduced = Image.fromarray(image)
    reduced.thumbnail((MATTE_SIDE_PX, MATTE_SIDE_PX), Image.Resampling.BOX)
    small = Image.fromarray(_without_ground(matte.alpha(chance, np.asarray(reduced)), np.asarray(reduced)))
    # The outermost pixels are half ground: a thinner outline shows none of it.
    small = small.filter(ImageFilter.MinFilter(3))
    alpha = np.asarray(small.resize((image.shape[1], image.shape[0]), Image.Resampling.BICUBIC))
    if (alpha > 127).mean() < MIN_SHARE:
        raise GarmentNotFound("the image shows no garment", field="garment")
    return alpha


def _without_ground(alpha: NDArray[Any], image: NDArray[Any]) -> NDArray[Any]:
    """The opacity without the gaps between sleeves and trunk, which the parser's map is too coarse to show: parts of
    the colour of the ground around the garment, which is not a colour of its inside."""
    import numpy as np

    inside = alpha > 127
    around, core = _around_and_core(inside)
    if around.sum() < 200 or core.sum() < 200:
        return alpha
    bins = (image // 24).astype(np.int64)
    index = (bins[:, :, 0] * 11 + bins[:, :, 1]) * 11 + bins[:, :, 2]
    shares = [np.bincount(index[part], minlength=1331) / part.sum() for part in (around, core)]
    ground = _only_around(*shares)
    parts = inside & ground[index]
    # Single pixels of that colour are folds and prints.
    parts &= matte.box(parts.astype(np.float32), 2) > 0.6
    grown = matte.box(parts.astype(np.float32), 2) > 0.05
    return np.where(grown & (ground[index] | parts), 0, alpha).astype(np.uint8)


def _around_and_core(inside: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """What lies around a garment (h, w) bool within a twentieth of the picture, and its inside without the edges."""
    import numpy as np

    reach = max(3, round(0.05 * max(inside.shape)))
    around = (matte.box(inside.astype(np.float32), reach) > 0.01) & ~inside
    core = matte.box(inside.astype(np.float32), max(2, reach // 3)) > 0.99
    return around, core


def _only_around(around: NDArray[Any], core: NDArray[Any]) -> NDArray[Any]:
    """Which colours belong to the ground, from the share of each colour around a garment and in its core."""
    import numpy as np

    return around > np.maximum(6 * core, 0.004)


def closed(alpha: NDArray[Any]) -> NDArray[Any]:
    """The opacity of a garment without small holes inside it: labels and buttons of the colour of the ground."""
    import numpy as np
    from PIL import Image

    height, width = alpha.shape
    scale = min(1.0, MATTE_SIDE_PX / max(height, width))
    size = (max(2, round(width * scale)), max(2, round(height * scale)))
    small = np.asarray(Image.fromarray(alpha).resize(size, Image.Resampling.BOX)) > 127
    numbers = matte.pieces(~small)
    sizes = np.bincount(numbers.ravel())
    edge = np.unique(np.concatenate([numbers[0], numbers[-1], numbers[:, 0], numbers[:, -1]]))
    holes = sizes < MIN_HOLE * small.sum()
    holes[edge], holes[0] = False, False
    if not holes.any():
        return alpha
    found = matte.box(holes[numbers].astype(np.float32), 1) > 0.01
    closed = np.asarray(
        Image.fromarray(found.astype(np.uint8) * 255).resize((width, height), Image.Resampling.BILINEAR)
    )
    return np.where(closed > 127, 255, alpha).astype(np.uint8)


def of_ground(image: NDArray[Any], alpha: NDArray[Any]) -> NDArray[Any]:
    """(h, w) bool: places in a garment that have the hue of a coloured ground, which is no hue of its inside: gaps
    beside sleeves, folds that show the ground, and edges on which it shines."""
    import numpy as np
    from PIL import Image

    height, width = alpha.shape
    nothing = np.zeros((height, width), bool)
    scale = min(1.0, HUE_SIDE_PX / max(height, width))
    size = (max(2, round(width * scale)), max(2, round(height * scale)))
    inside = np.asarray(Image.fromarray(alpha).resize(size, Image.Resampling.BOX)) > 127
    small = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BOX), np.float32)
    around, core = _around_and_core(inside)
    light = small.max(2)
    coloured = (light > DARK) & (light - small.min(2) > COLOURED * light)
    if (around & coloured).sum() < 0.3 * around.sum() or core.sum() < 200:
        return nothing
    total = np.maximum(small.sum(2), 1.0)
    index = ((small[:, :, 0] / total * HUES).astype(np.int64) * (HUES + 1)) + (small[:, :, 1] / total * HUES).astype(
        np.int64
    )
    shares = [np.bincount(index[part & coloured], minlength=(HUES + 1) ** 2) / part.sum() for part in (around, core)]
    ground = _only_around(*shares)
    found = inside & coloured & ground[index]
    if found.sum() > MOST_GROUND * inside.sum():
        return nothing
    found = matte.box(found.astype(np.float32), 1) > 0.2
    return np.asarray(Image.fromarray(found.astype(np.uint8)).resize((width, height), Image.Resampling.NEAREST)) > 0
