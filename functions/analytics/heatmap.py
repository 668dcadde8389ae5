"""Heat maps: which parts of an image raise or lower its prediction, computed and drawn.

With a linear head on the mean of a feature map, the head applied at each place before averaging is exact: the mean of
the heat plus the other contributions is the prediction (B. Zhou et al., "Learning Deep Features for Discriminative
Localization", CVPR 2016). For a tower without a map, parts of the image are covered (M. Zeiler, R. Fergus, ECCV 2014),
all in one batch; such heat sums to nothing in particular.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_SIDE: Final = 400
"""Longer side of a drawn heat map, in pixels."""
PARTS: Final = 7
"""Rows and columns of the parts that are covered one after the other."""
RED, BLUE = (214, 40, 40), (33, 96, 196)
MAX_OPACITY: Final = 0.8
"""Opacity of the strongest colour."""
DESATURATION: Final = 0.35
"""How much of the image's own colour is replaced by grey, so that the heat's stands out."""

type HeatmapMethod = Literal["cam", "occlusion"]


@dataclass(frozen=True)
class Heatmap:
    """Effect of each place on the prediction in log(1 + units), (rows, columns); above zero where it raises it."""

    values: NDArray[Any]
    method: HeatmapMethod


def occlusion(pixels: NDArray[np.uint8], predict: Callable[[list[NDArray[np.uint8]]], NDArray[Any]]) -> Heatmap:
    """The heat map by covering each of 7 x 7 parts in turn.

    Args:
        pixels: RGB (h, w, 3).
        predict: the middle prediction (n,) for n images, called once for all.
    """
    import numpy as np

    height, width = pixels.shape[:2]
    fill = pixels.reshape(-1, 3).mean(0).astype(np.uint8)
    rows, columns = ([side * part // PARTS for part in range(PARTS + 1)] for side in (height, width))
    images = [pixels]
    for top, bottom in pairwise(rows):
        for left, right in pairwise(columns):
            covered = pixels.copy()
            covered[top:bottom, left:right] = fill
            images.append(covered)
    predictions = predict(images)
    return Heatmap((predictions[0] - predictions[1:]).reshape(PARTS, PARTS), "occlusion")


def display_scale(heatmap: Heatmap, usual: float) -> float:
    """The effect to show at full strength: what is strong for the model, or for this image if that is stronger."""
    import numpy as np

    return max(usual, float(np.quantile(np.abs(heatmap.values), 0.98)))


def render(pixels: NDArray[np.uint8], heatmap: Heatmap, scale: float) -> bytes:
    """The image as PNG with red where it raises the prediction and blue where it lowers it.

    Args:
        scale: the effect that is shown at full strength.
    """
    import numpy as np
    from PIL import Image

    image = Image.fromarray(pixels)
    image.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.BILINEAR)
    small = Image.fromarray(np.ascontiguousarray(heatmap.values / scale * MAX_OPACITY * 255, np.float32))
    full = np.asarray(small.resize(image.size, Image.Resampling.BICUBIC)).clip(-MAX_OPACITY * 255, MAX_OPACITY * 255)
    shown = Image.blend(image, image.convert("L").convert("RGB"), DESATURATION)
    for colour, opacity in ((RED, full), (BLUE, -full)):
        shown.paste(colour, (0, 0, *shown.size), Image.fromarray(opacity.clip(0).astype(np.uint8)))
    out = BytesIO()
    # 256 colours look the same and take a tenth of the time to write.
    shown.quantize(256, method=Image.Quantize.FASTOCTREE).save(out, "PNG", compress_level=1)
    return out.getvalue()
