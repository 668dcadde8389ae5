"""Pixels of images as arrays are those of NumPy's own conversion."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from shared.vision.arrays import ROWS, pixels_of


@pytest.mark.parametrize("height", [1, ROWS - 1, ROWS, ROWS + 1, 3 * ROWS])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_pixels_are_those_of_numpys_conversion(mode: str, height: int) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (height, 7, 4), np.uint8)
    image = Image.fromarray(noise).convert(mode)
    found = pixels_of(image)
    assert found.flags.writeable and found.flags.c_contiguous
    assert np.array_equal(found, np.asarray(image))
