"""Decoding of stored pictures, at full size or smaller."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from shared.vision import segments


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_a_larger_picture_is_scaled_to_its_most_pixels(format: str) -> None:
    out = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").resize((800, 600)).save(out, format)
    data = out.getvalue()
    whole, smaller = segments.decode(data), segments.decode(data, max_pixels=30_000)
    assert whole.shape == (600, 800, 3)
    assert smaller.shape == (150, 200, 3)
    assert abs(float(whole.mean()) - float(smaller.mean())) < 1
    assert np.array_equal(segments.decode(data, max_pixels=480_000), whole)
