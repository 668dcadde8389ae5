"""Cut-outs have the garment's colours up to the edge and none of the background's."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageFilter

from shared.vision import cutout

GARMENT, GROUND = (200, 30, 40), (30, 120, 60)


def scene() -> tuple[np.ndarray, np.ndarray]:
    """A red square on green with an edge mixed as by a camera, and its opacity."""
    mask = Image.new("L", (120, 90))
    mask.paste(255, (40, 20, 80, 70))
    alpha = np.asarray(mask.filter(ImageFilter.GaussianBlur(1)))
    share = alpha[:, :, None] / 255
    return (np.array(GARMENT) * share + np.array(GROUND) * (1 - share)).round().astype(np.uint8), alpha


def test_half_transparent_pixels_lose_the_background() -> None:
    picture, alpha = scene()
    edge = (alpha > 40) & (alpha < 200)
    before = np.abs(picture[edge].astype(int) - GARMENT).mean()
    after = np.abs(cutout.foreground(picture, alpha)[edge].astype(int) - GARMENT).mean()
    assert after < before / 4
    assert (cutout.foreground(picture, alpha)[alpha == 255] == picture[alpha == 255]).all()


def test_on_white_it_is_centred_in_a_square_with_white_around() -> None:
    picture, alpha = scene()
    white = cutout.on_white(picture, alpha)
    assert white.shape[0] == white.shape[1]
    assert (white[0] == 255).all() and (white[:, 0] == 255).all()
    inside = cutout.bounds((white < 128).any(2))
    assert inside is not None
    middle = (inside.x + inside.width / 2, inside.y + inside.height / 2)
    assert np.abs(np.array(middle) - white.shape[0] / 2).max() <= 1
    greenish = (white[:, :, 1].astype(int) - white[:, :, 0]) > 12
    assert not greenish.any()


def test_a_transparent_cutout_keeps_the_size_and_has_no_colour_in_clear_pixels() -> None:
    picture, alpha = scene()
    clear = cutout.transparent(picture, alpha)
    assert clear.shape == (90, 120, 4)
    assert (clear[alpha == 0] == 0).all()
    assert (clear[:, :, 3] == alpha).all()


def test_bounds() -> None:
    mask = np.zeros((10, 20), bool)
    assert cutout.bounds(mask) is None
    mask[3:5, 7:12] = True
    assert cutout.bounds(mask) == cutout.Box(7, 3, 5, 2)
    assert (cutout.on_white(np.zeros((10, 20, 3), np.uint8), np.zeros((10, 20), np.uint8)) == 255).all()


def test_a_large_cut_out_is_scaled_before_it_is_put_on_white() -> None:
    picture = np.full((400, 300, 3), 200, np.uint8)
    alpha = np.zeros((400, 300), np.uint8)
    picture[50:350, 100:200], alpha[50:350, 100:200] = (180, 20, 40), 255
    white = cutout.on_white(picture, alpha, longest_px=60)
    margin = max(1, round(cutout.MARGIN * 60))
    assert white.shape == (60 + 2 * margin, 60 + 2 * margin, 3)
    assert (white[margin + 30, white.shape[1] // 2] == (180, 20, 40)).all()
    assert (white[0, 0] == 255).all()


def test_tiles_change_no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    """Edges on the border of the picture, of tiles and within them, and a soft area larger than a tile."""
    random = np.random.default_rng(3)
    picture = random.integers(0, 256, (150, 210, 3), np.uint8)
    alpha = np.zeros((150, 210), np.uint8)
    alpha[0:30, 0:40] = 128
    alpha[60:68, 100:200] = 200
    alpha[60:140, 64:66] = 255
    alpha[80:150, 90:210] = random.integers(1, 255, (70, 120))
    found = cutout.foreground(picture, alpha)
    monkeypatch.setattr(cutout, "TILE", 1000)
    assert np.abs(found.astype(int) - cutout.foreground(picture, alpha)).max() <= 1
