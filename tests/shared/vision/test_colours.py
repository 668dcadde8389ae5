"""Dominant colours: measured inside the mask, named, deterministic."""

from __future__ import annotations

import numpy as np
import pytest

from shared.vision import colours
from wardrobe import COLOURS, draw_garment, garment_specs


@pytest.mark.parametrize("name", sorted(set(colours.REFERENCE_COLOURS) & set(COLOURS)))
def test_a_plain_fabric_has_its_colour_name_in_light_and_shade(name: str) -> None:
    rng = np.random.default_rng(3)
    shade = np.linspace(0.92, 1.06, 80)[None, :, None]
    picture = (np.array(COLOURS[name]) * shade + rng.normal(0, 3, (60, 80, 3))).clip(0, 255).astype(np.uint8)
    found = colours.dominant_colours(picture, np.ones((60, 80), bool))
    assert found[0].name == name
    assert found[0].share > 0.8


def test_two_colours_have_their_shares_and_the_background_does_not_count() -> None:
    picture = np.zeros((60, 90, 3), np.uint8)
    picture[:, :30], picture[:, 30:60], picture[:, 60:] = COLOURS["navy"], COLOURS["white"], COLOURS["orange"]
    mask = np.zeros((60, 90), bool)
    mask[:, 10:60] = True
    found = {one.name: one.share for one in colours.dominant_colours(picture, mask)}
    assert found == {"white": pytest.approx(0.6, abs=0.02), "navy": pytest.approx(0.4, abs=0.02)}
    assert colours.dominant_colours(picture, mask) == colours.dominant_colours(picture, mask)
    assert colours.dominant_colours(picture, np.zeros_like(mask)) == []


def test_lab_matches_published_values() -> None:
    """White, mid grey and the primaries of sRGB, as published for D65."""
    found = colours.to_lab(np.array([[255, 255, 255], [119, 119, 119], [255, 0, 0], [0, 0, 255]], np.uint8))
    expected = [[100, 0, 0], [50.03, 0, 0], [53.24, 80.09, 67.2], [32.3, 79.19, -107.86]]
    assert np.abs(found - np.array(expected)).max() < 0.1


def test_drawn_garments_get_the_colour_they_were_drawn_in() -> None:
    plain = [
        spec for spec in garment_specs(60, 21) if spec.pattern == "plain" and spec.colour in colours.REFERENCE_COLOURS
    ][:24]
    right = 0
    for spec in plain:
        garment = draw_garment(spec, (160, 200))
        found = colours.dominant_colours(np.asarray(garment.image.convert("RGB")), np.asarray(garment.mask) > 127)
        right += found[0].name == spec.colour
    assert right / len(plain) >= 0.75
