"""The compact engine's parts: warps, fills, cuts and places, on drawn garments and on bodies with known joints."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from bodies import CROSSED, RAISED, body, narrowed, pose, turned
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from shared.engines.base import Category
from shared.errors import StudioError
from shared.vision.pose import Joint
from vto_container.engines import (
    compact_body,
    compact_fit,
    compact_paint,
    compact_parts,
    compact_place,
    compact_place_lower,
)
from vto_container.engines.compact_edges import Edges, read_edges
from vto_container.engines.compact_fill import fill
from vto_container.engines.compact_garment import Garment
from vto_container.engines.compact_old import Old, read_old
from vto_container.engines.compact_view import View, by_colour, capsule, straightened
from vto_container.engines.compact_warp import around, extend, inside_of, sample, strip, thin_plate
from wardrobe import POSES, draw_garment, draw_mannequin, draw_posed_mannequin, garment_spec

VIEW = (360, 200)
TOPS = ("t-shirt", "longsleeve", "shirt", "sweater", "jacket")


@cache
def drawn(kind: str, seed: int = 1, sleeve: str | None = None) -> Garment:
    """A drawn garment with its exact landmarks."""
    changes: dict[str, Any] = {} if sleeve is None else {"sleeve": sleeve}
    made = draw_garment(garment_spec(kind, seed, **changes), (192, 256))
    points = {name: np.array(place) for name, place in made.landmarks.items()}
    shape = "legs" if "crotch" in points else "top" if "armpit_left" in points else "skirt"
    return Garment(np.asarray(made.image.convert("RGB")), np.asarray(made.mask), points, shape, {}, False, 1.0)


@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_a_spline_takes_every_target_to_its_source(seed: int) -> None:
    rng = np.random.default_rng(seed)
    targets = np.stack(np.meshgrid([20.0, 60.0, 100.0], [20.0, 70.0, 120.0]), 2).reshape(-1, 2) + rng.uniform(
        -6, 6, (9, 2)
    )
    sources = targets * 1.5 + rng.uniform(-5, 5, (9, 2))
    field = thin_plate(targets, sources, (140, 120), stiffness=0.0)
    for target, source in zip(np.round(targets).astype(int), sources, strict=True):
        assert np.abs(field[target[1], target[0]] - source).max() < 2.5


def test_a_strip_maps_its_corners_and_nothing_outside() -> None:
    left, right = np.array([[20.0, 10.0], [30.0, 60.0]]), np.array([[60.0, 10.0], [80.0, 60.0]])
    field = strip((left, right), (left * 2, right * 2), (80, 100))
    assert np.abs(field[10, 20] - (40, 20)).max() < 0.5 and np.abs(field[59, 78] - (156, 118)).max() < 2
    assert np.isnan(field[5]).all() and np.isnan(field[:, 90]).all() and np.isnan(field[30, 10]).all()
    assert np.isfinite(field[30, 30:60]).all()


def test_sampling_every_pixel_returns_the_image_and_unknown_places_nothing() -> None:
    image = np.random.default_rng(2).random((11, 7, 3)).astype(np.float32)
    y, x = np.mgrid[0:11, 0:7].astype(np.float32)
    field = np.stack([x, y], 2)
    assert np.allclose(sample(image, field), image, atol=0.01)
    field[3, 3] = np.nan
    assert (sample(image, field)[3, 3] == 0).all()


@given(arrays(np.float32, (13, 9), elements=st.sampled_from([0.0, 1.0])))
@settings(max_examples=25, deadline=None)
def test_extended_colours_keep_known_ones_and_add_none(known: NDArray[Any]) -> None:
    colours = np.random.default_rng(3).uniform(40, 200, (13, 9, 3)).astype(np.float32)
    found = extend(colours, known)
    assert np.isfinite(found).all()
    if known.any():
        kept = known > 0
        assert np.allclose(found[kept], colours[kept], atol=1e-2)
        assert found.min() >= colours[kept].min() - 1e-2 and found.max() <= colours[kept].max() + 1e-2


@pytest.mark.parametrize(
    ("margin", "rows", "columns"), [(0, (4, 7), (2, 4)), (3, (1, 10), (0, 7)), (50, (0, 57), (0, 54))]
)
def test_a_window_holds_a_mask_and_a_margin(margin: int, rows: tuple[int, int], columns: tuple[int, int]) -> None:
    mask = np.zeros((12, 9), bool)
    mask[4, 3] = mask[6, 2] = True
    assert around(mask, margin) == (slice(*rows), slice(*columns))
    assert mask[around(mask, margin)].sum() == 2
    assert mask[around(np.zeros_like(mask), margin)].size == 0, "an empty mask has no window"


def test_places_outside_a_photo_and_unknown_ones_are_not_inside_it() -> None:
    places = [(0, 0), (9, 4), (9.1, 4), (9, 4.1), (-0.1, 0), (np.nan, np.nan)]
    assert inside_of(np.array([places]), (5, 10)).tolist() == [[True, True, False, False, False, False]]


@pytest.mark.parametrize("step", [8, 12])
def test_a_texture_goes_on_through_a_hole(step: int) -> None:
    y, x = np.mgrid[:120, :120]
    image = np.where(((x // step) % 2 == 0)[:, :, None], (40.0, 60, 80), (200.0, 180, 150)).astype(np.float32)
    hole = (np.abs(x - 60) < 18) & (np.abs(y - 60) < 24)
    damaged = np.where(hole[:, :, None], (255.0, 0, 255), image).astype(np.float32)
    found = fill(damaged, hole, ~hole)
    assert (found[~hole] == image[~hole]).all()
    flat = np.abs(image[hole] - image[hole].mean(0)).mean()
    assert np.abs(found[hole] - image[hole]).mean() < 0.35 * flat, "stripes, not their mean"


@given(st.integers(0, 10_000))
@settings(max_examples=10, deadline=None)
def test_a_fill_takes_nothing_from_unknown_places(seed: int) -> None:
    rng = np.random.default_rng(seed)
    image = rng.uniform(90, 110, (60, 50, 3)).astype(np.float32)
    hole = capsule((60, 50), rng.uniform(10, 40, 2), rng.uniform(10, 40, 2), (4, 7))
    person = capsule((60, 50), rng.uniform(5, 45, 2), rng.uniform(5, 45, 2), (5, 5)) & ~hole
    image[person] = (255, 0, 0)
    image[hole] = (0, 0, 255)
    found = fill(image, hole, ~hole & ~person)
    assert np.abs(found[hole] - 100).max() < 45, "noise, neither red nor blue"
    assert (found[~hole] == image[~hole]).all()


@pytest.mark.parametrize("kind", TOPS)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_top_is_cut_into_trunk_and_sleeves(kind: str, seed: int) -> None:
    garment = drawn(kind, seed)
    parts = compact_parts.cut(garment)
    whole = parts.trunk + parts.sleeves[0] + parts.sleeves[1] + parts.behind
    assert (garment.alpha / 255 - whole).max() < 0.02, "the parts cover the garment"
    double = whole - garment.alpha / 255 > 0.02
    y, x = np.nonzero(double)
    away = [
        np.hypot(*(np.stack([x, y], 1) - garment.points[f"shoulder_{name}"]
                   - share * (garment.points[f"armpit_{name}"] - garment.points[f"shoulder_{name}"])).T)
        for name in compact_body.SIDES for share in np.linspace(0, 1, 30)
    ]  # fmt: skip
    assert np.min(away, 0).max() < 0.1 * garment.width("armpit"), "and overlap only at the seams of sleeves"
    x, y = np.round((garment.middle("armpit") + garment.middle("hem")) / 2).astype(int)
    assert parts.trunk[y, x] > 0.9
    for side, name in enumerate(compact_body.SIDES):
        cuff = (garment.points[f"cuff_outer_{name}"] + garment.points[f"cuff_inner_{name}"]) / 2
        root = (garment.points[f"shoulder_{name}"] + garment.points[f"armpit_{name}"]) / 2
        x, y = np.round(0.75 * cuff + 0.25 * root).astype(int)
        assert parts.sleeves[side][y, x] > 0.9
        assert compact_parts.has_sleeve(garment, side)


def test_a_dress_without_sleeves_has_none() -> None:
    garment = drawn("dress", 3, sleeve="none")
    assert not any(compact_parts.has_sleeve(garment, side) for side in (0, 1))
    assert not any(sleeve.any() for sleeve in compact_parts.cut(garment).sleeves)


def along(joints: NDArray[Any], share: float) -> NDArray[Any]:
    """The place at a share of a limb's length."""
    upper, lower = (float(np.hypot(*(joints[n + 1] - joints[n]))) for n in (0, 1))
    at = share * (upper + lower)
    if at <= upper:
        return joints[0] + (joints[1] - joints[0]) * at / upper
    return joints[1] + (joints[2] - joints[1]) * (at - upper) / lower


@pytest.mark.parametrize("changes", [{}, RAISED, CROSSED], ids=["hanging", "raised", "crossed"])
@pytest.mark.parametrize("kind", TOPS)
def test_landmarks_are_placed_at_joints_whatever_the_arms_do(
    kind: str, changes: dict[Joint, tuple[float, float]]
) -> None:
    garment, figure = drawn(kind), body(changes)
    placed = compact_place.place_top(garment, figure, VIEW, Edges(), dress=False)
    size = float(np.ptp(np.stack(list(garment.points.values())), axis=0).max())
    for side, name in enumerate(compact_body.SIDES):
        x, y = np.round(figure.tip(side)).astype(int)
        assert np.abs(placed.trunk[y, x] - garment.points[f"shoulder_{name}"]).max() < 0.06 * size
        field = placed.sleeves[side]
        assert field is not None
        long = kind != "t-shirt"
        assert (placed.reach[side] > 0.9) == long
        x, y = np.round(along(figure.arms[side].joints, 0.85 * placed.reach[side])).astype(int)
        assert np.isfinite(field[y, x]).all(), "the sleeve is where the arm is"
        cuff = (garment.points[f"cuff_outer_{name}"] + garment.points[f"cuff_inner_{name}"]) / 2
        root = (garment.points[f"shoulder_{name}"] + garment.points[f"armpit_{name}"]) / 2
        assert np.hypot(*(field[y, x] - cuff)) < np.hypot(*(field[y, x] - root)), "and its end is near the cuff"


@pytest.mark.parametrize("changes", [{}, RAISED, CROSSED], ids=["hanging", "raised", "crossed"])
@pytest.mark.parametrize("kind", TOPS)
def test_no_gap_opens_between_sleeve_and_trunk(kind: str, changes: dict[Joint, tuple[float, float]]) -> None:
    garment, figure = drawn(kind), body(changes)
    placed = compact_place.place_top(garment, figure, VIEW, Edges(), dress=False)
    layers = compact_paint.warp(garment, compact_parts.cut(garment), placed, garment.image.astype(np.float32), 100.0)
    sleeves = [sleeve[1] for sleeve in layers.sleeves if sleeve is not None]
    assert len(sleeves) == 2
    drawn_in = garment.image[garment.alpha > 200].min(0).astype(int) - 12
    for sleeve in layers.sleeves:
        assert sleeve is not None and (sleeve[0][sleeve[1] > 0.05] >= drawn_in).all(), "no colour that it has not"
    cover = np.maximum(layers.trunk[1], np.max(sleeves, 0))
    for side, sign in ((0, -1), (1, 1)):
        tip, armpit = figure.tip(side), figure.place(sign * 0.45 * figure.wide, 0.4 * figure.wide)
        for share in np.linspace(0.15, 0.8, 14):
            x, y = np.round(tip + share * (armpit - tip)).astype(int)
            assert cover[y, x] > 0.9, (side, share)


@pytest.mark.parametrize("step", [1, 2, 4])
def test_a_fine_pattern_of_a_large_photo_is_not_torn_into_stripes(step: int) -> None:
    """Checks that are finer than the view's pixels become their mean; those that are not stay."""
    y, x = np.mgrid[: 60 * step, : 50 * step]
    checks = (((x + y) % 2) * 200.0)[:, :, None].repeat(3, 2).astype(np.float32)
    places = np.stack(np.meshgrid(np.arange(50.0), np.arange(60.0)), 2) * step
    assert compact_paint.reduction(places) == pytest.approx(step)
    whole = np.full(checks.shape[:2], 255, np.uint8)
    product = Garment(checks.astype(np.uint8), whole, {}, "skirt", {}, False, 1.0)
    placed = compact_place.Placed(places, (None, None), np.zeros((1, 2)), 1.0, (0.0, 0.0))
    shown = compact_paint.warp(product, compact_parts.cut(product), placed, checks, 30.0).trunk[0][5:-5, 5:-5]
    assert np.ptp(shown) > 150 if step == 1 else np.abs(shown - 100).max() < 30


def seen(chance: NDArray[Any], front: NDArray[Any] | None = None, worn: str = "lower") -> tuple[View, Old]:
    """A view of the figure in an old garment (h, w) of the class `worn`, and what is in front of it."""
    figure, nothing = body(), np.zeros(VIEW, np.float32)
    x, y = np.arange(VIEW[1], dtype=np.float32)[None], np.arange(VIEW[0], dtype=np.float32)[:, None]
    across, down = figure.frame(x, y)
    maps = {"full_body": nothing, "skin": nothing, "lower": nothing} | {worn: chance}
    view = View((0, 0, VIEW[1], VIEW[0]), np.zeros((*VIEW, 3), np.float32), figure, maps,
                across / figure.wide, down / figure.trunk, 1.0)  # fmt: skip
    return view, Old(chance, Edges(), nothing if front is None else front, (nothing, nothing), nothing)


def outline(garment: Garment, placed: compact_place.Placed) -> NDArray[Any]:
    """(h, w) bool: where a garment's trunk is."""
    opaque = sample(garment.alpha[:, :, None].astype(np.float32), placed.trunk)[:, :, 0]
    field = placed.trunk
    height, width = garment.alpha.shape
    inside = (field >= 0).all(2) & (field[:, :, 0] <= width - 1) & (field[:, :, 1] <= height - 1)
    return (opaque > 127) & inside


def fitted(change: int, front: NDArray[Any] | None = None) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Outlines of placed trousers, of old ones that are `change` pixels wider on each side, and of the fitted ones."""
    garment = drawn("trousers")
    placed = compact_place_lower.place_legs(garment, body(), VIEW, 0.9, Edges())
    before = outline(garment, placed)
    left, right = np.roll(before, -change, 1), np.roll(before, change, 1)
    wanted = before | left | right if change > 0 else before & left & right
    view, old = seen(wanted.astype(np.float32), front)
    found = compact_fit.fit(placed, compact_parts.cut(garment), view, old, "lower", legs=True)
    return before, wanted, outline(garment, found)


@pytest.mark.parametrize("change", [-4, 4, 6])
def test_an_outline_near_the_old_one_meets_it(change: int) -> None:
    before, wanted, found = fitted(change)
    wrong = (before != wanted).sum()
    assert (found != wanted).sum() < 0.5 * wrong


def test_an_outline_far_from_the_old_one_or_hidden_stays() -> None:
    before, _, found = fitted(5, np.ones(VIEW, np.float32))
    assert (found == before).all(), "the old outline is hidden by what is in front"
    view, old = seen(np.zeros(VIEW, np.float32))
    garment = drawn("trousers")
    placed = compact_place_lower.place_legs(garment, view.body, VIEW, 0.9, Edges())
    assert compact_fit.fit(placed, compact_parts.cut(garment), view, old, "lower", legs=True) is placed
    # Old shorts end at the knee: the new trousers stay long.
    shorts = before & (np.arange(VIEW[0])[:, None] < 240)
    view, old = seen(shorts.astype(np.float32))
    kept = outline(garment, compact_fit.fit(placed, compact_parts.cut(garment), view, old, "lower", legs=True))
    below = before & (np.arange(VIEW[0])[:, None] > 270)
    assert (kept & below).sum() > 0.97 * below.sum()


def test_a_dress_does_not_bend_the_legs_of_trousers() -> None:
    garment = drawn("trousers")
    placed = compact_place_lower.place_legs(garment, body(), VIEW, 0.9, Edges())
    before = outline(garment, placed)
    wide = (before | np.roll(before, -6, 1) | np.roll(before, 6, 1)).astype(np.float32)
    parts = compact_parts.cut(garment)
    view, old = seen(wide, worn="full_body")
    assert compact_fit.fit(placed, parts, view, old, "lower", legs=True) is placed
    view, old = seen(wide)
    assert compact_fit.fit(placed, parts, view, old, "lower", legs=True) is not placed


def parsed(figure: compact_body.Body, **classes: NDArray[Any]) -> View:
    """A view of a figure that fills the frame; `classes` are what the parser sees."""
    x, y = np.arange(VIEW[1], dtype=np.float32)[None], np.arange(VIEW[0], dtype=np.float32)[:, None]
    across, down = figure.frame(x, y)
    names = ("skin", "hair", "upper", "outerwear", "lower", "full_body", "footwear", "accessory")
    maps = {**dict.fromkeys(names, np.zeros(VIEW, np.float32)), "person": np.ones(VIEW, np.float32), **classes}
    return View((0, 0, VIEW[1], VIEW[0]), np.zeros((*VIEW, 3), np.float32), figure, maps,
                across / figure.wide, down / figure.trunk, 1.0)  # fmt: skip


@pytest.mark.parametrize("turn", [0, 18, -18])
def test_nothing_is_painted_over_a_face_whatever_the_parser_takes_it_for(turn: int) -> None:
    mouth = {Joint.MOUTH_LEFT: (106.0 + turn, 50.0), Joint.MOUTH_RIGHT: (94.0 + turn, 50.0)}
    view = parsed(body({Joint.NOSE: (100.0 + turn, 40.0)} | mouth), upper=np.ones(VIEW, np.float32))
    old = read_old(view, "upper")
    rows = np.arange(VIEW[0])[:, None]
    face = capsule(VIEW, np.array([100.0 + turn, 25]), np.array([100.0 + turn, 44]), (14, 14)) & (rows < 49)
    assert (old.front[face] == 1).all() and (old.chance[face] == 0).all()
    assert old.chance[200, 100] == 1


def test_a_bag_stays_in_front_and_a_suit_that_the_parser_does_not_know_is_taken_off() -> None:
    bag = np.zeros(VIEW, np.float32)
    bag[130:160, 80:110] = 1
    carried = read_old(parsed(body(), upper=1 - bag, accessory=bag), "upper")
    assert carried.front[145, 95] == 1 and carried.chance[145, 95] == 0
    half = np.full(VIEW, 0.5, np.float32)
    worn = read_old(parsed(body(), upper=half * 0.4, accessory=half), "upper")
    assert worn.chance[145, 95] > 0.5 and worn.front[145, 95] < 0.1


def test_an_arm_whose_elbow_and_hand_are_not_seen_goes_on_straight() -> None:
    folded: dict[Joint, tuple[float, float]] = {Joint.RIGHT_ELBOW: (40, 400), Joint.RIGHT_WRIST: (90, 300)}
    view = parsed(body(folded))
    left, right = straightened(view).arms
    assert left.joints[2] == pytest.approx(2 * left.joints[1] - left.joints[0]) and left.visible[2] == 0
    assert (right.joints == view.body.arms[1].joints).all()
    hand = parsed(body(folded), skin=np.ones(VIEW, np.float32))
    assert (straightened(hand).arms[0].joints == hand.body.arms[0].joints).all(), "its hand is seen"


def test_a_neckline_is_the_garments_own() -> None:
    garment, figure = drawn("t-shirt"), body()
    placed = compact_place.place_top(garment, figure, VIEW, Edges(), dress=False)
    before = outline(garment, placed)
    low = before & ~capsule(VIEW, figure.place(0, -20), figure.place(0, 35), (14, 14))
    view, old = seen(low.astype(np.float32), worn="upper")
    found = outline(garment, compact_fit.fit(placed, compact_parts.cut(garment), view, old, "upper", legs=False))
    near = capsule(VIEW, figure.place(0, -20), figure.place(0, 35), (20, 20))
    assert (found != before)[near].mean() < 0.03


def test_a_hem_follows_the_garment_and_where_the_wearer_wears_it() -> None:
    figure = body()
    for kind, low, high in (("t-shirt", 0.9, 1.3), ("sweater", 0.8, 1.3), ("coat", 1.4, 2.6)):
        assert low < compact_place.place_top(drawn(kind), figure, VIEW, Edges(), dress=False).hem < high
    free = compact_place.hem_of(drawn("t-shirt"), None, dress=False)
    assert compact_place.hem_of(drawn("t-shirt"), free - 0.1, dress=False) == pytest.approx(free - 0.1)
    assert compact_place.hem_of(drawn("t-shirt"), free + 0.9, dress=False) == pytest.approx(free), "a coat is no shirt"
    dress = compact_place.hem_of(drawn("dress", 3), None, dress=True)
    assert dress >= 1.4
    assert compact_place.hem_of(drawn("dress", 3), dress + 0.1, dress=True) == pytest.approx(dress + 0.1)
    assert compact_place.hem_of(drawn("dress", 3), dress + 1.5, dress=True) == pytest.approx(dress)


def test_trousers_follow_the_legs_and_shorts_end_above_the_knee() -> None:
    figure = body()
    long = compact_place_lower.place_legs(drawn("trousers"), figure, VIEW, 0.9, Edges())
    short = compact_place_lower.place_legs(drawn("shorts"), figure, VIEW, 0.9, Edges())
    for side in (0, 1):
        x, y = np.round(figure.legs[side].joints[2] - (0, 8)).astype(int)
        assert np.isfinite(long.trunk[y, x]).all() and np.isnan(short.trunk[y, x]).all()
        x, y = np.round(figure.legs[side].joints[1] * 0.4 + figure.legs[side].joints[0] * 0.6).astype(int)
        assert np.isfinite(short.trunk[y, x]).all()
    assert long.hem > 2.2 > short.hem


def test_trousers_end_where_similar_ones_did_and_touch_between_close_thighs() -> None:
    figure, garment = body(), drawn("trousers")
    free = compact_place_lower.place_legs(garment, figure, VIEW, 0.9, Edges())
    worn = compact_place_lower.place_legs(garment, figure, VIEW, 0.9, Edges(legs=(0.8, 0.8)))
    shorts = compact_place_lower.place_legs(garment, figure, VIEW, 0.9, Edges(legs=(0.3, 0.3)))
    assert worn.hem < free.hem - 0.1 and shorts.hem == free.hem
    close = body({Joint.LEFT_KNEE: (115, 260), Joint.RIGHT_KNEE: (85, 260)})
    cover = outline(garment, compact_place_lower.place_legs(garment, close, VIEW, 0.9, Edges()))
    rows = cover[round(close.place(0, 1.3 * close.trunk)[1]) : 235, 92:109]
    assert rows.mean() > 0.95


def test_edges_of_an_old_garment_are_read_where_it_ends() -> None:
    figure = body()
    top, trousers = np.zeros(VIEW, np.float32), np.zeros(VIEW, np.float32)
    top[80:190, 72:129] = 1
    trousers[190:300, 70:131] = 1
    view = parsed(figure, upper=top, lower=trousers, skin=1 - np.maximum(top, trousers))
    found = read_edges(view, top, "upper")
    assert found.hem == pytest.approx(1.08, abs=0.03) and found.legs == (None, None)
    assert found.side(0.6, 0) == pytest.approx(28 / figure.wide, abs=0.05)
    assert found.side(0.6, 1) == pytest.approx(28 / figure.wide, abs=0.05)
    below = read_edges(view, trousers, "lower")
    assert below.top == pytest.approx(1.1, abs=0.05) and below.hem == pytest.approx(2.17, abs=0.05), "a skirt"
    trousers[230:300, 96:105] = 0
    assert read_edges(view, trousers, "lower").hem is None, "trousers"
    for covered in below.legs:
        assert covered == pytest.approx((300 - 180) / figure.legs[0].length, abs=0.06)


def test_a_top_stays_in_front_of_new_trousers() -> None:
    top = np.zeros(VIEW, np.float32)
    top[80:190] = 1
    patch = np.zeros(VIEW, np.float32)
    patch[230:250, 80:100] = 1
    old = read_old(parsed(body(), upper=np.maximum(top, patch), lower=1 - np.maximum(top, patch)), "lower")
    assert (old.front[100:180, 80:120] == 1).all() and (old.chance[100:180, 80:120] == 0).all()
    assert (old.front[200:250, 80:120] < 0.1).all(), "a patch that hangs on nothing is a mistake of the parser"
    assert (old.chance[200:225, 80:120] > 0.9).all()


def test_a_boot_of_which_the_parser_sees_the_edges_stays_whole() -> None:
    lower, boot = np.zeros(VIEW, np.float32), np.zeros(VIEW, np.float32)
    lower[180:345, 70:131] = 1
    boot[310:345, 115:118] = boot[310:345, 123:126] = 1
    old = read_old(parsed(body(), lower=np.where(boot > 0, 0, lower), footwear=boot), "lower")
    assert (old.front[312:343, 115:126] == 1).all() and (old.chance[312:343, 115:126] == 0).all()
    assert (old.chance[250:300, 75:125] == 1).all() and (old.front[250:300, 75:125] == 0).all()


def test_what_the_parser_takes_for_a_top_at_the_hem_of_a_dress_stays() -> None:
    dress, top = np.zeros(VIEW, np.float32), np.zeros(VIEW, np.float32)
    dress[80:280, 60:140] = 1
    top[240:260, 70:100] = 1
    worn = np.maximum(dress - top, 0)
    old = read_old(parsed(body(), full_body=worn, upper=top), "upper")
    assert (old.chance[100:170, 70:130] == 1).all() and (old.chance[230:280, 60:140] == 0).all()
    coat = np.zeros(VIEW, np.float32)
    coat[80:280, 60:140] = 1
    coat[240:260, 70:100] = 0
    old = read_old(parsed(body(), outerwear=coat, full_body=top), "upper")
    assert (old.chance[265:280, 70:130] == 1).all(), "a coat goes as a whole"


@pytest.mark.parametrize(("middle", "stays"), [((100, 130), False), ((142, 183), True)], ids=["waist", "hand"])
def test_colour_tells_a_belt_from_a_bag(middle: tuple[int, int], stays: bool) -> None:
    """A belt has the colour of the dress, a bag that of the bag next to it, and what a hand holds is held."""
    y, x = np.mgrid[: VIEW[0], : VIEW[1]]
    unsure = (np.abs(x - middle[0]) < 8) & (np.abs(y - middle[1]) < 6)
    bag = (np.abs(x - 30) < 14) & (np.abs(y - 250) < 20)
    dress = (np.abs(x - 100) < 45) & (y > 80) & (y < 300) & ~unsure
    pixels = np.zeros((*VIEW, 3), np.uint8)
    pixels[dress | unsure], pixels[bag] = (40, 44, 50), (150, 90, 60)
    half = unsure * np.float32(0.5)
    nothing = np.zeros(VIEW, np.float32)
    maps = {"upper": nothing, "outerwear": nothing, "lower": nothing, "full_body": dress + half}
    found = by_colour({**maps, "accessory": bag + half}, pixels, body())
    inner = (np.abs(x - middle[0]) < 4) & (np.abs(y - middle[1]) < 3)
    assert (found["accessory"][inner] > 0.4).all() == stays == (found["full_body"][inner] < 0.6).all()
    assert (found["accessory"][bag] == 1).all() and np.allclose(
        found["accessory"] + found["full_body"], bag + dress + unsure
    )


def test_a_skirt_is_as_wide_as_the_legs_in_it() -> None:
    garment = drawn("skirt", 2)
    wide = body({Joint.LEFT_KNEE: (150, 255), Joint.RIGHT_KNEE: (50, 255)})
    narrow, broad = (
        outline(garment, compact_place_lower.place_skirt(garment, one, VIEW, 0.9, Edges(hem=2.0)))
        for one in (body(), wide)
    )
    for row in (240, 255):
        columns = np.flatnonzero(broad[row])
        at = np.interp(row, (180, 255), (118, 150))
        assert (
            columns[-1] >= at + 6
            and columns[0] <= 200 - at - 6
            and np.ptp(columns) > np.ptp(np.flatnonzero(narrow[row]))
        )


def test_a_skirt_starts_at_the_waist_and_keeps_its_length() -> None:
    figure, garment = body(), drawn("skirt", 2)
    placed = compact_place_lower.place_skirt(garment, figure, VIEW, 0.9, Edges())
    x, y = np.round(figure.place(0, 0.9 * figure.trunk)).astype(int)
    assert abs(placed.trunk[y, x, 1] - garment.middle("waist")[1]) < 8
    assert 1.3 < placed.hem < 2.6


SEATED: dict[Joint, tuple[float, float]] = {Joint.LEFT_KNEE: (125, 190), Joint.RIGHT_KNEE: (75, 190)}
POSES_REFUSED: list[tuple[str, dict[Joint, tuple[float, float]], Category, str | None]] = [
    ("front", {}, "upper", None), ("front", {}, "dress", None), ("arms raised", RAISED, "upper", None),
    ("arms crossed", CROSSED, "upper", None), ("slightly turned", narrowed(0.75), "upper", None),
    ("turned", narrowed(0.75), "upper", None),
    ("turned with the head", narrowed(0.75) | {Joint.NOSE: (120, 40)}, "upper", "pose_not_supported"),
    ("side", narrowed(0.3), "upper", "pose_not_supported"), ("back", narrowed(-1), "upper", "pose_not_supported"),
    ("upside down", turned(2), "upper", "pose_not_supported"), ("lying", turned(1), "upper", "pose_not_supported"),
    ("lying the other way", turned(3), "upper", "pose_not_supported"),
    ("sitting", SEATED, "lower", "pose_not_supported"), ("sitting", SEATED, "upper", None),
]  # fmt: skip


@pytest.mark.parametrize(("name", "changes", "category", "code"), POSES_REFUSED)
def test_poses_that_cannot_be_dressed_are_refused(
    name: str, changes: dict[Joint, tuple[float, float]], category: Category, code: str | None
) -> None:
    if code is None:
        compact_body.require_supported(pose(changes), category)
        return
    with pytest.raises(StudioError) as refused:
        compact_body.require_supported(pose(changes), category)
    assert refused.value.code == code and refused.value.field == "person" and not refused.value.retryable


def test_too_little_of_a_body_is_another_refusal() -> None:
    with pytest.raises(StudioError) as refused:
        compact_body.require_supported(pose(presence=0.1), "upper")
    assert refused.value.code == "pose_not_found"


def test_figures_differ_by_seed_and_pose_and_are_reproducible() -> None:
    size = (96, 128)
    first = np.asarray(draw_posed_mannequin(3, size))
    assert (first == np.asarray(draw_posed_mannequin(3, size))).all()
    assert (first != np.asarray(draw_posed_mannequin(4, size, pose="stepping"))).any()
    still, out = (np.asarray(draw_posed_mannequin(3, size, pose=pose)).astype(int) for pose in ("straight", "arms out"))

    def across(picture: NDArray[Any]) -> int:
        """Columns over which hands and arms are seen, level with the hips."""
        band = picture[58:72]
        there = (np.abs(band - band[:, :1]).sum(2) > 70).sum(0) >= 2
        return int(np.flatnonzero(there)[-1] - np.flatnonzero(there)[0])

    assert across(out) > across(still) + 6
    assert len(POSES) >= 4 and draw_mannequin(3, size).image.size == size
