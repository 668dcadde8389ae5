"""The garment found in its image: worn or lying alone, of which category, and its outline to the pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.vision import matte, parser
from shared.vto.errors import CategoryMismatch, GarmentNotFound
from vto_container.engines import compact_body

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shared.vision.parser import Parsed
    from vto_container.engines.base import Category

CLOTHES = ("upper", "outerwear", "lower", "full_body", "footwear", "accessory")
FITTING: dict[Category, tuple[str, ...]] = {
    "upper": ("upper", "outerwear", "full_body"),
    "lower": ("lower", "full_body"),
    "dress": ("full_body", "upper", "outerwear", "lower"),
}
"""Classes that the parser may assign to a garment of the category; a dress lying alone may get any of them."""
MIN_GARMENT_SHARE, MIN_CONFIDENCE = 0.012, 0.55
"""Share of the image that a garment must fill; confidence below which it does not count as a garment."""
MIN_OTHER_SHARE = 0.8
"""Share of the pixels in classes of another category from which a garment is refused."""
BODY_WIDTH = 0.3
"""Width of a body as a share of its height."""
TRUNK_HALF_WIDTH = 0.16
"""Half the width of a trunk in wide clothes, as a share of the body's height."""
_AROUND: dict[Category, tuple[float, float, float, float]] = {
    "upper": (0.5, 0.95, 0.24, 0.03),
    "lower": (0.0, 0.25, 0.2, 0.0),
    "dress": (0.25, 0.5, 0.2, 0.03),
}
"""Range of a garment's length in which it is narrowest, the width of a body there, and the distance from the chin to
the top of the garment, both as shares of the body's height."""
MAX_SIDE_PX, MATTE_SIDE_PX = 1280, 320
"""Longest side of the image for the canvas, and for finding the outline, in pixels."""


@dataclass(frozen=True)
class Garment:
    """A garment cut out of its image.

    Args:
        image, alpha: (h, w, 3) and (h, w) uint8; reduced if the image is very large.
        worn: whether a person wears it.
        confidence: 0..1, how certain the outline is.
    """

    image: NDArray[Any]
    alpha: NDArray[Any]
    worn: bool
    confidence: float

    @property
    def length(self) -> float:
        """Length of an upper garment from the chin down, as a share of the wearer's height: its height relative to the
        width of its lower half, where a body has the width `BODY_WIDTH`."""
        import numpy as np

        rows = np.flatnonzero((self.alpha > 127).any(1))
        lower = (self.alpha[(rows[0] + rows[-1]) // 2 : rows[-1] + 1] > 127).sum(1)
        return BODY_WIDTH * float(rows[-1] + 1 - rows[0]) / max(1.0, float(np.median(lower)))

    def hung(self, body: compact_body.Body, category: Category) -> NDArray[Any]:
        """(128, 96) bool: the area that it would cover on a body if fabric were stiff, scaled to go around the body;
        of an upper garment only the part over the trunk, since sleeves follow the arms."""
        import numpy as np
        from PIL import Image

        inside = self.alpha > 127
        rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
        widths = inside[rows[0] : rows[-1] + 1].sum(1)
        first, last, around, top = _AROUND[category]
        part = widths[int(first * len(widths)) : int(last * len(widths)) + 1]
        scale = around * body.height / max(1.0, float(np.percentile(part, 25)))
        start = body.row(compact_body.WAIST) if category == "lower" else body.chin + top * body.height
        middle = (columns[0] + columns[-1] + 1) / 2
        window = (middle - body.middle / scale, rows[0] - start / scale)
        image = Image.fromarray(inside.astype(np.uint8) * 255)
        size = (compact_body.GRID[1], compact_body.GRID[0])
        extent = (*window, window[0] + size[0] / scale, window[1] + size[1] / scale)
        found = np.asarray(image.transform(size, Image.Transform.EXTENT, extent, Image.Resampling.BILINEAR)) > 127
        beside = np.abs(np.arange(size[0]) - body.middle) > TRUNK_HALF_WIDTH * body.height
        return found & ~beside[None] if category == "upper" else found


def read_garment(image: NDArray[Any], category: Category) -> Garment:
    """Find a garment of the category in an image (h, w, 3).

    Raises:
        GarmentNotFound: there is none.
        CategoryMismatch: the garment is clearly of another category, or the wearer wears none of this category.
    """
    import numpy as np
    from PIL import Image

    if max(image.shape[:2]) > MAX_SIDE_PX:
        large = Image.fromarray(image)
        large.thumbnail((MAX_SIDE_PX, MAX_SIDE_PX), Image.Resampling.BOX)
        image = np.asarray(large)
    parsed = parser.parse(image).on(*compact_body.GRID)
    chance = _worn(parsed, category) if parsed.is_worn else _alone(parsed, category)
    if (chance >= 0.5).mean() < MIN_GARMENT_SHARE:
        raise GarmentNotFound("the image shows no garment", field="garment")
    reduced = Image.fromarray(image)
    reduced.thumbnail((MATTE_SIDE_PX, MATTE_SIDE_PX), Image.Resampling.BOX)
    small = Image.fromarray(matte.alpha(chance, np.asarray(reduced)))
    alpha = np.asarray(small.resize((image.shape[1], image.shape[0]), Image.Resampling.BICUBIC))
    if (alpha > 127).mean() < MIN_GARMENT_SHARE:
        raise GarmentNotFound("the image shows no garment", field="garment")
    region = chance > 0.1
    return Garment(image, alpha, parsed.is_worn, round(float(np.abs(2 * chance[region] - 1).mean()), 3))


def _alone(parsed: Parsed, category: Category) -> NDArray[Any]:
    import numpy as np

    subject = parsed.foreground
    region = subject > 0.1
    if (subject >= 0.5).mean() < MIN_GARMENT_SHARE or float(np.abs(2 * subject[region] - 1).mean()) < MIN_CONFIDENCE:
        raise GarmentNotFound("the image shows no garment", field="garment")
    weights = {name: float((parsed.share_of((name,)) * (subject >= 0.5)).sum()) for name in CLOTHES}
    total = sum(weights.values()) or 1.0
    others = {name: weight for name, weight in weights.items() if name not in FITTING[category]}
    if sum(others.values()) >= MIN_OTHER_SHARE * total:
        kind = max(others, key=others.__getitem__).replace("_", " ")
        raise CategoryMismatch(f"the garment looks like {kind}, not like {category}", field="category")
    return subject


def _worn(parsed: Parsed, category: Category) -> NDArray[Any]:
    """The part of the worn clothes that belongs to the category."""
    import numpy as np

    body = compact_body.read_body(compact_body.decode_classes(parsed.probabilities))
    clothes = parsed.share_of(CLOTHES[:4])
    part = compact_body.old_garment(body, category)
    if category == "dress":
        whole = body.any_of(("full_body",))
        # The parser may name the halves of a dress upper and lower; with a plain dress, tights are left out.
        part = whole if whole.sum() > 0.6 * part.sum() else part
    if part.mean() < MIN_GARMENT_SHARE:
        if (clothes >= 0.5).mean() < MIN_GARMENT_SHARE:
            raise GarmentNotFound("the image shows no garment", field="garment")
        raise CategoryMismatch(f"the image shows no worn garment of the category {category}", field="category")
    return np.where(compact_body.dilate(part, 1), clothes, 0).astype(np.float32)
