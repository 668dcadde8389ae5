"""The garment's photo read: worn by somebody or lying alone, what it is, and its outline to the pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.vision import matte, parser
from shared.vto.errors import CategoryMismatch, GarmentNotFound
from vto_container.engines import compact_body as body_of

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
"""What the parser may take a garment of the category for: dresses that lie alone it calls anything."""
LEAST, SURE = 0.012, 0.55
"""Share of the photo a garment must fill; confidence below which what lies there is no garment."""
PLAINLY = 0.8
"""Share of a garment's pixels from which another category is certain enough to refuse it."""
GIRTH = 0.3
BESIDE = 0.16
"""Of the body's height: half the width of a trunk in wide clothes."""
_AROUND: dict[Category, tuple[float, float, float, float]] = {
    "upper": (0.5, 0.95, 0.24, 0.03),
    "lower": (0.0, 0.25, 0.2, 0.0),
    "dress": (0.25, 0.5, 0.2, 0.03),
}
"""Between which shares of its length a garment is narrowest, how wide a body is there, and how far below the chin the
garment begins, both in shares of the body's height."""
SIDE, MATTE_SIDE = 1280, 320
"""Longest side that a canvas can use, and on which the outline is looked for."""


@dataclass(frozen=True)
class Garment:
    """A garment cut out of its photo.

    Args:
        picture, alpha: (h, w, 3) and (h, w) uint8; reduced where the photo is very large.
        worn: whether somebody wears it.
        confidence: 0..1, how decided the outline is.
    """

    picture: NDArray[Any]
    alpha: NDArray[Any]
    worn: bool
    confidence: float

    @property
    def length(self) -> float:
        """How far an upper garment hangs down from the chin, in shares of the wearer's height: its own height against
        the width of its lower half, for a body is as wide as `GIRTH` of its height there."""
        import numpy as np

        rows = np.flatnonzero((self.alpha > 127).any(1))
        lower = (self.alpha[(rows[0] + rows[-1]) // 2 : rows[-1] + 1] > 127).sum(1)
        return GIRTH * float(rows[-1] + 1 - rows[0]) / max(1.0, float(np.median(lower)))

    def hung(self, body: body_of.Body, category: Category) -> NDArray[Any]:
        """(128, 96) bool: where it would hang on a body if cloth were stiff, made so large that it goes around it;
        of an upper garment without what lies beside the trunk: its sleeves follow the arms."""
        import numpy as np
        from PIL import Image

        inside = self.alpha > 127
        rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
        widths = inside[rows[0] : rows[-1] + 1].sum(1)
        first, last, around, top = _AROUND[category]
        part = widths[int(first * len(widths)) : int(last * len(widths)) + 1]
        scale = around * body.height / max(1.0, float(np.percentile(part, 25)))
        start = body.row(body_of.WAIST) if category == "lower" else body.chin + top * body.height
        middle = (columns[0] + columns[-1] + 1) / 2
        window = (middle - body.middle / scale, rows[0] - start / scale)
        image = Image.fromarray(inside.astype(np.uint8) * 255)
        size = (body_of.GRID[1], body_of.GRID[0])
        extent = (*window, window[0] + size[0] / scale, window[1] + size[1] / scale)
        found = np.asarray(image.transform(size, Image.Transform.EXTENT, extent, Image.Resampling.BILINEAR)) > 127
        beside = np.abs(np.arange(size[0]) - body.middle) > BESIDE * body.height
        return found & ~beside[None] if category == "upper" else found


def read(picture: NDArray[Any], category: Category) -> Garment:
    """Find a garment of the category in a photo (h, w, 3).

    Raises:
        GarmentNotFound: there is none.
        CategoryMismatch: what lies there is plainly something else, or its wearer wears nothing of the kind.
    """
    import numpy as np
    from PIL import Image

    if max(picture.shape[:2]) > SIDE:
        image = Image.fromarray(picture)
        image.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
        picture = np.asarray(image)
    parsed = parser.parse(picture).on(*body_of.GRID)
    chance = _worn(parsed, category) if parsed.is_worn else _alone(parsed, category)
    if (chance >= 0.5).mean() < LEAST:
        raise GarmentNotFound("no garment is to be seen in the picture", field="garment")
    reduced = Image.fromarray(picture)
    reduced.thumbnail((MATTE_SIDE, MATTE_SIDE), Image.Resampling.BOX)
    small = Image.fromarray(matte.alpha(chance, np.asarray(reduced)))
    alpha = np.asarray(small.resize((picture.shape[1], picture.shape[0]), Image.Resampling.BICUBIC))
    if (alpha > 127).mean() < LEAST:
        raise GarmentNotFound("no garment is to be seen in the picture", field="garment")
    region = chance > 0.1
    return Garment(picture, alpha, parsed.is_worn, round(float(np.abs(2 * chance[region] - 1).mean()), 3))


def _alone(parsed: Parsed, category: Category) -> NDArray[Any]:
    import numpy as np

    subject = parsed.foreground
    region = subject > 0.1
    if (subject >= 0.5).mean() < LEAST or float(np.abs(2 * subject[region] - 1).mean()) < SURE:
        raise GarmentNotFound("no garment is to be seen in the picture", field="garment")
    weights = {name: float((parsed.share_of((name,)) * (subject >= 0.5)).sum()) for name in CLOTHES}
    total = sum(weights.values()) or 1.0
    others = {name: weight for name, weight in weights.items() if name not in FITTING[category]}
    if sum(others.values()) >= PLAINLY * total:
        kind = max(others, key=others.__getitem__).replace("_", " ")
        raise CategoryMismatch(f"the garment is taken for {kind}, not for {category}", field="category")
    return subject


def _worn(parsed: Parsed, category: Category) -> NDArray[Any]:
    """The category's part of what somebody wears."""
    import numpy as np

    body = body_of.read(body_of.decoded(parsed.probabilities))
    clothes = parsed.share_of(CLOTHES[:4])
    part = body_of.old_garment(body, category)
    if category == "dress":
        whole = body.any_of(("full_body",))
        # the parser names the halves of a dress upper and lower; a plain dress is left alone, tights stay behind
        part = whole if whole.sum() > 0.6 * part.sum() else part
    if part.mean() < LEAST:
        if (clothes >= 0.5).mean() < LEAST:
            raise GarmentNotFound("no garment is to be seen in the picture", field="garment")
        raise CategoryMismatch(f"nobody wears anything of the category {category} there", field="category")
    return np.where(body_of.widened(part, 1), clothes, 0).astype(np.float32)
