"""Images that show nothing are distinguished from those that show little."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from drawn import garments
from nothing import NOTHING, noise
from PIL import Image

from shared.vision import presence
from shared.vision.segments import decode, png
from wardrobe import draw_mannequin


@pytest.mark.parametrize("size", [(64, 64), (300, 240), (900, 1600)])
@pytest.mark.parametrize("make", NOTHING.values(), ids=NOTHING)
def test_empty_images_are_recognised(make: Any, size: tuple[int, int]) -> None:
    assert presence.empty(make(*size))


def test_photos_are_not_empty() -> None:
    shown = [picture for picture, _ in garments(12, 3)]
    shown += [np.asarray(draw_mannequin(seed, (192, 288)).image.convert("RGB")) for seed in range(4)]
    assert not any(presence.empty(picture) for picture in shown)


def test_white_on_white_is_not_empty() -> None:
    faint = np.full((300, 240, 3), 255, np.uint8)
    faint[80:220, 70:170] = 236
    assert not presence.empty(faint)


def test_a_stripe_pattern_is_not_noise() -> None:
    stripes = np.zeros((320, 240, 3), np.uint8)
    stripes[:, (np.arange(240) // 12) % 2 == 0] = 255
    assert not presence.empty(stripes)


def test_encoding_does_not_change_the_result() -> None:
    for grey in (0, 120, 255):
        plain = np.full((300, 240, 3), grey, np.uint8)
        assert presence.empty(decode(png(plain)))
    image = Image.fromarray(noise(300, 240))
    assert presence.empty(np.asarray(image.resize((480, 600), Image.Resampling.BILINEAR)))
