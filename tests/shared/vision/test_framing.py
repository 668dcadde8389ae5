"""Rectangles of an image, inside it and beyond it, and maps over them."""

from __future__ import annotations

import numpy as np
import pytest

from shared.vision.framing import Box, cut, grid_of, spread

SIZE = (120, 90)


@pytest.mark.parametrize("box", [(0, 0, 90, 120), (20, 30, 70, 110), (33, 7, 90, 64)])
@pytest.mark.parametrize("grid", [(120, 90), (60, 45), (37, 28)])
def test_a_map_over_a_rectangle_lies_where_the_rectangle_does(box: Box, grid: tuple[int, int]) -> None:
    left, top, right, low = (round(edge) for edge in box)
    places = np.indices(SIZE).astype(np.float32)[:, top:low, left:right] + 0.5
    found = spread(np.concatenate([places[:1] * 0, places]), box, SIZE, grid)
    inside = found[0] == 0
    rows, columns = np.nonzero(inside)
    y, x = (rows + 0.5) * SIZE[0] / grid[0], (columns + 0.5) * SIZE[1] / grid[1]
    # At the outermost cells a resampling filter sees less on one side.
    middle = (y > top + 4) & (y < low - 4) & (x > left + 4) & (x < right - 4)
    assert middle.sum() > 40
    for seen, wanted in ((found[1], y), (found[2], x)):
        assert seen[inside][middle] == pytest.approx(wanted[middle], abs=0.1), "in pixels"
    covered = (right - left) * (low - top) / (SIZE[0] * SIZE[1])
    assert inside.mean() == pytest.approx(covered, abs=0.12)
    assert (found[:, ~inside] == np.array([[1], [0], [0]])).all()


def test_a_rectangle_beyond_the_image_shows_its_part_inside() -> None:
    box: Box = (-30, -40, 60, 80)
    values = np.indices((120, 90))[1].astype(np.float32)[None]
    found = spread(values, box, SIZE, SIZE, fill=None)
    assert found[0, :80, :60] == pytest.approx(values[0, 40:, 30:], abs=1e-3)
    assert not found[0, 80:].any() and not found[0, :, 60:].any()


def test_a_rectangle_without_a_whole_cell_is_empty() -> None:
    assert not spread(np.ones((1, 4, 4), np.float32), (10.0, 10.0, 12.0, 12.0), SIZE, (12, 9), fill=None).any()


def test_what_is_cut_beyond_the_image_repeats_its_edge() -> None:
    image = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    assert (cut(image, (1, 1, 5, 3)) == image[1:3, 1:5]).all()
    wide = cut(image, (-2, -1, 7, 4))
    assert wide.shape == (5, 9, 3)
    assert (wide[0] == wide[1]).all() and (wide[:, 0] == wide[:, 2]).all() and (wide[:, 8] == wide[:, 7]).all()


def test_a_grid_keeps_the_shape_of_the_image() -> None:
    assert grid_of((400, 300), 200) == (200, 150)
    assert grid_of((1000, 10), 100) == (100, 8)
