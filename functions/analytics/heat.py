"""Where in a picture the prediction comes from, and that as a picture.

With a linear head on the mean of a feature map, the head applied at each place before averaging is exact: the mean of
the heat plus the other contributions is the prediction (B. Zhou et al., "Learning Deep Features for Discriminative
Localization", CVPR 2016). A tower without a map is asked with parts of the picture covered (M. Zeiler, R. Fergus, ECCV
2014), all parts in one batch; such heat does not sum to anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE: Final = 400
"""Long side of the picture with the heat, in pixels."""
PARTS: Final = 7
"""Rows and columns of the parts that are covered one after the other."""
UP, DOWN = (214, 40, 40), (33, 96, 196)
STRONGEST: Final = 0.8
"""Opacity of the strongest colour."""
FADE: Final = 0.35
"""How much of the picture's own colour is taken back to grey, so that the heat's stands out."""

type How = Literal["cam", "occlusion"]


@dataclass(frozen=True)
class Heat:
    """What each place does to the prediction in log(1 + units), (rows, columns), above zero where it raises it."""

    values: NDArray[Any]
    how: How


def occlusion(picture: NDArray[Any], ask: Callable[[list[NDArray[Any]]], NDArray[Any]]) -> Heat:
    """Cover each of 7 x 7 parts in turn.

    Args:
        picture: RGB (h, w, 3) uint8.
        ask: the middle prediction (n,) for n pictures, asked once for all.
    """
    import numpy as np

    height, width = picture.shape[:2]
    fill = picture.reshape(-1, 3).mean(0).astype(np.uint8)
    rows = np.linspace(0, height, PARTS + 1).astype(int)
    columns = np.linspace(0, width, PARTS + 1).astype(int)
    asked = [picture]
    for top, bottom in pairwise(rows):
        for left, right in pairwise(columns):
            covered = picture.copy()
            covered[top:bottom, left:right] = fill
            asked.append(covered)
    found = ask(asked)
    return Heat((found[0] - found[1:]).reshape(PARTS, PARTS), "occlusion")


def shown_scale(heat: Heat, usual: float) -> float:
    """The effect to show at full strength: what is strong for the model, or for this picture if that is stronger."""
    import numpy as np

    return max(usual, float(np.quantile(np.abs(heat.values), 0.98)))


def overlay(picture: NDArray[Any], heat: Heat, scale: float) -> bytes:
    """The picture as PNG with what raises the prediction in red and what lowers it in blue.

    Args:
        scale: the effect that is shown at full strength.
    """
    import numpy as np
    from PIL import Image

    image = Image.fromarray(picture)
    image.thumbnail((SIDE, SIDE), Image.Resampling.BILINEAR)
    small = Image.fromarray(np.ascontiguousarray(heat.values / scale * STRONGEST * 255, np.float32))
    full = np.asarray(small.resize(image.size, Image.Resampling.BICUBIC)).clip(-STRONGEST * 255, STRONGEST * 255)
    shown = Image.blend(image, image.convert("L").convert("RGB"), FADE)
    for colour, strength in ((UP, full), (DOWN, -full)):
        shown.paste(colour, (0, 0, *shown.size), Image.fromarray(strength.clip(0).astype(np.uint8)))
    out = BytesIO()
    # 256 colours are enough to look at, and written in a tenth of the time
    shown.quantize(256, method=Image.Quantize.FASTOCTREE).save(out, "PNG", compress_level=1)
    return out.getvalue()
