"""Which landmarks of a garment are used, and as what it is worn."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from shared.vision.landmarks import Landmarks, Point
from vto_container.engines import compact_place_lower, compact_points
from vto_container.engines.compact_garment import Garment

PLACES: Mapping[str, tuple[float, float]] = {
    "neck_left": (85, 40), "neck_right": (115, 40), "neck_front": (100, 50), "shoulder_left": (70, 45),
    "shoulder_right": (130, 45), "armpit_left": (70, 80), "armpit_right": (130, 80), "hem_left": (60, 200),
    "hem_right": (140, 200), "cuff_outer_left": (45, 95), "cuff_inner_left": (60, 105), "cuff_outer_right": (155, 95),
    "cuff_inner_right": (140, 105), "waist_left": (75, 45), "waist_right": (125, 45),
}  # fmt: skip
CUFFS = [name for name in PLACES if name.startswith("cuff")]


def found(kinds: Mapping[str, float], sure: Mapping[str, float], **places: tuple[float, float]) -> Landmarks:
    """Landmarks of which those in `sure` have another confidence than .8."""
    points = {name: Point(*place, sure.get(name, 0.8)) for name, place in {**PLACES, **places}.items()}
    return Landmarks(points, kinds, 0.0)


def block(legs: bool = False, cut: bool = False) -> NDArray[np.bool_]:
    """An outline 80 wide from row 45 to row 200, or to the lower edge; with a gap between legs."""
    outline = np.zeros((240, 200), bool)
    outline[45 : 240 if cut else 200, 60:140] = True
    if legs:
        outline[100:, 92:108] = False
    return outline


def test_a_sleeve_that_is_not_seen_is_like_the_other() -> None:
    hidden = {"cuff_outer_left": 0.1, "cuff_inner_left": 0.2}
    points = compact_points.points_of(found({"dress": 1.0}, hidden, cuff_outer_left=(10, 10)), "top", block())
    assert points["cuff_outer_left"] == pytest.approx((45, 95)) and points["cuff_inner_left"] == pytest.approx(
        (60, 105)
    )
    half = {"cuff_outer_left": 0.27, "cuff_inner_left": 0.5}
    points = compact_points.points_of(found({"dress": 1.0}, half, cuff_outer_left=(44, 90)), "top", block())
    assert points["cuff_outer_left"] == pytest.approx((44, 90)), "sure enough together"


def test_a_dress_without_sleeves_has_none() -> None:
    unsure = dict.fromkeys(CUFFS, 0.33)
    names = compact_points.points_of(found({"dress": 0.6}, unsure), "top", block())
    assert not set(CUFFS) & set(names)
    assert set(CUFFS) <= set(compact_points.points_of(found({"longsleeve": 0.9}, unsure), "top", block()))
    corners = {name: (PLACES[f"hem_{name.split('_')[2]}"][0], 198.0) for name in CUFFS}
    names = compact_points.points_of(found({"dress": 0.9}, {}, **corners), "top", block())
    assert not set(CUFFS) & set(names), "these are corners of the hem"


def test_an_unknown_garment_that_is_as_wide_as_a_skirt_is_no_pair_of_trousers() -> None:
    unknown = {"longsleeve": 0.5, "skirt": 0.1, "pants": 0.05, "shorts": 0.1}
    assert compact_points.shape_of(unknown, "lower", block(cut=True)) == "skirt"
    assert compact_points.shape_of(unknown, "lower", block(legs=True, cut=True)) == "legs"
    narrow = block() & (np.arange(200) > 90)[None]
    assert compact_points.shape_of(unknown, "lower", block()) == "legs", "long, and not cut by the frame"
    assert compact_points.shape_of(unknown, "lower", narrow) == "legs"
    assert compact_points.shape_of(unknown, "lower", block()[:150]) == "skirt"
    assert compact_points.shape_of({"pants": 0.9}, "lower", block(cut=True)) == "legs"
    assert compact_points.shape_of({"skirt": 0.9}, "lower", block(legs=True)) == "skirt"


def test_corners_that_the_network_does_not_find_are_those_of_the_outline() -> None:
    unsure = {"waist_left": 0.04, "waist_right": 0.05}
    points = compact_points.points_of(found({"skirt": 0.9}, unsure, waist_left=(5, 5)), "skirt", block())
    assert points["waist_left"] == pytest.approx((60, 45)) and points["waist_right"] == pytest.approx((139, 45))
    assert points["hem_left"] == pytest.approx(PLACES["hem_left"])


def test_shorts_with_an_elastic_waist_are_no_longer_for_it() -> None:
    points = {
        name: np.array(place, float)
        for name, place in {
            "waist_left": (75, 45), "waist_right": (125, 45), "crotch": (100, 110), "leg_outer_left": (40, 150),
            "leg_inner_left": (95, 150), "leg_outer_right": (160, 150), "leg_inner_right": (105, 150),
        }.items()
    }  # fmt: skip
    alpha = np.zeros((240, 200), np.uint8)
    for row in range(45, 150):
        half = 25 + min(1.0, (row - 45) / 55) * 35
        alpha[row, int(100 - half) : int(100 + half)] = 255
    gathered = Garment(np.zeros((240, 200, 3), np.uint8), alpha, points, "legs", {"shorts": 1.0}, False, 1.0)
    straight = np.where((np.arange(200) >= 75) & (np.arange(200) < 125), alpha, 0).astype(np.uint8)
    even = Garment(gathered.image, straight, points, "legs", {"shorts": 1.0}, False, 1.0)
    assert compact_place_lower.leg_length(gathered) < 0.6 < compact_place_lower.leg_length(even)
