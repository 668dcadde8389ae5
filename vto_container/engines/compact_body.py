"""The body that the compact engine derives from a parsed person: head, arms, hands, legs, and what a garment replaces.

All maps are on the parser's grid (128 x 96, rows by columns) over a 3:4 crop around the person. Proportions are those
of figure-drawing books: a standing adult is 7.3 heads high, the waist is at .40 of the height from the top of the head,
the crotch at .52, a hand is .10 long.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.vision.matte import pieces

if TYPE_CHECKING:
    from numpy.typing import NDArray

LABELS = ("background", "skin", "hair", "upper", "outerwear", "lower", "full_body", "footwear", "accessory")
GRID = (128, 96)
"""Rows and columns of every map in this module."""
HEADS = 7.3
WAIST, CROTCH, KNEE_SPLIT, HAND_LENGTH = 0.40, 0.52, 0.56, 0.10
LONG_FROM = 0.58
"""Share of the body's height below which an upper garment counts as long."""
MIN_PERSON_SHARE = 0.02
"""Share of the image below which the foreground is not a person."""
DILATION = 3
"""Cells by which the replaced area is dilated: 6 pixels at 192 x 256."""
MAX_PINNED_SHARE, MIN_ENCLOSED_SHARE = 0.006, 0.9
"""A component of at most this share of the crop, with at least this share of clothes around it, is pinned to them."""
CLOTHES = tuple(LABELS.index(name) for name in ("upper", "outerwear", "lower", "full_body"))
REPLACED = {
    "upper": ("upper", "outerwear"),
    "lower": ("lower",),
    "dress": ("upper", "outerwear", "full_body", "lower"),
}
"""Classes that a garment of the category replaces; of a dress, `upper` and `lower` replace the respective half."""


@dataclass(frozen=True)
class Body:
    """A parsed person; bool maps of `GRID`.

    Args:
        label: index into `LABELS` of every cell.
        head: face, all hair, and what is worn on the head: never painted over.
        hands: the far ends of the arms.
        arms: skin below the chin that is not a leg, neck and hands included.
        legs: skin of the legs.
        top, height: row of the top of the head and the body's height in rows, beyond the crop if it is cut off.
        chin: row of the chin.
    """

    label: NDArray[Any]
    head: NDArray[Any]
    hands: NDArray[Any]
    arms: NDArray[Any]
    legs: NDArray[Any]
    top: float
    height: float
    chin: float

    def row(self, share: float) -> int:
        """The row at a share of the body's height."""
        return round(self.top + share * self.height)

    @property
    def middle(self) -> float:
        """Column of the head, or of the whole figure."""
        return _column(self.head if self.head.any() else self.label > 0)

    def any_of(self, names: tuple[str, ...]) -> NDArray[Any]:
        """The cells of these classes."""
        import numpy as np

        return np.isin(self.label, [LABELS.index(name) for name in names])


def decode_classes(probabilities: NDArray[Any]) -> NDArray[Any]:
    """Probabilities (9, h, w) as class indices (h, w) uint8: background from a half on, else the strongest other."""
    import numpy as np

    return np.where(probabilities[0] >= 0.5, 0, 1 + probabilities[1:].argmax(0)).astype(np.uint8)


def person_box(foreground: NDArray[Any], size: tuple[int, int]) -> tuple[float, float, float, float] | None:
    """A 3:4 rectangle (x, y, width, height) in pixels around the largest component; None if there is none.

    Args:
        foreground: (h, w) probabilities that cover the image.
        size: width and height of the image. The rectangle may extend beyond it.
    """
    import numpy as np

    mask = foreground >= 0.5
    labels = pieces(mask)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    if sizes.max(initial=0) < MIN_PERSON_SHARE * mask.size:
        return None
    # Limbs that a bag or a belt separates belong to the same person.
    kept = np.isin(labels, np.flatnonzero(sizes > 0.12 * sizes.max()))
    rows, columns = np.flatnonzero(kept.any(1)), np.flatnonzero(kept.any(0))
    sx, sy = size[0] / mask.shape[1], size[1] / mask.shape[0]
    left, right = columns[0] * sx, (columns[-1] + 1) * sx
    low, high = rows[0] * sy, (rows[-1] + 1) * sy
    height = max((high - low) * 1.08, (right - left) * 1.1 * 4 / 3)
    width = height * 3 / 4
    top = (low + high - height) / 2
    # A person cut off by the frame gets no empty band below.
    if high >= size[1] - 1.5 * sy:
        top = size[1] - height if height <= size[1] else (size[1] - height) / 2
    return float((left + right - width) / 2), float(top), float(width), float(height)


def merge_pinned(label: NDArray[Any]) -> NDArray[Any]:
    """Class indices (128, 96) in which what is pinned to clothes (a brooch, a tie) has the class of the clothes:
    small components of accessories or skin surrounded by clothes."""
    import numpy as np

    found = label.copy()
    for name in ("accessory", "skin"):
        numbers = pieces(label == LABELS.index(name))
        for number in range(1, int(numbers.max()) + 1):
            piece = numbers == number
            if piece.sum() > MAX_PINNED_SHARE * label.size:
                continue
            around = label[dilate(piece, 1) & ~piece]
            counts = np.bincount(around, minlength=len(LABELS))[list(CLOTHES)]
            if counts.sum() >= MIN_ENCLOSED_SHARE * len(around):
                found[piece] = CLOTHES[int(counts.argmax())]
    return found


def read_body(label: NDArray[Any]) -> Body:
    """The body in a map of class indices (128, 96)."""
    import numpy as np

    subject = label > 0
    rows = np.flatnonzero(subject.sum(1) >= 2)
    first, last = (int(rows[0]), int(rows[-1])) if rows.size else (0, GRID[0] - 1)
    skin = label == LABELS.index("skin")
    hair = label == LABELS.index("hair")
    chin, height = _scale(label, skin, hair, first, last)
    line = np.arange(GRID[0])[:, None]
    upward = line < chin
    worn_on_head = np.isin(label, [LABELS.index("accessory")])
    head = hair | ((skin | worn_on_head) & upward)
    limbs = skin & ~upward
    arms, legs = np.zeros_like(limbs), np.zeros_like(limbs)
    split, crotch = first + KNEE_SPLIT * height, first + CROTCH * height
    labels = pieces(limbs)
    centre = _column(head if head.any() else subject)
    shoulder = chin + 0.04 * height
    hands = np.zeros_like(limbs)
    columns = np.arange(GRID[1])[None]
    away = np.hypot(line - shoulder, columns - centre)
    for number in range(1, int(labels.max()) + 1):
        piece = labels == number
        at = np.flatnonzero(piece.any(1))
        top, low = int(at[0]), int(at[-1])
        middle = float((piece.sum(1) * np.arange(GRID[0])).sum() / piece.sum())
        if top < crotch - 0.05 * height and low > split + 0.08 * height:
            arm = piece & (line < split)
        else:
            arm = piece if middle < split and top < crotch + 0.02 * height else np.zeros_like(piece)
        arms |= arm
        legs |= piece & ~arm
        if arm.any():
            reach = float(away[arm].max())
            if reach > 0.2 * height:
                hands |= arm & (away > reach - HAND_LENGTH * height)
    return Body(label, head, hands, arms, legs, float(first), float(height), float(chin))


def _scale(label: NDArray[Any], skin: NDArray[Any], hair: NDArray[Any], first: int, last: int) -> tuple[float, float]:
    """Row of the chin and height of the body: from the whole figure if the feet are visible, else from the face."""
    import numpy as np

    whole = (label == LABELS.index("footwear")).sum() >= 12 and last < GRID[0] - 1
    if whole:
        height = float(last + 1 - first)
        return first + height / HEADS * 1.08, height
    face = skin & (np.arange(GRID[0])[:, None] < first + 0.62 * (last + 1 - first))
    labels = pieces(face)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    big = np.flatnonzero(sizes >= max(6, 0.1 * sizes.max(initial=0))).tolist()
    if not big:
        height = float(last + 1 - first)
        return first + height / HEADS, height
    piece = min((labels == n for n in big), key=lambda found: int(np.flatnonzero(found.any(1))[0]))
    at = np.flatnonzero(piece.any(1))
    widths = piece.sum(1)[at]
    # Face, neck and bare chest may be one component: only its upper part has the width of the face.
    upper = widths[: max(3, len(widths) // 2)]
    width = float(np.percentile(upper, 70))
    chin = float(min(at[0] + 1.35 * width, at[-1] + 1))
    tall = max(chin - first, 1.2 * width)
    return chin, max(tall * HEADS, float(last + 1 - first))


def _column(mask: NDArray[Any]) -> float:
    import numpy as np

    counts = mask.sum(0)
    return float((counts * np.arange(GRID[1])).sum() / max(1, counts.sum()))


def old_garment(body: Body, category: str) -> NDArray[Any]:
    """The clothes that a garment of the category replaces."""
    import numpy as np

    found = body.any_of(REPLACED[category])
    line = np.arange(GRID[0])[:, None]
    if category == "upper":
        found |= body.any_of(("full_body",)) & (line < body.row(CROTCH))
        # The parser takes parts of a top for trousers, which never reach above the waist.
        found |= body.any_of(("lower",)) & (line < body.row(WAIST - 0.03))
    elif category == "lower":
        found |= body.any_of(("full_body",)) & (line >= body.row(WAIST))
    return found & ~body.head


def limbs(body: Body, category: str) -> NDArray[Any]:
    """The skin that a garment of the category may cover or uncover, without hands."""
    if category == "upper":
        return body.arms & ~body.hands
    if category == "lower":
        return body.legs
    return (body.arms & ~body.hands) | body.legs


def protected(body: Body, category: str) -> NDArray[Any]:
    """What stays in front of the garment: head, hands, carried things, shoes."""
    kept = body.head | body.hands | body.any_of(("accessory", "footwear"))
    return kept if category != "upper" else kept | (body.legs & ~body.arms)


def hole(body: Body, category: str, garment: NDArray[Any] | None = None, reach: int = DILATION) -> NDArray[Any]:
    """The area hidden from the networks: the old garment and the limbs, dilated, without what is protected.

    Args:
        garment: (128, 96) bool, the old garment; by default `old_garment`.
        reach: cells by which it is dilated.
    """
    replaced = old_garment(body, category) if garment is None else garment
    return dilate(replaced | limbs(body, category), reach) & ~protected(body, category)


def hanging_below(body: Body, length: float) -> NDArray[Any]:
    """Where a long upper garment covers the lower body: the part of the person below the hips.

    Args:
        length: of the garment from the chin down, as a share of the body's height.
    """
    import numpy as np

    line = np.arange(GRID[0])[:, None]
    end = body.chin + length * body.height
    if end < body.row(LONG_FROM):
        return np.zeros(GRID, bool)
    lower = body.any_of(("lower", "full_body")) | body.legs
    return lower & (line >= body.row(WAIST)) & (line < end)


def dilate(mask: NDArray[Any], reach: int) -> NDArray[Any]:
    """A bool map (h, w) dilated by a disc of radius `reach` in cells."""
    import numpy as np

    height, width = mask.shape
    padded = np.pad(mask, reach)
    found = np.zeros_like(mask)
    for dy in range(-reach, reach + 1):
        half = int((reach * reach + reach - dy * dy) ** 0.5) if abs(dy) <= reach else 0
        row = padded[reach + dy : reach + dy + height]
        # A range of shifts along one row is a difference of running sums.
        sums = np.cumsum(np.pad(row, ((0, 0), (1, 0))), 1)
        low = reach - half
        found |= (sums[:, low + 2 * half + 1 : low + 2 * half + 1 + width] - sums[:, low : low + width]) > 0
    return found


def view_box(mask: NDArray[Any], margin: float = 0.18) -> tuple[float, float, float, float]:
    """A 3:4 rectangle (x, y, width, height) in cells around a bool map, with a margin as a share of the rectangle."""
    import numpy as np

    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not rows.size:
        return 0.0, 0.0, float(GRID[1]), float(GRID[0])
    high, wide = rows[-1] + 1 - rows[0], columns[-1] + 1 - columns[0]
    height = max(high, wide * 4 / 3, 12.0) / (1 - 2 * margin)
    width = height * 3 / 4
    return (
        float((columns[0] + columns[-1] + 1 - width) / 2),
        float((rows[0] + rows[-1] + 1 - height) / 2),
        float(width),
        float(height),
    )
