"""From a coarse map to an outline: exact, soft by a pixel or two, without stairs, for any size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from drawn import iou
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from scipy import ndimage

from shared.vision import matte


def disc(size: int, radius: float) -> NDArray[Any]:
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    return np.hypot(x, y) <= radius


def coarse(mask: NDArray[Any], cells: int) -> NDArray[Any]:
    """A bool mask as a map of few cells, half a cell off, as a model's would be."""
    step = mask.shape[0] // cells
    shifted = np.roll(mask, (step // 2, step // 2), (0, 1)).astype(np.float32)
    return shifted.reshape(cells, step, cells, step).mean((1, 3)) * 0.9 + 0.05


def photo(mask: NDArray[Any]) -> NDArray[Any]:
    noise = np.random.default_rng(1).integers(-9, 9, (*mask.shape, 3))
    return (np.where(mask[:, :, None], (180, 40, 60), (120, 140, 150)) + noise).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("size", [64, 256, 1024])
def test_the_outline_follows_the_image_not_the_map(size: int) -> None:
    mask = disc(size, size * 0.33)
    rough = coarse(mask, 32)
    blocks = np.kron(rough > 0.5, np.ones((size // 32, size // 32), bool))
    found = matte.alpha(rough, photo(mask))
    assert found.shape == mask.shape
    assert found.dtype == np.uint8
    assert iou(found > 127, mask) > max(0.97, iou(blocks, mask))


def test_edges_are_soft_by_one_or_two_pixels_and_have_no_stairs() -> None:
    mask = disc(512, 170)
    found = matte.alpha(coarse(mask, 64), photo(mask))
    soft = (found > 12) & (found < 243)
    circumference = 2 * np.pi * 170
    assert 1 <= soft.sum() / circumference <= 3.5
    # along a stair the radius of the outline would jump by a cell of the map, eight pixels
    y, x = np.nonzero(ndimage.binary_dilation(found > 127) & ~(found > 127))
    radii = np.hypot(x - 255.5, y - 255.5)
    assert np.std(radii) < 1.2
    assert np.abs(radii - 170.5).max() < 4


def test_specks_and_small_holes_are_removed_and_real_gaps_stay() -> None:
    chance = np.zeros((64, 64), np.float32)
    chance[8:56, 8:28] = 0.9
    chance[8:56, 36:56] = 0.9
    chance[30:32, 14:16] = 0.1
    chance[2:4, 60:62] = 0.9
    chance[16:40, 42:50] = 0.1
    cleaned = matte.remove_specks(chance) >= 0.5
    assert cleaned[31, 15]
    assert not cleaned[3, 61]
    assert not cleaned[30, 45]
    assert not cleaned[30, 32]


@given(arrays(bool, (9, 13), elements=st.booleans()))
def test_pieces_are_those_of_scipy(mask: NDArray[Any]) -> None:
    expected, count = ndimage.label(mask)
    found = matte.pieces(mask)
    assert found.max() == count
    assert len(set(zip(found.ravel().tolist(), np.asarray(expected).ravel().tolist(), strict=True))) == len(
        np.unique(found)
    )


def test_a_box_mean_is_the_mean_of_the_box() -> None:
    values = np.random.default_rng(2).random((11, 7, 2)).astype(np.float32)
    found = matte.box(values, 2)
    assert found[5, 3] == pytest.approx(values[3:8, 1:6].mean((0, 1)), abs=1e-5)
    assert found[0, 0] == pytest.approx(values[:3, :3].mean((0, 1)), abs=1e-5)


def test_strips_are_not_visible(monkeypatch: pytest.MonkeyPatch) -> None:
    mask = disc(300, 90)
    whole = matte.alpha(coarse(mask, 30), photo(mask))
    monkeypatch.setattr(matte, "STRIP_PIXELS", 300 * 7)
    assert np.abs(matte.alpha(coarse(mask, 30), photo(mask)).astype(int) - whole).mean() < 0.2


def test_nothing_and_everything() -> None:
    picture = photo(disc(64, 20))
    assert matte.alpha(np.zeros((16, 16), np.float32), picture).max() == 0
    assert matte.alpha(np.ones((16, 16), np.float32), picture).min() == 255


@given(arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.integers(0, 1)))
def test_the_median_is_pillows(mask: NDArray[np.uint8]) -> None:
    expected = np.asarray(Image.fromarray(mask).filter(ImageFilter.MedianFilter(3)))
    assert np.array_equal(matte.median(mask), expected)
