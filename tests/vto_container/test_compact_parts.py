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

from demo.mannequin import POSES, figure
from demo.wardrobe import mannequin
from vto_container.engines import compact_body as body_of
from vto_container.engines import compact_golden
from vto_container.engines.compact_product import SIZE, carried, fitted, sampled

NAME = {name: number for number, name in enumerate(body_of.LABELS)}


def standing() -> NDArray[Any]:
    """A figure of rectangles: hair, face, a top with bare forearms and hands, trousers, shoes."""
    label = np.zeros(body_of.GRID, np.uint8)
    label[4:8, 43:53] = NAME["hair"]
    label[8:20, 43:53] = NAME["skin"]
    label[20:62, 38:58] = NAME["upper"]
    label[24:44, 32:38] = label[24:44, 58:64] = NAME["upper"]
    label[44:64, 32:36] = label[44:64, 60:64] = NAME["skin"]
    label[62:116, 39:57] = NAME["lower"]
    label[116:122, 38:58] = NAME["footwear"]
    return label


def test_a_body_is_read_from_its_classes() -> None:
    body = body_of.read(standing())
    assert body.top == 4 and 110 < body.height < 125
    assert 18 <= body.chin <= 23
    assert body.head[10, 48] and not body.head[50, 34]
    assert body.arms[48, 34] and not body.legs.any()
    assert body.hands[62, 34] and not body.hands[46, 34]


@pytest.mark.parametrize("category", ["upper", "lower", "dress"])
def test_a_hole_covers_the_old_garment_and_spares_what_stays_in_front(category: str) -> None:
    body = body_of.read(standing())
    hole, old = body_of.hole(body, category), body_of.old_garment(body, category)
    assert hole[old].all() and hole.sum() > old.sum()
    assert not (hole & (body.head | body.hands)).any()
    assert not hole[118, 48]
    assert hole[50, 34] == (category != "lower"), "bare forearms are repainted with tops and dresses"


def test_a_dress_gives_its_halves_to_upper_and_lower() -> None:
    label = standing()
    label[20:100, 38:58] = NAME["full_body"]
    label[100:116, 40:56] = NAME["skin"]
    body = body_of.read(label)
    upper, lower = (body_of.old_garment(body, name) for name in ("upper", "lower"))
    assert upper[30, 48] and not upper[95, 48]
    assert lower[95, 48] and not lower[30, 48]
    assert (upper | lower)[label == NAME["full_body"]].all()


def test_a_long_coat_reaches_over_the_legs() -> None:
    body = body_of.read(standing())
    assert not body_of.below(body, 0.4).any()
    over = body_of.below(body, 0.6)
    assert over[80, 48] and not over[115, 48] and not over[30, 48]


@given(arrays(bool, (24, 18), elements=st.booleans()), st.integers(0, 4))
@settings(max_examples=30, deadline=None)
def test_widening_is_a_dilation_by_a_disc(mask: NDArray[Any], reach: int) -> None:
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disc = (x * x + y * y <= reach * reach + reach).astype(np.uint8)
    expected = cv2.dilate(mask.astype(np.uint8), disc, borderType=cv2.BORDER_CONSTANT, borderValue=0) > 0
    assert (body_of.widened(mask, reach) == expected).all()


def test_a_crop_is_three_to_four_and_holds_the_person() -> None:
    chance = np.zeros(body_of.GRID, np.float32)
    chance[20:110, 40:60] = 0.9
    chance[5:9, 5:9] = 0.9
    box = body_of.person_box(chance, (267, 400))
    assert box is not None
    x, y, width, height = box
    assert width / height == pytest.approx(0.75)
    assert x <= 40 / 96 * 267 and x + width >= 60 / 96 * 267 and y <= 20 / 128 * 400 and y + height >= 110 / 128 * 400
    assert body_of.person_box(np.zeros(body_of.GRID, np.float32), (267, 400)) is None


@given(arrays(np.float32, (13, 9), elements=st.sampled_from([0.0, 1.0])))
@settings(max_examples=25, deadline=None)
def test_carried_colours_keep_what_is_known_and_invent_none(known: NDArray[Any]) -> None:
    colours = np.random.default_rng(3).uniform(40, 200, (13, 9, 3)).astype(np.float32)
    found = carried(colours, known)
    assert np.isfinite(found).all()
    if known.any():
        kept = known > 0
        assert np.allclose(found[kept], colours[kept], atol=1e-2)
        assert found.min() >= colours[kept].min() - 1e-2 and found.max() <= colours[kept].max() + 1e-2


def test_looking_up_every_pixel_gives_the_picture_back() -> None:
    field = np.random.default_rng(2).random((11, 7, 3)).astype(np.float32)
    y, x = np.mgrid[0:11, 0:7]
    assert np.allclose(sampled(field, (2 * x + 1) / 7 - 1, (2 * y + 1) / 11 - 1), field, atol=1e-5)
    assert np.allclose(sampled(field, np.full((1, 1), -5.0), np.full((1, 1), 5.0))[0, 0], field[-1, 0])


@pytest.mark.parametrize("scale", [1.0, 2.5])
def test_a_canvas_is_fitted_to_the_mask_wherever_it_lies(scale: float) -> None:
    picture = np.full((300, 500, 3), 90, np.uint8)
    alpha = np.zeros((300, 500), np.uint8)
    alpha[0:120, 380:500] = 255
    picture[alpha > 0] = (200, 30, 40)
    product = fitted(picture, alpha, scale)
    assert product.mask.shape == (round(SIZE[0] * scale), round(SIZE[1] * scale))
    rows, columns = np.flatnonzero((product.mask > 0.5).any(1)), np.flatnonzero((product.mask > 0.5).any(0))
    assert columns.size / product.mask.shape[1] == pytest.approx(0.86, abs=0.02)
    assert rows.size == pytest.approx(columns.size, abs=3)
    assert np.abs(product.colours - (200, 30, 40)).max() < 1, "no ground shines through"


def test_golden_answers_are_told_apart() -> None:
    feeds = compact_golden.feeds({"a": [1, 2, 16, 12]})
    answer = compact_golden.answer({"out": feeds["a"]})
    assert compact_golden.differing(answer, answer, 0.01) is None
    off = {"out": [value + 0.1 for value in answer["out"]]}
    assert "out" in (compact_golden.differing(off, answer, 0.01) or "")
    assert compact_golden.differing({}, answer, 0.01) is not None


def test_figures_differ_by_seed_and_pose_and_repeat() -> None:
    size = (96, 128)
    first = np.asarray(figure(3, size))
    assert (first == np.asarray(figure(3, size))).all()
    assert (first != np.asarray(figure(4, size, pose="stepping"))).any()
    still, out = (np.asarray(figure(3, size, pose=pose)).astype(int) for pose in ("straight", "arms out"))

    def across(picture: NDArray[Any]) -> int:
        """Columns over which hands and arms are seen, level with the hips."""
        band = picture[58:72]
        there = (np.abs(band - band[:, :1]).sum(2) > 70).sum(0) >= 2
        return int(np.flatnonzero(there)[-1] - np.flatnonzero(there)[0])

    assert across(out) > across(still) + 6
    assert len(POSES) >= 4 and mannequin(3, size).image.size == size
