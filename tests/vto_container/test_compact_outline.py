"""The outline network's window and input, and what its answer adds to a garment."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from bodies import body
from drawn import MODELS
from numpy.typing import NDArray

from vto_container.engines import compact_outline
from vto_container.engines.compact_edges import Edges
from vto_container.engines.compact_old import Old
from vto_container.engines.compact_outline import STEP, Window, cut, extended, predict, seen, window_of
from vto_container.engines.compact_paint import Layers
from vto_container.engines.compact_view import View

SIZE = (360, 200)


def view_of() -> View:
    made = body()
    y, x = np.indices(SIZE).astype(np.float32)
    across, down = made.frame(x, y)
    maps = {name: np.zeros(SIZE, np.float32) for name in ("skin", "lower")} | {"person": np.ones(SIZE, np.float32)}
    return View((0, 0, SIZE[1], SIZE[0]), np.zeros((*SIZE, 3), np.float32), made, maps, across / made.wide,
                down / made.trunk, 1.0)  # fmt: skip


def trunk_of(view: View) -> NDArray[Any]:
    return ((np.abs(view.across) < 0.5) & (view.down > 0) & (view.down < 1.1)).astype(np.float32)


def layers_of(view: View) -> Layers:
    """A trunk and a sleeve with a gap between them."""
    trunk = trunk_of(view)
    sleeve = ((view.across > 0.7) & (view.across < 0.9) & (view.down > 0) & (view.down < 0.9)).astype(np.float32)
    cloth, other = np.full((*SIZE, 3), 100.0, np.float32), np.full((*SIZE, 3), 160.0, np.float32)
    return Layers((cloth, trunk), np.zeros(SIZE, np.float32), (None, (other, sleeve)))


def test_a_gap_is_closed_in_the_colours_beside_it() -> None:
    view = view_of()
    layers = layers_of(view)
    outline = ((np.abs(view.across) < 0.9) & (view.down > 0) & (view.down < 1.1)).astype(np.float32)
    found = extended(layers, view, outline, 1.1)
    gap = (view.across > 0.52) & (view.across < 0.68) & (view.down > 0.1) & (view.down < 0.85)
    assert found.trunk[1][gap].min() > 0.97
    assert (found.trunk[0][gap] > 90).all() and (found.trunk[0][gap] < 170).all()


def test_nothing_is_added_below_the_hem_at_the_neck_or_far_away_and_nothing_is_taken_away() -> None:
    view = view_of()
    layers = layers_of(view)
    everywhere = extended(layers, view, np.ones(SIZE, np.float32), 0.9)
    assert everywhere.trunk[1][(view.down > 0.92) & (np.abs(view.across) > 0.55)].max() == 0
    neck = (np.abs(view.across) < 0.4) & (view.down < -0.02)
    assert everywhere.trunk[1][neck].max() == 0
    far = (view.across < -0.5 - 2.5 * compact_outline.NEAR) | (view.across > 0.9 + 2.5 * compact_outline.NEAR)
    assert far.any() and everywhere.trunk[1][far].max() == 0
    nowhere = extended(layers, view, np.zeros(SIZE, np.float32), 0.9)
    assert np.abs(nowhere.trunk[1] - layers.trunk[1]).max() < 1e-4
    covered = layers.trunk[1] > 0.9
    assert np.abs(nowhere.trunk[0] - layers.trunk[0])[covered].max() < 1e-3


def test_nothing_is_added_where_the_photo_shows_the_ground() -> None:
    view = view_of()
    layers = layers_of(view)
    outline = ((np.abs(view.across) < 0.9) & (view.down > 0) & (view.down < 1.1)).astype(np.float32)
    ground = (view.across > 0.5) & (view.across < 0.7) & (view.down > 0.4)
    view.maps["person"][ground] = 0
    found = extended(layers, view, outline, 1.1)
    assert found.trunk[1][ground].max() < 0.01
    above = (view.across > 0.52) & (view.across < 0.68) & (view.down > 0.1) & (view.down < 0.35)
    assert found.trunk[1][above].min() > 0.97


def test_cloth_that_touches_no_garment_is_not_added() -> None:
    view = view_of()
    layers = layers_of(view)
    piece = (view.across > 0.57) & (view.across < 0.63) & (view.down > 0.4) & (view.down < 0.6)
    found = extended(layers, view, piece.astype(np.float32), 1.1)
    assert np.abs(found.trunk[1] - layers.trunk[1]).max() < 1e-4


def test_unsure_places_add_nothing() -> None:
    view = view_of()
    layers = layers_of(view)
    found = extended(layers, view, np.full(SIZE, 0.4, np.float32), 1.1)
    assert np.abs(found.trunk[1] - layers.trunk[1]).max() < 0.02


def test_the_window_holds_the_garment_and_has_the_networks_proportions() -> None:
    view = view_of()
    window = window_of(view.body, trunk_of(view)[::STEP, ::STEP])
    high, wide = window.low - window.top, window.right - window.left
    assert high / wide == pytest.approx(compact_outline.SIZE[0] / compact_outline.SIZE[1])
    shown = cut(trunk_of(view)[::STEP, ::STEP], window)
    assert shown[0].max() == shown[-1].max() == shown[:, 0].max() == shown[:, -1].max() == 0
    assert shown.max() > 0.99
    assert window_of(view.body, np.zeros((180, 100))).right > 0


def test_a_map_is_cut_where_its_pixels_are() -> None:
    field = np.zeros(SIZE, np.float32)
    field[100:140, 60:90] = 1
    found = cut(field[::STEP, ::STEP], Window(0.0, 0.0, 192.0, 256.0))
    rows, columns = np.flatnonzero(found.max(1) > 0.5), np.flatnonzero(found.max(0) > 0.5)
    assert abs(rows[0] * 2 - 100) <= 2 and abs(rows[-1] * 2 + 2 - 140) <= 2
    assert abs(columns[0] * 2 - 60) <= 2 and abs(columns[-1] * 2 + 2 - 90) <= 2


@pytest.mark.skipif(not (MODELS / "garment_outline.onnx").is_file(), reason="has not been trained here")
def test_the_network_finds_a_top_where_it_was_placed(local: dict[str, str]) -> None:
    view = view_of()
    trunk = trunk_of(view)
    nothing = np.zeros(SIZE, np.float32)
    old = Old(trunk, Edges(), nothing, (nothing, nothing), nothing)
    small = trunk[::STEP, ::STEP]
    window, features = seen(view, old, small, small)
    assert features.shape == (compact_outline.PLANES, *compact_outline.SIZE)
    assert window.top < 0.3 * SIZE[0]
    found = predict(view, old, small, small)
    both = ((found > 0.5) & (trunk > 0.5)).sum() / ((found > 0.5) | (trunk > 0.5)).sum()
    assert both > 0.6
    assert found[0].max() < 0.01 and found[-1].max() < 0.05
