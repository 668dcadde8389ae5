"""Inputs of the compact engine's networks: the view of the person, what is hidden in it, and the garment.

A view is a 3:4 rectangle around the area to be painted, so that a portrait and a full-length photo look alike to the
networks. Coordinates on the view, and on the garment's canvas, run from -1 to 1 between the outer edges.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vto_container.engines.compact_body import LABELS

if TYPE_CHECKING:
    from numpy.typing import NDArray

CATEGORIES = ("upper", "lower", "dress")
MEAN, SCALE = 0.5, 0.25
PARTS = (("background",), ("skin",), ("hair",), ("upper", "outerwear", "full_body"), ("lower",), ("footwear",),
         ("accessory",))  # fmt: skip
"""Classes that share a channel: the parser does not distinguish kinds of tops reliably."""
PERSON_CHANNELS = 3 + 2 + len(PARTS) + len(CATEGORIES)
PRODUCT_CHANNELS = 4
COMPOSE_CHANNELS = len(PARTS) + 2 + len(CATEGORIES) + 2


def halve(field: NDArray[Any]) -> NDArray[Any]:
    """(h, w, ...) floats averaged over squares of two; both sides even."""
    return (field[::2, ::2] + field[1::2, ::2] + field[::2, 1::2] + field[1::2, 1::2]) * 0.25


def parts(probabilities: NDArray[Any]) -> NDArray[Any]:
    """Probabilities (9, h, w) merged into the channels of `PARTS`."""
    import numpy as np

    return np.stack([probabilities[[LABELS.index(name) for name in names]].sum(0) for names in PARTS])


def one_hot(category: str, shape: tuple[int, int]) -> NDArray[Any]:
    """(3, h, w): ones in the category's plane."""
    import numpy as np

    planes = np.zeros((len(CATEGORIES), *shape), np.float32)
    planes[CATEGORIES.index(category)] = 1
    return planes


def person(
    image: NDArray[Any], seen: NDArray[Any], hidden: NDArray[Any], frame: NDArray[Any], category: str
) -> NDArray[Any]:
    """The warp network's view of the person, (1, PERSON_CHANNELS, 128, 96).

    Args:
        image: (256, 192, 3) in 0..255.
        seen: `parts` of the view (7, 128, 96).
        hidden: (128, 96) in 0..1, the area to be painted.
        frame: (128, 96) in 0..1, what the person image shows.
    """
    import numpy as np

    shown = (1 - hidden) * frame
    colours = (halve(image).transpose(2, 0, 1) / 255 - MEAN) / SCALE * shown
    planes = [colours, hidden[None], frame[None], seen * shown, one_hot(category, hidden.shape)]
    return np.concatenate(planes)[None].astype(np.float32)


def product(colours: NDArray[Any], mask: NDArray[Any]) -> NDArray[Any]:
    """The warp network's view of the garment, (1, 4, 128, 96), from its canvas (256, 192, 3) and (256, 192)."""
    import numpy as np

    share = halve(mask)
    small = (halve(colours).transpose(2, 0, 1) / 255 - MEAN) / SCALE * share
    return np.concatenate([small, share[None]])[None].astype(np.float32)


def image_for_compose(image: NDArray[Any], hidden: NDArray[Any], frame: NDArray[Any]) -> NDArray[Any]:
    """(1, 3, 256, 192): the view with the hidden area grey, from (256, 192, 3) in 0..255 and two maps (128, 96)."""
    import numpy as np

    shown = ((1 - hidden) * frame).repeat(2, 0).repeat(2, 1)
    return (((image.transpose(2, 0, 1) / 255 - MEAN) / SCALE) * shown)[None].astype(np.float32)


def garment_for_compose(colours: NDArray[Any], mask: NDArray[Any]) -> NDArray[Any]:
    """(1, 4, 256, 192): the warped garment's colours, extended beyond its mask, and the warped mask."""
    import numpy as np

    return np.concatenate([(colours.transpose(2, 0, 1) / 255 - MEAN) / SCALE, mask[None]])[None].astype(np.float32)


def maps_for_compose(
    seen: NDArray[Any],
    hidden: NDArray[Any],
    frame: NDArray[Any],
    category: str,
    silhouette: NDArray[Any],
    spread: NDArray[Any],
) -> NDArray[Any]:
    """(1, COMPOSE_CHANNELS, 128, 96).

    Args:
        silhouette: (128, 96) probabilities of the warp network.
        spread: (64, 48) the network's uncertainty, logarithm of a share of the canvas.
    """
    import numpy as np

    shown = (1 - hidden) * frame
    doubt = spread.repeat(2, 0).repeat(2, 1) / 4 + 1
    planes = [seen * shown, hidden[None], frame[None], one_hot(category, hidden.shape), silhouette[None], doubt[None]]
    return np.concatenate(planes)[None].astype(np.float32)
