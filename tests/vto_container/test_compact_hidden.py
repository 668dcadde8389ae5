"""What photos hide from the compact engine: folded sleeves, ground in gaps, shoulders in a hat, arms in sleeves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from bodies import body
from numpy.typing import NDArray

from shared.vision.pose import Joint
from vto_container.engines import (
    compact_cut_out,
    compact_fit,
    compact_garment,
    compact_paint,
    compact_parts,
    compact_place,
)
from vto_container.engines.compact_body import Limb
from vto_container.engines.compact_edges import Edges
from vto_container.engines.compact_garment import Garment
from vto_container.engines.compact_old import Old, read_old
from vto_container.engines.compact_paint import Layers
from vto_container.engines.compact_place import Placed
from vto_container.engines.compact_view import View, by_colour, capsule, lowered
from wardrobe import draw_garment, garment_spec

VIEW = (360, 200)
NAMES = ("skin", "hair", "upper", "outerwear", "lower", "full_body", "footwear", "accessory")
NOTHING = np.zeros(VIEW, np.float32)
HUNCHED: dict[Joint, tuple[float, float]] = {Joint.NOSE: (100, 62), Joint.RIGHT_WRIST: (70, 20)}
"""Shoulders less than a third of their width below the nose, and a hand above them."""


def drawn(kind: str, seed: int = 1) -> Garment:
    """A drawn garment with its exact landmarks."""
    made = draw_garment(garment_spec(kind, seed), (192, 256))
    points = {name: np.array(place) for name, place in made.landmarks.items()}
    return Garment(
        np.asarray(made.image.convert("RGB")), np.asarray(made.mask), points, "top", {"longsleeve": 1.0}, False, 1.0
    )


def parsed(**classes: NDArray[Any]) -> View:
    """A view of the figure that fills the frame; `classes` are what the parser sees."""
    figure = body()
    x, y = np.arange(VIEW[1], dtype=np.float32)[None], np.arange(VIEW[0], dtype=np.float32)[:, None]
    across, down = figure.frame(x, y)
    maps = {**dict.fromkeys(NAMES, NOTHING), "person": np.ones(VIEW, np.float32), **classes}
    return View((0, 0, VIEW[1], VIEW[0]), np.zeros((*VIEW, 3), np.float32), figure, maps,
                across / figure.wide, down / figure.trunk, 1.0)  # fmt: skip


def test_shoulders_that_were_found_in_a_hat_are_lowered() -> None:
    figure = body(HUNCHED)
    hat = (np.arange(VIEW[0])[:, None] < 95) & np.ones(VIEW, bool)
    maps = dict.fromkeys(NAMES, NOTHING) | {"hair": hat.astype(np.float32), "upper": (~hat).astype(np.float32)}
    found = lowered(figure, maps)
    assert float((found.middle - found.nose) @ found.down) == pytest.approx(0.57 * figure.wide, abs=0.5)
    assert (found.hips == figure.hips).all(), "hips that are seen stay"
    for shoulder, elbow, wrist in (arm.joints[:, 1] for arm in found.arms):
        assert shoulder < elbow < wrist, "and the arms hang"
    assert lowered(body(), maps).wide == figure.wide, "others stay"


@pytest.mark.parametrize("worn", ["upper", "outerwear", "full_body", "skin"])
def test_shoulders_that_are_drawn_up_stay(worn: str) -> None:
    figure = body(HUNCHED)
    maps = dict.fromkeys(NAMES, NOTHING) | {worn: np.ones(VIEW, np.float32)}
    assert lowered(figure, maps) is figure


def folded(garment: Garment, side: str, share: float) -> Garment:
    """The garment with a sleeve that ends at a share of its length."""
    points = dict(garment.points)
    for part in ("outer", "inner"):
        shoulder = points[f"shoulder_{side}"]
        points[f"cuff_{part}_{side}"] = shoulder + share * (points[f"cuff_{part}_{side}"] - shoulder)
    return replace(garment, points=points)


@pytest.mark.parametrize(("side", "number"), [("left", 0), ("right", 1)])
def test_a_folded_sleeve_is_like_the_other(side: str, number: int) -> None:
    garment = drawn("longsleeve")
    assert compact_parts.folded(garment) is None
    short = folded(garment, side, 0.5)
    assert compact_parts.folded(short) == number
    parts = compact_parts.unfolded(short, compact_parts.cut(short))
    assert parts.sleeves[0] is parts.sleeves[1]
    placed = compact_place.place_top(short, body(), VIEW, Edges(), dress=False)
    assert placed.reach[0] == pytest.approx(placed.reach[1], abs=0.02) and placed.reach[0] > 0.8
    sleeve = placed.sleeves[number]
    assert sleeve is not None
    places = sleeve[np.isfinite(sleeve[:, :, 0])]
    middle = garment.middle("neck")[0]
    assert ((places[:, 0] > middle) == (number == 0)).mean() > 0.95, "its cloth is that of the other side"


def test_both_sleeves_short_and_those_of_t_shirts_stay() -> None:
    garment = drawn("longsleeve")
    assert compact_parts.folded(folded(folded(garment, "left", 0.5), "right", 0.5)) is None
    shirt = replace(folded(garment, "left", 0.5), kinds={"t-shirt": 1.0})
    assert compact_parts.folded(shirt) is None


def in_pink(printed: bool) -> tuple[Garment, NDArray[Any]]:
    """A grey garment on a pink ground, a strip of which was taken for a part of it; and the strip."""
    inside = np.zeros((256, 192), bool)
    inside[30:230, 30:160] = True
    strip = np.zeros_like(inside)
    strip[60:200, 60:64] = True
    image = np.where(inside[:, :, None], (150, 150, 152), (210, 60, 140)).astype(np.uint8)
    image[strip] = (190, 50, 125)
    if printed:
        image[80:180, 90:130] = (200, 58, 133)
    return Garment(image, inside.astype(np.uint8) * 255, {}, "top", {}, False, 1.0), strip


def test_ground_in_a_gap_of_a_garment_gets_the_colour_of_the_cloth() -> None:
    garment, strip = in_pink(printed=False)
    colours = compact_garment.solid_colours(garment)
    assert np.abs(colours[strip] - 151).max() < 12
    printed, _ = in_pink(printed=True)
    shown = compact_garment.solid_colours(printed)[90:170, 100:120]
    assert np.abs(shown - (200, 58, 133)).max() < 12, "a print of the same hue stays"


def test_a_label_makes_no_hole_and_a_gap_at_the_arm_does() -> None:
    alpha = np.zeros((256, 192), np.uint8)
    alpha[30:230, 30:160] = 255
    holed = alpha.copy()
    holed[50:60, 90:96] = 0
    assert (compact_cut_out.closed(holed) == alpha).all()
    holed[80:180, 40:60] = 0
    assert (compact_cut_out.closed(holed)[90:170, 45:55] == 0).all()


def sleeved(reach: float, skin: NDArray[Any], front: NDArray[Any]) -> Layers:
    """Layers with a sleeve on the left that lies beside the arm, over visible skin."""
    view = parsed(skin=skin)
    limb = view.body.arms[0]
    beside = capsule(VIEW, limb.joints[0] - (12, 0), limb.joints[1] - (12, 0), (6, 6)).astype(np.float32)
    colours = np.full((*VIEW, 3), 90.0, np.float32)
    layers = Layers((colours, NOTHING), NOTHING, ((colours, beside), None))
    field = np.full((*VIEW, 2), np.nan, np.float32)
    placed = Placed(field, (field, None), np.zeros((1, 2)), 1.0, (reach, 0.0))
    old = Old(NOTHING, Edges(), front, (skin, NOTHING), NOTHING)
    return compact_paint.over_arms(layers, view, old, placed)


def test_a_sleeve_covers_the_arm_in_it_and_no_more() -> None:
    figure = body()
    shoulder, elbow, wrist = figure.arms[0].joints
    skin = capsule(VIEW, shoulder, elbow, (5, 5)) | capsule(VIEW, elbow, wrist, (5, 5))
    sleeve = sleeved(1.0, skin.astype(np.float32), NOTHING).sleeves[0]
    assert sleeve is not None
    assert (sleeve[1][95:150][skin[95:150]] > 0.5).mean() > 0.97 and np.abs(sleeve[0][skin][:, 0] - 90).max() < 1
    assert (sleeve[1][185:] == 0).all(), "not beyond the cuff"
    short = sleeved(0.4, skin.astype(np.float32), NOTHING).sleeves[0]
    assert short is not None and (short[1][140:][skin[140:]] < 0.1).all(), "and no forearm below a short sleeve"
    hidden = sleeved(1.0, skin.astype(np.float32), np.ones(VIEW, np.float32)).sleeves[0]
    assert hidden is not None and (hidden[1][150:] < 0.1).all(), "what is in front stays"


def test_the_edge_of_a_bag_is_even_and_a_strap_stays() -> None:
    bag = np.zeros(VIEW, np.float32)
    bag[200:260, 120:180] = 1
    bag[215:219, 120:124] = 0
    bag[140:200, 150:152] = 1
    old = read_old(parsed(upper=1 - bag, accessory=bag), "upper")
    assert (old.front[215:219, 122:124] > 0.5).all(), "no notch"
    assert (old.front[150:190, 150:152] == 1).all() and (old.front[225:240, 130:170] == 1).all()


def test_colour_takes_nothing_from_the_edge_of_a_bag() -> None:
    y, x = np.mgrid[: VIEW[0], : VIEW[1]]
    bag = (np.abs(x - 30) < 14) & (np.abs(y - 250) < 20)
    edge = (np.abs(x - 30) < 14) & (y >= 270) & (y < 274)
    coat = (np.abs(x - 100) < 45) & (y > 80) & (y < 300)
    pixels = np.zeros((*VIEW, 3), np.uint8)
    pixels[coat | edge], pixels[bag] = (40, 44, 50), (150, 90, 60)
    half = edge * np.float32(0.5)
    maps = {"upper": NOTHING, "outerwear": coat + half, "lower": NOTHING, "full_body": NOTHING}
    found = by_colour({**maps, "accessory": bag + half}, pixels, body())
    assert (found["accessory"][edge] >= 0.49).all()


def test_the_skirt_of_a_dress_stays_below_a_top_beside_which_it_is_seen() -> None:
    dress = np.zeros(VIEW, np.float32)
    dress[80:280, 60:140] = 1
    old = read_old(parsed(full_body=dress), "upper")
    assert (old.chance[100:165, 70:130] == 1).all() and (old.chance[175:280, 60:140] == 0).all()


def test_the_outline_of_a_coat_shows_no_armhole() -> None:
    """A garment without sleeves keeps its shoulders where an old coat was wider."""
    spec = garment_spec("dress", 1, sleeve="none")
    made = draw_garment(spec, (192, 256))
    points = {name: np.array(place) for name, place in made.landmarks.items() if not name.startswith("cuff")}
    garment = Garment(np.asarray(made.image.convert("RGB")), np.asarray(made.mask), points, "top", {}, False, 1.0)
    placed = compact_place.place_top(garment, body(), VIEW, Edges(), dress=True)
    coat = np.zeros(VIEW, np.float32)
    coat[72:230, 56:144] = 1
    view = parsed(outerwear=coat)
    old = Old(coat, Edges(), NOTHING, (NOTHING, NOTHING), NOTHING)
    parts = compact_parts.cut(garment)
    before = compact_fit.opacity(placed, parts, 1)
    after = compact_fit.opacity(compact_fit.fit(placed, parts, view, old, "dress", legs=False), parts, 1)
    shoulders = (np.abs(view.across) > 0.45) & (view.down < 0.4)
    assert np.abs(after - before)[shoulders].mean() < 0.02


def test_a_coat_does_not_widen_the_trunk_over_arms_it_hides() -> None:
    garment = drawn("t-shirt")
    coat = np.zeros(VIEW, np.float32)
    coat[75:240, 40:160] = 1
    view = parsed(outerwear=coat)
    arms = tuple(Limb(arm.joints, np.array([1.0, 0.6, 0.0])) for arm in view.body.arms)
    guessed = replace(view, body=replace(view.body, arms=(arms[0], arms[1])))
    placed = compact_place.place_top(garment, view.body, VIEW, Edges(), dress=False)
    assert 0 < placed.reach[0] < 0.6
    hidden = compact_fit.hidden_arms(placed, guessed)
    assert hidden is not None and hidden[150, 58] and not hidden[150, 100]
    assert compact_fit.hidden_arms(placed, view) is None, "arms that are seen say where they are"
