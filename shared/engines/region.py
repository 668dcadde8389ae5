"""The part of a fully repainted image that may replace the person image: for engines without a mask of their own.

Such engines repaint everything, faces included. Only the old and the new garment, a margin around both, and the limbs
that one of them uncovers are used; head and hair never are.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from shared.engines.base import Category
from shared.vision import careful, parser, people, presence, segments
from shared.vto.errors import GarmentNotFound, NoPerson

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shared.vision.parser import Parsed

REPLACED: dict[Category, tuple[str, ...]] = {
    "upper": ("upper", "outerwear", "full_body"),
    "lower": ("lower", "full_body"),
    "dress": ("upper", "outerwear", "lower", "full_body"),
}
"""Classes of the parser that a garment of a category replaces."""
PARSED_SIZE: Final = (128, 96)
"""Rows and columns of every parsed map, whatever the parser's own resolution is."""
GRID: Final = (256, 192)
"""Rows and columns on which the maps of both images are combined."""
MIN_GARMENT_SHARE: Final = 0.01
"""Share of the image below which there is no garment."""
MIN_CERTAINTY: Final = 0.4
"""Mean probability of the likeliest class below which there is no person; photos of people have 0.55 and more."""
CLOTHES_PROBABILITY: Final = 0.4
MARGIN: Final = 0.012
"""Share of the image's height by which the region is dilated."""
MIN_FACE_SHARE: Final = 0.1
"""Share of the largest component of skin from which a component counts as a face."""
EYES, FACE_HEIGHT, MAX_FACE_HEIGHT = 0.6, 1.45, 1.9
"""In widths of a face: the height of its eyes below its top, and its usual and largest height; below the chin follows
the collar."""
LIMB_REACH: Final = 0.06
"""Share of the image's height within which bare skin next to the garment counts as its limb."""


def parse_closely(image: NDArray[Any]) -> Parsed:
    """The parsed image (h, w, 3), taken as it is or as a part of a larger one, whichever the parser is more certain of.

    The parser was trained on full-length photos, so it recognises a portrait only at a smaller scale. The maps have
    `PARSED_SIZE` in both cases.
    """
    import numpy as np

    near = careful.improve(image, parser.parse(image)).on(*PARSED_SIZE)
    height, width = image.shape[:2]
    padding = ((height // 4, height - height // 4), (width // 2, width - width // 2), (0, 0))
    far = parser.parse(np.pad(image, padding, "edge")).on(*PARSED_SIZE)
    rows, columns = far.probabilities.shape[1:]
    part = far.probabilities[:, rows // 8 : rows // 8 + rows // 2, columns // 4 : columns // 4 + columns // 2]
    whole = np.stack([_resized(one, (rows, columns)) for one in part])
    return max(near, replace(far, probabilities=whole), key=_certainty)


def _certainty(parsed: Parsed) -> float:
    """Mean probability of the likeliest class over the foreground."""
    subject = parsed.foreground >= 0.5
    return float(parsed.probabilities.max(0)[subject].mean()) if parsed.is_worn and subject.any() else 0.0


def parse_person(image: NDArray[Any]) -> Parsed:
    """The parsed person image; the first check of every engine, by the same criteria as `functions/tryon`.

    Raises:
        NoPerson: it is empty, shows no person, or the parser is not certain enough.
    """
    parsed = None if presence.empty(image) else parse_closely(image)
    if parsed is None or people.count(parsed) == 0 or _certainty(parsed) < MIN_CERTAINTY:
        raise NoPerson("the image shows no person: use a photo of one person from the front", field="person")
    return parsed


def require_garment(image: NDArray[Any]) -> None:
    """Check that an image shows a garment, by the same criteria as `functions/tryon`.

    Raises:
        GarmentNotFound: it is empty, or the parser is not certain enough.
    """
    if presence.empty(image) or not segments.offers(parser.parse(image)):
        raise GarmentNotFound("the image shows no garment", field="garment")


def edit_mask(before: Parsed, painted: NDArray[Any], category: Category, size: tuple[int, int]) -> NDArray[Any]:
    """Where the painted image may be used: (h, w) uint8, 255 inside.

    Args:
        before: the parsed person image.
        painted: RGB (h, w, 3) uint8 of the person image's aspect ratio.
        size: height and width of the mask.

    Raises:
        GarmentNotFound: neither image shows a garment of the category.
    """
    import numpy as np
    from PIL import Image

    after = parse_closely(painted)
    maps = [_resized(parsed.share_of(names)) for names in (REPLACED[category], ("skin",)) for parsed in (before, after)]
    clothes = np.maximum(maps[0], maps[1]) >= CLOTHES_PROBABILITY
    if clothes.mean() < MIN_GARMENT_SHARE:
        raise GarmentNotFound("the image shows no garment of this category", field="category")
    rows = clothes.shape[0]
    skin = np.maximum(maps[2], maps[3]) >= 0.5
    region = dilate(clothes | (skin & dilate(clothes, round(LIMB_REACH * rows))), max(1, round(MARGIN * rows)))
    cells = before.probabilities.shape[1:]
    kept = head(before, (size[1] / cells[1]) / (size[0] / cells[0]))
    region &= ~(_resized(kept.astype(np.float32)) >= 0.5)
    smooth = Image.fromarray(region.astype(np.uint8) * 255).resize((size[1], size[0]), Image.Resampling.BILINEAR)
    return np.where(np.asarray(smooth) > 127, 255, 0).astype(np.uint8)


def _resized(field: NDArray[Any], grid: tuple[int, int] = GRID) -> NDArray[Any]:
    """A map (h, w) resampled to a grid, by default the one on which maps are combined."""
    import numpy as np
    from PIL import Image

    image = Image.fromarray(field.astype(np.float32)).resize((grid[1], grid[0]), Image.Resampling.BILINEAR)
    return np.asarray(image)


def head(parsed: Parsed, cell_aspect: float = 1.0) -> NDArray[Any]:
    """All hair, and everything level with the face or above it, whatever class a hat gets: a bool map of the parser's
    resolution.

    Args:
        cell_aspect: width of a cell of that map in the image, divided by its height.
    """
    import numpy as np

    from shared.vision.matte import pieces

    kept = parsed.share_of(("hair",)) >= 0.4
    skin = pieces(parsed.share_of(("skin",)) >= 0.5)
    sizes = np.bincount(skin.ravel())
    sizes[0] = 0
    large = [n for n in range(1, len(sizes)) if sizes[n] >= max(6, MIN_FACE_SHARE * sizes.max())]
    if not large:
        return kept
    face = min((skin == n for n in large), key=lambda piece: int(np.flatnonzero(piece.any(1))[0]))
    rows = np.flatnonzero(face.any(1))
    # Neck and bare chest may belong to the same component, and a fringe makes its top narrow.
    counts = face.sum(1)[rows[0] : rows[-1] + 1] * cell_aspect
    first = float(np.percentile(counts[: max(3, len(counts) // 2)], 70))
    upper = face[rows[0] : rows[0] + max(3, round(FACE_HEIGHT * first))]
    width = float(np.percentile(upper.sum(1), 90)) * cell_aspect
    chin = min(rows[0] + round(FACE_HEIGHT * width), int(rows[-1]) + 1)
    columns = np.flatnonzero(upper.any(0))
    reach = round(0.4 * width / cell_aspect)
    # Shoulders may be level with the cheeks, but never with the eyes.
    clothes = parsed.share_of(("upper", "outerwear", "full_body")) >= 0.5
    clothes[: rows[0] + round(EYES * width)] = False
    box = np.zeros_like(kept)
    box[:chin, max(0, columns[0] - reach) : columns[-1] + 1 + reach] = True
    kept |= box & ~clothes
    lowest = rows[0] + round(MAX_FACE_HEIGHT * width)
    kept[:lowest] |= face[:lowest]
    return kept


def dilate(mask: NDArray[Any], radius: int) -> NDArray[Any]:
    """A bool map dilated by a square of a radius in cells."""
    import numpy as np

    from shared.vision.matte import box

    return box(mask.astype(np.float32), radius) > 1e-4 if radius else mask


def drift(person: NDArray[Any], painted: NDArray[Any], region: NDArray[Any]) -> float:
    """Mean absolute difference (0..255) outside the region: how much the model changed what it should have kept."""
    import numpy as np
    from PIL import Image

    small = (min(256, person.shape[1]), min(256, person.shape[0]))
    a, b = (np.asarray(Image.fromarray(one).resize(small), np.int16) for one in (person, painted))
    outside = np.asarray(Image.fromarray(region).resize(small)) == 0
    return round(float(np.abs(a - b)[outside].mean()), 2) if outside.any() else 0.0
