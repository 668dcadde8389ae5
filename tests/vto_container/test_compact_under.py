"""What the compact engine paints where an old garment was, on bodies with known joints."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from bodies import body
from numpy.typing import NDArray

from shared.engines.base import Category
from shared.vision.pose import Joint
from vto_container.engines import compact
from vto_container.engines.compact_body import Body, Limb
from vto_container.engines.compact_edges import Edges
from vto_container.engines.compact_garment import Garment
from vto_container.engines.compact_old import Old
from vto_container.engines.compact_place import Placed
from vto_container.engines.compact_skin import painted_arm
from vto_container.engines.compact_under import uncover
from vto_container.engines.compact_view import View, capsule, straightened

VIEW = (360, 200)
TROUSERS, COAT, GROUND, SKIN = (200, 190, 170), (60, 70, 40), (120, 140, 160), (190, 140, 120)
NAMES = ("skin", "hair", "upper", "outerwear", "lower", "full_body", "footwear", "accessory")


def painted(figure: Body, **classes: NDArray[Any]) -> View:
    """A view of a figure in flat colours on a flat ground; `classes` are what the parser sees."""
    x, y = np.arange(VIEW[1], dtype=np.float32)[None], np.arange(VIEW[0], dtype=np.float32)[:, None]
    across, down = figure.frame(x, y)
    maps = {name: classes.get(name, np.zeros(VIEW, bool)).astype(np.float32) for name in NAMES}
    image = np.full((*VIEW, 3), GROUND, np.float32)
    for name, colour in (("skin", SKIN), ("lower", TROUSERS), ("upper", COAT), ("outerwear", COAT)):
        image[maps[name] > 0.5] = colour
    maps["person"] = np.max(list(maps.values()), 0)
    return View((0, 0, VIEW[1], VIEW[0]), image, figure, maps, across / figure.wide, down / figure.trunk, 1.0)


def regions(figure: Body) -> dict[str, NDArray[Any]]:
    """A head, trousers, and a coat that hangs to the thighs and is wider than they are."""
    y, x = np.mgrid[: VIEW[0], : VIEW[1]]
    head = np.hypot(x - 100, y - 40) < 20
    legs = (np.abs(x - 100) < 30) & (y >= 170) & (y < 340)
    coat = (np.abs(x - 100) < 48) & (y >= 75) & (y < 240)
    return {"skin": head, "lower": legs & ~coat, "outerwear": coat & ~head}


def uncovered(category: Category, hem: float, classes: dict[str, NDArray[Any]]) -> NDArray[Any]:
    figure, nothing = body(), np.zeros(VIEW, np.float32)
    view = painted(figure, **classes)
    chance = (view.maps["outerwear"] + (view.maps["lower"] if category == "lower" else 0)).clip(0, 1)
    old = Old(chance.astype(np.float32), Edges(), view.maps["skin"], (nothing, nothing), nothing)
    field = np.full((*VIEW, 2), np.nan, np.float32)
    placed = Placed(field, (None, None), np.zeros((1, 2)), hem, (1.0, 1.0))
    return uncover(view, old, category, placed, np.zeros(VIEW, bool)).image


def test_trousers_go_on_behind_a_long_coat_as_wide_as_below_it() -> None:
    image = uncovered("upper", 1.0, regions(body()))
    row = image[232]
    cloth, ground = (np.abs(row - colour).max(1) < 25 for colour in (TROUSERS, GROUND))
    assert cloth[75:125].all(), "trousers"
    assert ground[54:62].all() and ground[138:146].all(), (
        "beside them the ground, not a second pair as wide as the coat"
    )
    assert not (np.abs(image - COAT).max(2) < 25).any(), "nothing of the coat is left"


def test_bare_legs_are_round_and_in_the_shadow_of_the_hem() -> None:
    classes = regions(body())
    legs = classes["lower"] | classes["outerwear"] & (np.arange(VIEW[0])[:, None] > 170)
    image = uncovered("lower", 1.3, {"skin": classes["skin"], "lower": legs})
    light = image.mean(2)
    middle, edge = light[300, 116:124].mean(), light[300, 110:112].mean()
    assert np.abs(image[300, 120] - SKIN).max() < 45 and edge < middle - 5
    assert np.abs(image[300, 100] - GROUND).max() < 25, "ground between the legs"


def test_no_leg_is_painted_beside_a_boot() -> None:
    classes = regions(body())
    legs = classes["lower"] | classes["outerwear"] & (np.arange(VIEW[0])[:, None] > 170)
    y, x = np.mgrid[: VIEW[0], : VIEW[1]]
    boots = (np.abs(np.abs(x - 100) - 20) < 4) & (y >= 310) & (y < 350)
    worn = {"skin": classes["skin"], "lower": legs & ~boots, "footwear": boots}
    image = uncovered("lower", 1.3, worn)
    beside = legs & ~boots & (y > 318) & (np.abs(np.abs(x - 100) - 20) >= 6)
    assert (np.abs(image[beside] - GROUND).max(1) < 30).mean() > 0.9, "ground, no second shin"
    assert np.abs(image[300, 120] - SKIN).max() < 45


def without(figure: Body, side: int, seen: float) -> Body:
    """The figure with an arm that the pose network is not sure of."""
    arms = list(figure.arms)
    arms[side] = Limb(arms[side].joints, np.array([0.9, seen, seen]))
    return replace(figure, arms=(arms[0], arms[1]))


def test_an_arm_that_a_coat_hides_is_like_the_other_if_the_network_folds_it_up() -> None:
    folded: dict[Joint, tuple[float, float]] = {Joint.RIGHT_ELBOW: (66, 95), Joint.RIGHT_WRIST: (95, 60)}
    figure = without(body(folded), 0, 0.4)
    left, right = straightened(painted(figure)).arms
    assert left.joints[:, 0] == pytest.approx(200 - right.joints[:, 0], abs=0.5)
    assert left.joints[:, 1] == pytest.approx(right.joints[:, 1], abs=0.5) and left.visible[2] == 0
    sure = without(body(folded), 0, 0.9)
    assert (straightened(painted(sure)).arms[0].joints == sure.arms[0].joints).all(), "a hand before the face is seen"
    shoulder, elbow, wrist = straightened(painted(without(body(), 0, 0.0))).arms[0].joints
    assert wrist == pytest.approx(2 * elbow - shoulder), "an elbow that is not seen at all bends nowhere"
    neck = np.hypot(*(np.mgrid[: VIEW[0], : VIEW[1]] - np.array([[[70]], [[100]]]))) < 24
    at_neck = without(body({Joint.RIGHT_WRIST: (100, 70)}), 0, 0.0)
    shoulder, elbow, wrist = straightened(painted(at_neck, skin=neck)).arms[0].joints
    assert wrist == pytest.approx(2 * elbow - shoulder), "and a neck is no hand"


@pytest.mark.parametrize(("wrist", "painted_there"), [((50, 170), True), ((95, 170), False)], ids=["beside", "behind"])
def test_a_hand_that_is_not_seen_is_painted_beside_the_body_and_not_behind_it(
    wrist: tuple[int, int], painted_there: bool
) -> None:
    figure = body({Joint.RIGHT_WRIST: wrist})
    arms = (Limb(figure.arms[0].joints, np.array([1.0, 1.0, 0.0])), figure.arms[1])
    classes = regions(figure)
    _, elbow, end = figure.arms[0].joints
    classes["outerwear"] |= capsule(VIEW, elbow, end, (20, 20)) & ~classes["skin"]
    view = painted(replace(figure, arms=arms), **classes)
    nothing = np.zeros(VIEW, np.float32)
    skin = view.maps["skin"] > 0.6
    _, cover = painted_arm(view, Old(nothing, Edges(), nothing, (nothing, nothing), nothing), 0, 0.2,
                           view.maps["outerwear"] > 0.5, np.full((*VIEW, 3), SKIN, np.float32))  # fmt: skip
    assert skin.any() and (cover[wrist[1] - 3 : wrist[1] + 3, wrist[0]] > 0.5).all() == painted_there


def test_beside_an_arm_that_is_seen_no_second_one_is_painted() -> None:
    figure = body()
    view = painted(figure, **regions(figure))
    nothing = np.zeros(VIEW, np.float32)
    shoulder, elbow, wrist = figure.arms[0].joints
    fingers = wrist + 0.6 * (wrist - elbow)
    arm = capsule(VIEW, shoulder, elbow, (8, 8)) | capsule(VIEW, elbow, fingers, (7, 7))
    beside = (capsule(VIEW, shoulder, elbow, (16, 16)) | capsule(VIEW, elbow, wrist, (16, 16))) & ~arm
    tone = np.full((*VIEW, 3), SKIN, np.float32)
    painted_part: list[float] = []
    for seen in (nothing, arm.astype(np.float32)):
        _, cover = painted_arm(view, Old(nothing, Edges(), nothing, (seen, nothing), nothing), 0, 0.0, beside, tone)
        painted_part.append(float(cover[beside].sum()))
    assert painted_part[1] < 0.1 * painted_part[0]


def garment(low: float) -> Garment:
    """A garment of the shape of a dress, with a hem at a row."""
    points = {
        "shoulder_left": (70, 45), "shoulder_right": (130, 45), "armpit_left": (65, 80), "armpit_right": (135, 80),
        "hem_left": (60, low), "hem_right": (140, low),
    }  # fmt: skip
    places = {name: np.array(place, float) for name, place in points.items()}
    nothing = np.zeros((300, 200, 3), np.uint8)
    return Garment(nothing, nothing[:, :, 0], places, "top", {"dress": 1.0}, False, 1.0)


def test_a_dress_that_ends_at_the_hips_is_worn_over_trousers() -> None:
    classes = regions(body())
    trousers = painted(body(), lower=classes["lower"])
    skirt = painted(body(), skin=classes["lower"])
    assert compact.worn_as(garment(150), trousers, "dress") == "upper"
    assert compact.worn_as(garment(150), skirt, "dress") == "dress", "not over bare legs"
    assert compact.worn_as(garment(260), trousers, "dress") == "dress", "a long one takes their place"
    assert compact.worn_as(garment(150), trousers, "lower") == "lower"
