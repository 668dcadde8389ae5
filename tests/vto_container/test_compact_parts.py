"""The compact engine's parts: bodies read from maps of classes, holes, canvases, and drawn people to try them on."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from vto_container.engines import compact_body, compact_golden, compact_under
from vto_container.engines.compact_garment import Garment
from vto_container.engines.compact_product import SIZE, extend_colours, fit_to_canvas, sample
from wardrobe import POSES, draw_mannequin, draw_posed_mannequin

NAME = {name: number for number, name in enumerate(compact_body.LABELS)}


def standing() -> NDArray[Any]:
    """A figure of rectangles: hair, face, a top with bare forearms and hands, trousers, shoes."""
    label = np.zeros(compact_body.GRID, np.uint8)
    label[4:8, 43:53] = NAME["hair"]
    label[8:20, 43:53] = NAME["skin"]
    label[20:62, 38:58] = NAME["upper"]
    label[24:44, 32:38] = label[24:44, 58:64] = NAME["upper"]
    label[44:64, 32:36] = label[44:64, 60:64] = NAME["skin"]
    label[62:116, 39:57] = NAME["lower"]
    label[116:122, 38:58] = NAME["footwear"]
    return label


def test_a_body_is_read_from_its_classes() -> None:
    body = compact_body.read_body(standing())
    assert body.top == 4 and 110 < body.height < 125
    assert 18 <= body.chin <= 23
    assert body.head[10, 48] and not body.head[50, 34]
    assert body.arms[48, 34] and not body.legs.any()
    assert body.hands[62, 34] and not body.hands[46, 34]


@pytest.mark.parametrize("category", ["upper", "lower", "dress"])
def test_a_hole_covers_the_old_garment_but_not_what_stays_in_front(category: str) -> None:
    body = compact_body.read_body(standing())
    hole, old = compact_body.hole(body, category), compact_body.old_garment(body, category)
    assert hole[old].all() and hole.sum() > old.sum()
    assert not (hole & (body.head | body.hands)).any()
    assert not hole[118, 48]
    assert hole[50, 34] == (category != "lower"), "bare forearms are repainted with tops and dresses"


def test_a_dress_gives_its_halves_to_upper_and_lower() -> None:
    label = standing()
    label[20:100, 38:58] = NAME["full_body"]
    label[100:116, 40:56] = NAME["skin"]
    body = compact_body.read_body(label)
    upper, lower = (compact_body.old_garment(body, name) for name in ("upper", "lower"))
    assert upper[30, 48] and not upper[95, 48]
    assert lower[95, 48] and not lower[30, 48]
    assert (upper | lower)[label == NAME["full_body"]].all()


def test_a_long_coat_covers_the_legs() -> None:
    body = compact_body.read_body(standing())
    assert not compact_body.hanging_below(body, 0.4).any()
    over = compact_body.hanging_below(body, 0.6)
    assert over[80, 48] and not over[115, 48] and not over[30, 48]


def test_things_pinned_to_clothes_count_as_clothes_and_carried_things_do_not() -> None:
    label = standing()
    label[30:33, 44:48] = NAME["accessory"]
    label[50:60, 58:70] = NAME["accessory"]
    found = compact_body.merge_pinned(label)
    assert (found[30:33, 44:48] == NAME["upper"]).all()
    assert (found[50:60, 58:70] == NAME["accessory"]).all()
    assert (found[8:20, 43:53] == NAME["skin"]).all(), "a face is not pinned to anything"


def test_an_accessory_that_fills_the_trunk_counts_as_outerwear() -> None:
    label = standing()
    label[40:56, 52:60] = NAME["accessory"]
    assert (compact_under.reclassify_carried(compact_body.read_body(label)) == label).all(), "a bag in front"
    label[22:60, 38:58] = NAME["accessory"]
    found = compact_under.reclassify_carried(compact_body.read_body(label))
    assert (found[22:60, 38:58] == NAME["outerwear"]).all()
    label[70:90, 70:80] = NAME["accessory"]
    assert compact_under.reclassify_carried(compact_body.read_body(label))[80, 75] == NAME["accessory"], (
        "next to the body it is a bag"
    )


def colours() -> NDArray[Any]:
    """The standing figure on the grid: blue background, brown skin, a red top, green trousers."""
    tones = {0: (90, 120, 200), "skin": (150, 100, 70), "upper": (200, 20, 20), "lower": (20, 160, 40)}
    photo = np.full((*compact_body.GRID, 3), tones[0], np.uint8)
    for name in ("skin", "upper", "lower"):
        photo[standing() == NAME[name]] = tones[name]
    return photo


def painted(category: str, removed: NDArray[Any], label: NDArray[Any] | None = None) -> NDArray[Any]:
    """The figure with clothes removed, unknown cells magenta and the background blue."""
    body = compact_body.read_body(standing() if label is None else label)
    under = compact_under.read_under(body, removed, category, colours())
    return under.painted(
        np.full((*compact_body.GRID, 3), (255.0, 0, 255)), np.full((*compact_body.GRID, 3), (90.0, 120, 200))
    )


def tone(picture: NDArray[Any], row: int, column: int) -> str:
    """The colour of a cell, regardless of light."""
    known = {"skin": (150, 100, 70), "upper": (200, 20, 20), "lower": (20, 160, 40), "ground": (90, 120, 200)}
    wanted = picture[row, column] / np.linalg.norm(picture[row, column])
    return max(known, key=lambda name: float(wanted @ known[name] / np.linalg.norm(known[name])))


def test_under_trousers_are_legs_and_next_to_them_the_background() -> None:
    label = standing()
    found = painted("lower", label == NAME["lower"])
    assert tone(found, 90, 42) == tone(found, 90, 54) == "skin"
    assert tone(found, 105, 48) == "ground", "between the calves"
    assert tone(found, 63, 48) == "upper", "hips are not bared"


def test_under_sleeves_are_arms_that_continue_their_visible_part() -> None:
    label = standing()
    found = painted("upper", label == NAME["upper"])
    assert tone(found, 40, 34) == tone(found, 40, 61) == "skin"
    assert tone(found, 30, 48) == "skin"
    label[24:64, 24:38] = NAME["upper"]
    wide = painted("upper", label == NAME["upper"], label)
    assert tone(wide, 60, 26) == "ground", "a wide sleeve is wider than its arm"


def test_under_a_long_coat_are_the_trousers_worn_with_it() -> None:
    label = standing()
    label[20:84, 36:60] = NAME["outerwear"]
    found = painted("upper", label == NAME["outerwear"], label)
    assert tone(found, 78, 44) == tone(found, 78, 53) == "lower"


def test_an_arm_that_is_not_visible_hangs_down() -> None:
    label = standing()
    label[44:64, 60:64] = NAME["background"]
    hidden = compact_under.arms_of(compact_body.read_body(label))
    assert hidden[30, 57:66].max() > 0 and hidden[50, 57:70].max() > 0
    assert compact_under.arms_of(compact_body.read_body(standing()))[30, 57:66].max() > 0


def cut_out(shape: str) -> Garment:
    """A skirt that flares to twice its waist, or a T-shirt with its sleeves spread."""
    alpha = np.zeros((200, 200), np.uint8)
    for row in range(40, 160):
        half = 30 + (row - 40) // 4 if shape == "skirt" else 90 if row < 70 else 35
        alpha[row, 100 - half : 100 + half] = 255
    return Garment(np.zeros((200, 200, 3), np.uint8), alpha, worn=False, confidence=1.0)


def test_a_flared_skirt_is_not_squeezed_into_the_old_outline() -> None:
    body = compact_body.read_body(standing())
    hung = cut_out("skirt").hung(body, "lower")
    rows = np.flatnonzero(hung.any(1))
    assert rows[0] == pytest.approx(body.row(compact_body.WAIST), abs=1)
    widths = hung.sum(1)[rows]
    assert widths[2] == pytest.approx(0.2 * body.height, rel=0.25) and widths[-2] > 1.7 * widths[2]
    centre = np.flatnonzero(hung[rows[-3]]).mean()
    assert centre == pytest.approx(body.middle, abs=1)


def test_sleeves_spread_flat_cover_nothing_next_to_the_trunk() -> None:
    body = compact_body.read_body(standing())
    hung = cut_out("t-shirt").hung(body, "upper")
    columns = np.flatnonzero(hung.any(0))
    assert columns[-1] - columns[0] < 0.34 * body.height
    assert np.flatnonzero(hung.any(1))[0] >= body.chin


@given(arrays(bool, (24, 18), elements=st.booleans()), st.integers(0, 4))
@settings(max_examples=30, deadline=None)
def test_dilation_is_by_a_disc(mask: NDArray[Any], reach: int) -> None:
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disc = (x * x + y * y <= reach * reach + reach).astype(np.uint8)
    expected = cv2.dilate(mask.astype(np.uint8), disc, borderType=cv2.BORDER_CONSTANT, borderValue=0) > 0
    assert (compact_body.dilate(mask, reach) == expected).all()


def test_a_crop_has_the_ratio_three_to_four_and_contains_the_person() -> None:
    chance = np.zeros(compact_body.GRID, np.float32)
    chance[20:110, 40:60] = 0.9
    chance[5:9, 5:9] = 0.9
    box = compact_body.person_box(chance, (267, 400))
    assert box is not None
    x, y, width, height = box
    assert width / height == pytest.approx(0.75)
    assert x <= 40 / 96 * 267 and x + width >= 60 / 96 * 267 and y <= 20 / 128 * 400 and y + height >= 110 / 128 * 400
    assert compact_body.person_box(np.zeros(compact_body.GRID, np.float32), (267, 400)) is None


@given(arrays(np.float32, (13, 9), elements=st.sampled_from([0.0, 1.0])))
@settings(max_examples=25, deadline=None)
def test_extended_colours_keep_known_ones_and_add_none(known: NDArray[Any]) -> None:
    colours = np.random.default_rng(3).uniform(40, 200, (13, 9, 3)).astype(np.float32)
    found = extend_colours(colours, known)
    assert np.isfinite(found).all()
    if known.any():
        kept = known > 0
        assert np.allclose(found[kept], colours[kept], atol=1e-2)
        assert found.min() >= colours[kept].min() - 1e-2 and found.max() <= colours[kept].max() + 1e-2


def test_sampling_every_pixel_returns_the_image() -> None:
    field = np.random.default_rng(2).random((11, 7, 3)).astype(np.float32)
    y, x = np.mgrid[0:11, 0:7]
    assert np.allclose(sample(field, (2 * x + 1) / 7 - 1, (2 * y + 1) / 11 - 1), field, atol=1e-5)
    assert np.allclose(sample(field, np.full((1, 1), -5.0), np.full((1, 1), 5.0))[0, 0], field[-1, 0])


@pytest.mark.parametrize("scale", [1.0, 2.5])
def test_a_canvas_is_fitted_to_the_mask_wherever_it_is(scale: float) -> None:
    picture = np.full((300, 500, 3), 90, np.uint8)
    alpha = np.zeros((300, 500), np.uint8)
    alpha[0:120, 380:500] = 255
    picture[alpha > 0] = (200, 30, 40)
    product = fit_to_canvas(picture, alpha, scale)
    assert product.mask.shape == (round(SIZE[0] * scale), round(SIZE[1] * scale))
    rows, columns = np.flatnonzero((product.mask > 0.5).any(1)), np.flatnonzero((product.mask > 0.5).any(0))
    assert columns.size / product.mask.shape[1] == pytest.approx(0.86, abs=0.02)
    assert rows.size == pytest.approx(columns.size, abs=3)
    assert np.abs(product.colours - (200, 30, 40)).max() < 1, "no ground shines through"


def test_differing_golden_outputs_are_detected() -> None:
    feeds = compact_golden.make_inputs({"a": [1, 2, 16, 12]})
    answer = compact_golden.sample_outputs({"out": feeds["a"]})
    assert compact_golden.find_difference(answer, answer, 0.01) is None
    off = {"out": [value + 0.1 for value in answer["out"]]}
    assert "out" in (compact_golden.find_difference(off, answer, 0.01) or "")
    assert compact_golden.find_difference({}, answer, 0.01) is not None


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
