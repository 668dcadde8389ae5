"""How many people an image shows, estimated from the classes of the garment parser.

The parser finds what is worn, not who wears it: a person is a connected part of the foreground that shows hair or skin.
So two people count as two only where background separates them and the smaller one is of comparable size: passers-by
far behind do not count, and people who touch or overlap count as one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shared.vision.parser import Parsed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MIN_RELATIVE_AREA: Final = 0.35
"""Smallest area of a further person, as a share of the largest person's."""
MIN_AREA: Final = 0.02
"""Smallest area of a person, as a share of the image."""
MIN_SKIN_SHARE: Final = 0.015
"""Smallest share of hair and skin in a person's area."""
SKIN_CLASSES: Final = ("skin", "hair")


def count(parsed: Parsed) -> int:
    """The number of people of comparable size; 0 in an image of a garment alone."""
    subject = parsed.foreground >= 0.5
    if not parsed.is_worn or subject.mean() < MIN_AREA:
        return 0
    skin = parsed.share_of(SKIN_CLASSES) >= 0.5
    bodies = [body for body in parts(subject) if (body & skin).sum() >= MIN_SKIN_SHARE * body.sum()]
    sizes = [int(body.sum()) for body in bodies]
    return sum(size >= MIN_RELATIVE_AREA * max(sizes) for size in sizes)


def parts(mask: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    """The parts of a mask (h, w) that are connected by edges or corners, each as a mask, the largest first.

    Every place takes the largest number around it until nothing changes: slow for large masks, a few milliseconds at
    a parser's resolution.
    """
    import numpy as np

    numbers = np.where(mask, np.arange(1, mask.size + 1).reshape(mask.shape), 0)
    while True:
        padded = np.pad(numbers, 1)
        rows = np.maximum(np.maximum(padded[:-2], padded[1:-1]), padded[2:])
        grown = np.maximum(np.maximum(rows[:, :-2], rows[:, 1:-1]), rows[:, 2:])
        # A number is the first place that had it: take what that place has now.
        grown = np.where(mask, np.maximum(grown, np.concatenate([[0], numbers.ravel()])[grown]), 0)
        if (grown == numbers).all():
            break
        numbers = grown
    found, sizes = np.unique(numbers[mask], return_counts=True)
    return [numbers == found[place] for place in np.argsort(-sizes, kind="stable")]
