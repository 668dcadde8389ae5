"""Where a picture that a model painted anew as a whole may take the place of the photo: for engines without a mask.

Such engines repaint everything, faces too. What counts is the garment that was there and the garment that is there
now, a margin around both, and the limbs that one of them uncovers; head and hair never do.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from shared.vision import parser, people, presence, segments
from shared.vto.errors import GarmentNotFound, NoPerson
from vto_container.engines.base import Category

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shared.vision.parser import Parsed

WORN: dict[Category, tuple[str, ...]] = {
    "upper": ("upper", "outerwear", "full_body"),
    "lower": ("lower", "full_body"),
    "dress": ("upper", "outerwear", "lower", "full_body"),
}
"""Classes of the parser that a garment of a category takes the place of."""
PARSED = (128, 96)
"""Rows and columns of what the parser is told to have seen, whatever its own resolution is."""
GRID = (256, 192)
"""Rows and columns on which maps of both pictures are put together."""
LEAST = 0.01
"""Share of the picture below which a garment is not there."""
SURE = 0.4
"""Mean probability of the likeliest class below which there is nobody: photos of people have 0.55 and more."""
MARGIN = 0.012
"""Of the picture's height: what the region is widened by."""
FACE = 0.1
"""Share of the largest piece of skin from which a piece counts as a face."""
EYES, TALL, TALLEST = 0.6, 1.45, 1.9
"""By a face's width: where its eyes are, and its height, usually and at most: beside a chin lies a collar already."""
REACH = 0.06
"""Of the picture's height: how far from the garment bare skin counts as its limb."""


def seen(picture: NDArray[Any]) -> Parsed:
    """The parsed picture (h, w, 3), as it is or as a part of a larger one, whichever the parser is surer of.

    The parser has learned from full-length photos: a portrait it knows only from further away. The maps are of
    `PARSED`'s resolution either way.
    """
    import numpy as np

    near = parser.parse(picture).on(*PARSED)
    height, width = picture.shape[:2]
    room = ((height // 4, height - height // 4), (width // 2, width - width // 2), (0, 0))
    far = parser.parse(np.pad(picture, room, "edge")).on(*PARSED)
    rows, columns = far.probabilities.shape[1:]
    part = far.probabilities[:, rows // 8 : rows // 8 + rows // 2, columns // 4 : columns // 4 + columns // 2]
    whole = np.stack([_enlarged(one, (rows, columns)) for one in part])
    return max(near, replace(far, probabilities=whole), key=_certainty)


def _certainty(parsed: Parsed) -> float:
    """Mean probability of the likeliest class where the subject is."""
    subject = parsed.foreground >= 0.5
    return float(parsed.probabilities.max(0)[subject].mean()) if parsed.is_worn and subject.any() else 0.0


def person(picture: NDArray[Any]) -> Parsed:
    """The parsed photo of somebody: every engine's first look, by what `functions/tryon` looks for, too.

    Raises:
        NoPerson: it shows nothing, nobody, or what the parser can't make out.
    """
    parsed = None if presence.empty(picture) else seen(picture)
    if parsed is None or people.count(parsed) == 0 or _certainty(parsed) < SURE:
        raise NoPerson("nobody is to be seen in the picture", field="person")
    return parsed


def garment(picture: NDArray[Any]) -> None:
    """See that there is a garment in its photo: every engine's other look, by what `functions/tryon` looks for, too.

    Raises:
        GarmentNotFound: it shows nothing, or nothing that the parser is sure of.
    """
    if presence.empty(picture) or not segments.offers(parser.parse(picture)):
        raise GarmentNotFound("no garment is to be seen in the picture", field="garment")


def edit(before: Parsed, painted: NDArray[Any], category: Category, size: tuple[int, int]) -> NDArray[Any]:
    """Where the painted picture may count: (h, w) uint8, 255 inside.

    Args:
        before: the parsed photo.
        painted: RGB (h, w, 3) uint8 of the photo's aspect.
        size: height and width of the answer.

    Raises:
        GarmentNotFound: neither picture shows a garment of the category.
    """
    import numpy as np
    from PIL import Image

    after = seen(painted)
    maps = [_larger(one, names) for names in (WORN[category], ("skin",)) for one in (before, after)]
    clothes = np.maximum(maps[0], maps[1]) >= 0.4
    if clothes.mean() < LEAST:
        raise GarmentNotFound("no garment of this category is to be seen", field="category")
    rows = clothes.shape[0]
    skin = np.maximum(maps[2], maps[3]) >= 0.5
    region = widened(clothes | (skin & widened(clothes, round(REACH * rows))), max(1, round(MARGIN * rows)))
    places = before.probabilities.shape[1:]
    kept = head(before, (size[1] / places[1]) / (size[0] / places[0]))
    region &= ~(_enlarged(kept.astype(np.float32)) >= 0.5)
    smooth = Image.fromarray(region.astype(np.uint8) * 255).resize((size[1], size[0]), Image.Resampling.BILINEAR)
    return np.where(np.asarray(smooth) > 127, 255, 0).astype(np.uint8)


def _larger(parsed: Parsed, names: tuple[str, ...]) -> NDArray[Any]:
    return _enlarged(parsed.share_of(names))


def _enlarged(field: NDArray[Any], grid: tuple[int, int] = GRID) -> NDArray[Any]:
    """A map (h, w) on another grid, by default the one that all of them are compared on."""
    import numpy as np
    from PIL import Image

    image = Image.fromarray(field.astype(np.float32)).resize((grid[1], grid[0]), Image.Resampling.BILINEAR)
    return np.asarray(image)


def head(parsed: Parsed, wide: float = 1.0) -> NDArray[Any]:
    """Hair anywhere, and all that is level with the face or above it, whatever the parser takes a hat for: a bool map
    of the parser's resolution.

    Args:
        wide: how wide a place of that is in the picture, by its height.
    """
    import numpy as np

    from shared.vision.matte import pieces

    kept = parsed.share_of(("hair",)) >= 0.4
    skin = pieces(parsed.share_of(("skin",)) >= 0.5)
    sizes = np.bincount(skin.ravel())
    sizes[0] = 0
    large = [n for n in range(1, len(sizes)) if sizes[n] >= max(6, FACE * sizes.max())]
    if not large:
        return kept
    face = min((skin == n for n in large), key=lambda piece: int(np.flatnonzero(piece.any(1))[0]))
    rows = np.flatnonzero(face.any(1))
    # a neck and a bare chest may hang on the face, and a fringe makes its top narrow
    counts = face.sum(1)[rows[0] : rows[-1] + 1] * wide
    first = float(np.percentile(counts[: max(3, len(counts) // 2)], 70))
    upper = face[rows[0] : rows[0] + max(3, round(TALL * first))]
    width = float(np.percentile(upper.sum(1), 90)) * wide
    chin = min(rows[0] + round(TALL * width), int(rows[-1]) + 1)
    columns = np.flatnonzero(upper.any(0))
    reach = round(0.4 * width / wide)
    # level with the cheeks there may be shoulders already, never in front of the eyes
    clothes = parsed.share_of(("upper", "outerwear", "full_body")) >= 0.5
    clothes[: rows[0] + round(EYES * width)] = False
    box = np.zeros_like(kept)
    box[:chin, max(0, columns[0] - reach) : columns[-1] + 1 + reach] = True
    kept |= box & ~clothes
    lowest = rows[0] + round(TALLEST * width)
    kept[:lowest] |= face[:lowest]
    return kept


def widened(mask: NDArray[Any], reach: int) -> NDArray[Any]:
    """A bool map dilated by a square of a radius in places."""
    import numpy as np

    from shared.vision.matte import box

    return box(mask.astype(np.float32)[:, :, None], reach)[:, :, 0] > 1e-4 if reach else mask


def drift(photo: NDArray[Any], painted: NDArray[Any], region: NDArray[Any]) -> float:
    """Mean absolute difference (0..255) outside the region: how far the model moved what it should have left alone."""
    import numpy as np
    from PIL import Image

    small = (min(256, photo.shape[1]), min(256, photo.shape[0]))
    a, b = (np.asarray(Image.fromarray(one).resize(small), np.int16) for one in (photo, painted))
    outside = np.asarray(Image.fromarray(region).resize(small)) == 0
    return round(float(np.abs(a - b)[outside].mean()), 2) if outside.any() else 0.0
