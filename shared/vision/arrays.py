"""The pixels of Pillow's images as arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

ROWS: Final = 128
"""Rows that are copied at a time."""


def pixels_of(image: Image) -> NDArray[np.uint8]:
    """The pixels (h, w[, channels]) of an image of one byte a channel.

    A third of the time of `numpy.asarray`, which also holds Python's lock until the whole image is copied: the large
    picture of one caller would delay the answers to others.
    """
    import numpy as np

    bands = len(image.getbands())
    shape = (image.height, image.width) if bands == 1 else (image.height, image.width, bands)
    pixels = np.empty(shape, np.uint8)
    for top in range(0, image.height, ROWS):
        pixels[top : top + ROWS] = np.asarray(image.crop((0, top, image.width, min(image.height, top + ROWS))))
    return pixels
