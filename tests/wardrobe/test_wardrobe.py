"""The drawn wardrobe: true masks, true attributes, the same for the same seed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from wardrobe import (
    BACKGROUNDS,
    CATEGORIES,
    COLOURS,
    LABELS,
    Garment,
    draw_garment,
    draw_mannequin,
    garment_spec,
    garment_specs,
)

SMALL = (160, 200)


def iou(a: Image.Image, b: Image.Image) -> float:
    first, second = np.asarray(a) > 0, np.asarray(b) > 0
    return float((first & second).sum() / (first | second).sum())


@cache
def styles(category: str) -> list[Garment]:
    """A garment of each style of a category."""
    return [draw_garment(garment_spec(category, 5 + variant, variant=variant), SMALL) for variant in range(3)]


@pytest.mark.parametrize("category", CATEGORIES)
def test_every_category_and_style(category: str) -> None:
    for garment in styles(category):
        mask = np.asarray(garment.mask)
        assert garment.image.size == garment.mask.size == SMALL
        assert garment.image.mode == "RGB" and garment.mask.mode == "L"
        assert set(np.unique(mask)) == {0, 255}
        assert 0.06 < (mask > 0).mean() < 0.75
        edges = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
        assert not edges.any(), "the garment must lie within the photo"


@pytest.mark.parametrize("category", ["t-shirt", "coat", "skirt", "shoes"])
def test_equal_specs_give_equal_pixels(category: str) -> None:
    first, again = (draw_garment(garment_spec(category, 3), SMALL) for _ in range(2))
    assert first.image.tobytes() == again.image.tobytes()
    assert first.mask.tobytes() == again.mask.tobytes()
    assert first.image.tobytes() != draw_garment(garment_spec(category, 4), SMALL).image.tobytes()


def test_the_mask_is_exact_at_any_size() -> None:
    for category in ("shirt", "dress", "trousers"):
        small, large = (draw_garment(garment_spec(category, 9), size).mask for size in ((200, 250), (400, 500)))
        assert iou(small, large.resize((200, 250), Image.Resampling.BOX).point(lambda v: 255 * (v >= 128))) > 0.985


def test_the_mask_parts_garment_from_ground() -> None:
    black = garment_spec("hoodie", 2, colour="black", pattern="plain", background="sweep")
    garment = draw_garment(black, (256, 320))
    grey, mask = np.asarray(garment.image.convert("L")), np.asarray(garment.mask) > 0
    assert np.median(grey[mask]) < 70 and np.median(grey[~mask]) > 215
    assert ((grey < 128) == mask).mean() > 0.97


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_the_ground_does_not_move_the_garment(background: str) -> None:
    made = garment_spec("sweater", 6, background="sweep")
    assert (
        draw_garment(made, SMALL).mask.tobytes()
        == draw_garment(replace(made, background=background), SMALL).mask.tobytes()
    )


@pytest.mark.parametrize("colour", ["red", "navy", "yellow", "green", "white", "black", "pink"])
def test_a_plain_garment_has_its_colour(colour: str) -> None:
    garment = draw_garment(garment_spec("t-shirt", 8, colour=colour, pattern="plain"), SMALL)
    seen = np.median(np.asarray(garment.image)[np.asarray(garment.mask) > 0], axis=0)
    nearest = min(COLOURS, key=lambda name: float(np.abs(np.array(COLOURS[name]) - seen).sum()))
    assert nearest == colour or np.abs(np.array(COLOURS[colour]) - seen).max() < 32


def test_patterns_show() -> None:
    plain = garment_spec("t-shirt", 4, colour="navy", pattern="plain")
    pictures = {
        name: draw_garment(replace(plain, pattern=name, secondary="white", accent="yellow"), SMALL).image.tobytes()
        for name in ("plain", "stripes", "checks", "dots", "floral", "print", "graphic")
    }
    assert len(set(pictures.values())) == len(pictures)


def test_catalogue_is_balanced() -> None:
    specs = garment_specs(200, 7)
    assert len({made.sku for made in specs}) == 200
    counts = Counter(made.category for made in specs)
    assert set(counts) == set(CATEGORIES) and max(counts.values()) - min(counts.values()) <= 1
    assert len({made.colour for made in specs}) == len(COLOURS)
    assert {"plain", "stripes", "checks", "dots", "floral", "print", "graphic"} == {made.pattern for made in specs}
    assert {made.background for made in specs} == set(BACKGROUNDS)
    for made in specs:
        assert made.price > 5 and made.title[0].isupper() and made.style in made.title
        assert made.secondary != made.colour
        assert json.loads(json.dumps(made.attributes))["sku"] == made.sku


def test_catalogue_is_seeded() -> None:
    assert garment_specs(40, 7) == garment_specs(60, 7)[:40]
    assert garment_specs(40, 7) != garment_specs(40, 8)


def test_spec_refuses_what_it_does_not_know() -> None:
    with pytest.raises(ValueError, match="category"):
        garment_spec("cape", 1)
    with pytest.raises(ValueError, match="colour"):
        garment_spec("coat", 1, colour="ultraviolet")


@pytest.mark.parametrize(("upper", "lower"), [("t-shirt", "trousers"), ("longsleeve", "skirt"), ("tank top", "shorts")])
def test_mannequin(upper: str, lower: str) -> None:
    figure = draw_mannequin(3, (192, 288), upper=upper, lower=lower)
    labels = np.asarray(figure.labels)
    assert figure.image.size == (192, 288) and set(np.unique(labels)) == set(LABELS.values())
    for name, value in LABELS.items():
        mask = np.asarray(figure.masks[name])
        assert set(np.unique(mask)) == {0, 255} and ((mask == 255) == (labels == value)).all()
    rows = {name: float(np.nonzero(labels == value)[0].mean()) for name, value in LABELS.items()}
    assert rows["hair"] < rows["upper"] < rows["lower"] < rows["footwear"]
    assert figure.attributes["upper"] == upper and figure.attributes["lower"] == lower
    assert draw_mannequin(3, (192, 288), upper=upper, lower=lower).image.tobytes() == figure.image.tobytes()


@pytest.mark.processes
def test_command_line(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "wardrobe", tmp_path / "out", "--count", "3", "--size", "96", "120"]
    subprocess.run(command, cwd=root, check=True, capture_output=True)
    written = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert len(written) == 9
    for facts in (tmp_path / "out").glob("*.json"):
        said = json.loads(facts.read_text())
        photo, mask = (Image.open(facts.parent / f"{said['sku']}{end}") for end in (".jpg", ".mask.png"))
        assert photo.size == mask.size == (96, 120)
        assert set(mask.convert("L").tobytes()) == {0, 255}


@pytest.mark.parametrize(
    "category", ["t-shirt", "shirt", "sweater", "hoodie", "jacket", "coat", "dress", "skirt", "trousers"]
)
def test_landmarks_lie_on_the_garment_and_left_is_left(category: str) -> None:
    width, height = SMALL
    for drawn in styles(category):
        inside = np.asarray(drawn.mask.filter(ImageFilter.MaxFilter(11))) > 127
        names = set(drawn.landmarks)
        assert {"shoulder_left", "neck_front", "hem_right"} <= names or {"waist_left", "waist_right"} <= names
        for name, (x, y) in drawn.landmarks.items():
            at = round(min(max(y, 0), height - 1)), round(min(max(x, 0), width - 1))
            assert inside[at], f"{name} is near the garment"
            if name.endswith("_left"):
                assert x < drawn.landmarks[name.removesuffix("left") + "right"][0]
