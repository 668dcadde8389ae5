"""The garment parser on several views of an image: dearer than `parser.parse`, for results that are looked at.

The parser sees 224 x 160 pixels. People fill about a quarter of a photo, so a second pass on their rectangle gives them
twice as many pixels, and two passes on its halves twice as many again; the second view is mirrored, because its errors
are other ones. Halves know the outline best but not what the garment is, which depends on the whole figure: classes are
the mean of all views, the outline that of the close ones and of the network for portraits (figures: decision 72).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from shared.vision import matte, parser, pose
from shared.vision.framing import Box, cut, grid_of, spread

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from shared.vision.parser import Parsed

METHOD: Final = 2
"""Changes with what this module computes: stored results of another method are not used again."""
WORKING_SIDE: Final = 768
"""Longest side, in pixels, of the reduced image that the further views are cut from."""
GRID_SIDE: Final = 256
"""Longest side of the maps."""
MARGIN: Final = 0.08
"""Added to each side of the subject's rectangle, as a share of its longer side."""
HALF: Final = 0.62
"""Share of the rectangle's height that each half has; they overlap."""
MIN_SLENDER: Final = 1.6
"""Height of a person's rectangle, as a multiple of its width, from which on halves are parsed: half of a portrait is
nothing that the parser has learned."""
SELFIE_WEIGHT: Final = 0.3
"""Of the network for portraits in the outline of a person; chosen on training photos of CCP."""
MIN_PIECE: Final = 0.05
"""Pieces of the first pass below this share of the largest one do not count for the rectangle."""
MIN_SIDE: Final = 16
"""Shortest side, in pixels, of a rectangle that is parsed."""


class _View(NamedTuple):
    box: Box
    mirrored: bool = False


def improve(pixels: NDArray[np.uint8], first: Parsed) -> Parsed:
    """What `parser.parse` found in an upright RGB image (h, w, 3), improved by further views.

    The maps have the image's shape, their longer side `GRID_SIDE` cells. Whether the garment is worn stays as it is.
    """
    pixels = _reduced(pixels)
    size = (pixels.shape[0], pixels.shape[1])
    box = _subject_box(first, size)
    if box is None:
        return first
    grid = grid_of(size, GRID_SIDE)
    background = first.labels.index(parser.BACKGROUND)
    whole = first.on(*grid).probabilities
    near = _seen(pixels, _View(box, mirrored=True), grid)
    if not first.is_worn:
        return replace(first, probabilities=(whole + near) / 2)
    slender = box[3] - box[1] >= MIN_SLENDER * (box[2] - box[0])
    parts = _halves(box) if slender else (box,)
    selfies = [spread(pose.selfie_mask(cut(pixels, part))[None], part, size, grid, fill=None) for part in parts]
    if slender:
        share = _share_of_lower(parts, size, grid)
        close = _blended([_seen(pixels, _View(part), grid) for part in parts], share)
        selfie, outline, classes = _blended(selfies, share), (near + close) / 2, (whole + near + close) / 3
    else:
        selfie, outline = selfies[0], (whole + near) / 2
        classes = outline
    subject = (1 - SELFIE_WEIGHT) * (1 - outline[background]) + SELFIE_WEIGHT * selfie[0]
    return replace(first, probabilities=_with_outline(classes, background, subject))


def _reduced(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    import numpy as np
    from PIL import Image

    longest = max(pixels.shape[:2])
    if longest <= WORKING_SIDE:
        return pixels
    scale = WORKING_SIDE / longest
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))


def _subject_box(parsed: Parsed, size: tuple[int, int]) -> Box | None:
    """The rectangle around the foreground with a margin, in whole pixels inside the image; None if it is too small."""
    import numpy as np

    labels = matte.pieces(parsed.foreground >= 0.5)
    sizes = np.bincount(labels.ravel())
    sizes[:1] = 0
    kept = (sizes >= MIN_PIECE * sizes.max(initial=0)) & (sizes > 0)
    found = kept[labels]
    ys, xs = np.flatnonzero(found.any(1)), np.flatnonzero(found.any(0))
    if not len(ys):
        return None
    height, width = size
    down, across = height / found.shape[0], width / found.shape[1]
    left, right, top, low = xs[0] * across, (xs[-1] + 1) * across, ys[0] * down, (ys[-1] + 1) * down
    margin = MARGIN * max(right - left, low - top)
    box = (
        float(max(0, round(left - margin))),
        float(max(0, round(top - margin))),
        float(min(width, round(right + margin))),
        float(min(height, round(low + margin))),
    )
    return box if min(box[2] - box[0], box[3] - box[1]) >= MIN_SIDE else None


def _halves(box: Box) -> tuple[Box, ...]:
    """The upper and the lower part of a rectangle, in whole pixels."""
    left, top, right, low = box
    part = round(HALF * (low - top))
    return (left, top, right, top + part), (left, low - part, right, low)


def _share_of_lower(halves: tuple[Box, ...], size: tuple[int, int], grid: tuple[int, int]) -> NDArray[Any]:
    """(rows, 1): the weight of the lower half in each row; it rises where the two overlap."""
    import numpy as np

    start, end = halves[1][1], halves[0][3]
    rows = (np.arange(grid[0], dtype=np.float32) + 0.5) * (size[0] / grid[0])
    return ((rows - start) / max(1.0, end - start)).clip(0, 1)[:, None].astype(np.float32)


def _blended(halves: Sequence[NDArray[Any]], share: NDArray[Any]) -> NDArray[Any]:
    return halves[0] * (1 - share) + halves[1] * share


def _seen(pixels: NDArray[np.uint8], view: _View, grid: tuple[int, int]) -> NDArray[Any]:
    """The probabilities (classes, rows, columns) over the image by one view; background outside it."""
    part = cut(pixels, view.box)
    found = parser.parse(part[:, ::-1] if view.mirrored else part).probabilities
    return spread(found[:, :, ::-1] if view.mirrored else found, view.box, (pixels.shape[0], pixels.shape[1]), grid)


def _with_outline(chances: NDArray[Any], background: int, subject: NDArray[Any]) -> NDArray[Any]:
    """The probabilities with that of the foreground replaced; the shares of its classes stay."""
    import numpy as np

    rest = np.delete(np.arange(len(chances)), background)
    inside = chances[rest].sum(0)
    made = chances * (subject / np.maximum(inside, 1e-6))
    made[background] = 1 - subject
    # Where no view sees a class, the outline alone says that there is one.
    lost = subject - made[rest].sum(0)
    made[rest] += lost.clip(0) / len(rest)
    return made
