"""How many people a picture shows, as far as the garment parser's classes tell.

The parser knows what is worn, not who wears it: somebody is a part of the foreground that hangs together and shows
hair or skin. So two people count as two only where background is to be seen between them, and where the smaller one
is of comparable size: passers-by far behind do not count, and people who touch or overlap count as one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from shared.vision.parser import Parsed

if TYPE_CHECKING:
    from numpy.typing import NDArray

COMPARABLE: Final = 0.35
"""Area from which somebody counts beside the largest one, as a share of that one's."""
LEAST_AREA: Final = 0.02
"""Share of the picture below which nobody is there."""
LEAST_BARE: Final = 0.015
"""Share of hair and skin in somebody's own area."""
BARE: Final = ("skin", "hair")


def count(parsed: Parsed) -> int:
    """How many people of comparable size are to be seen; 0 in a picture of a garment alone."""
    subject = parsed.foreground >= 0.5
    if not parsed.is_worn or subject.mean() < LEAST_AREA:
        return 0
    bare = parsed.share_of(BARE) >= 0.5
    bodies = [body for body in parts(subject) if (body & bare).sum() >= LEAST_BARE * body.sum()]
    sizes = [int(body.sum()) for body in bodies]
    return sum(size >= COMPARABLE * max(sizes) for size in sizes)


def parts(mask: NDArray[Any]) -> list[NDArray[Any]]:
    """The parts of a bool mask (h, w) that hang together over sides and corners, each as a mask, the largest first.

    Every place takes the largest number around it, over and over, until nothing changes: dear for large masks, a
    few milliseconds at a parser's resolution.
    """
    import numpy as np

    numbers = np.where(mask, np.arange(1, mask.size + 1).reshape(mask.shape), 0)
    while True:
        padded = np.pad(numbers, 1)
        rows = np.maximum(np.maximum(padded[:-2], padded[1:-1]), padded[2:])
        grown = np.maximum(np.maximum(rows[:, :-2], rows[:, 1:-1]), rows[:, 2:])
        # a number stands for the first place that had it: what that place has now is known already
        grown = np.where(mask, np.maximum(grown, np.concatenate([[0], numbers.ravel()])[grown]), 0)
        if (grown == numbers).all():
            break
        numbers = grown
    found, sizes = np.unique(numbers[mask], return_counts=True)
    return [numbers == found[place] for place in np.argsort(-sizes, kind="stable")]
