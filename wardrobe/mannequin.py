"""A faceless full-length mannequin in simple clothes, with the class of every pixel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from PIL import Image

from wardrobe.backgrounds import background
from wardrobe.mannequin_parts import LABELS, body_parts
from wardrobe.palette import COLOURS, partners
from wardrobe.patterns import Colours, pattern
from wardrobe.stage import Cloth, Stage, View

_SKINS = ((240, 208, 184), (226, 182, 150), (198, 148, 112), (156, 106, 76), (112, 74, 54), (78, 52, 40))
_HAIRS = ((38, 30, 28), (74, 50, 36), (120, 82, 50), (190, 150, 96), (96, 40, 26), (140, 138, 136))
UPPERS = ("t-shirt", "longsleeve", "tank top")
LOWERS = ("trousers", "skirt", "shorts")


@dataclass(frozen=True, slots=True)
class Mannequin:
    """A drawn person."""

    image: Image.Image
    labels: Image.Image
    """L, same size: the value of `LABELS` for every pixel."""
    masks: Mapping[str, Image.Image]
    """One L picture of 0 or 255 for every name in `LABELS`."""
    attributes: dict[str, str]


def draw_mannequin(
    seed: int, size: tuple[int, int] = (512, 768), *, upper: str | None = None, lower: str | None = None
) -> Mannequin:
    """Draw a standing mannequin in the neutral pose.

    Args:
        seed: equal seeds give equal pixels.
        size: width and height in pixels.
        upper: one of `UPPERS`; chosen from the seed if None.
        lower: one of `LOWERS`; chosen from the seed if None.
    """
    rng = np.random.default_rng([seed, 0xF16])
    width, height = size
    upper = upper or str(rng.choice(UPPERS))
    lower = lower or str(rng.choice(LOWERS))
    scale = min(height * 0.9 / 178, width * 0.94 / 66)
    view = View(scale, float(np.deg2rad(rng.uniform(-0.8, 0.8))), (0, 88), (width / 2, height * 0.5))
    cloths, attributes = choose_cloths(rng, scale)
    stage = Stage(width, height, view, cloths, rng)
    for part in body_parts(rng, upper, lower):
        stage.add(part)
    ground = background(str(rng.choice(["sweep", "paper", "concrete"], p=[0.5, 0.4, 0.1])), rng, height, width)
    photo = stage.photo(ground, height_above=2.5)
    masks = {
        name: Image.fromarray(np.where(stage.labels == value, 255, 0).astype(np.uint8))
        for name, value in LABELS.items()
    }
    attributes |= {"upper": upper, "lower": lower}
    return Mannequin(photo, Image.fromarray(stage.labels), masks, attributes)


def choose_cloths(rng: Generator, density: float) -> tuple[dict[str, Cloth], dict[str, str]]:
    """Choose the cloth of every part at `density` pixels a centimetre; returns them by name, and the attributes."""
    skin, hair = _SKINS[int(rng.integers(0, 6))], _HAIRS[int(rng.integers(0, 6))]
    names = {"upperColour": str(rng.choice(list(COLOURS))), "lowerColour": ""}
    names["lowerColour"] = str(rng.choice(partners(names["upperColour"])))
    shoe = COLOURS[str(rng.choice(["white", "black", "brown", "camel", "navy"]))]

    def cloth(colours: Colours, name: str, fabric: str, wrinkle: float, cell: float = 7, sheen: float = 0.01) -> Cloth:
        return Cloth(pattern(name, rng, density, colours), fabric, wrinkle, cell, sheen)

    def single(colour: tuple[int, int, int]) -> Colours:
        return colour, colour, colour

    names["upperPattern"] = str(rng.choice(["plain", "plain", "stripes", "dots", "checks"]))
    second, accent = (COLOURS[str(name)] for name in rng.choice(partners(names["upperColour"]), 2, replace=False))
    return {
        "skin": cloth(single(skin), "plain", "jersey", 0, 7, 0.02),
        "hair": cloth(single(hair), "plain", "denim", 0.1, 3, 0.05),
        "upper": cloth((COLOURS[names["upperColour"]], second, accent), names["upperPattern"], "jersey", 0.2),
        "band": cloth(single(COLOURS[names["upperColour"]]), "plain", "rib", 0.0),
        "lower": cloth(single(COLOURS[names["lowerColour"]]), "plain", "twill", 0.18),
        "shoe": cloth(single(shoe), "plain", "leather", 0.02, 7, 0.08),
        "sole": cloth(single((232, 230, 224)), "plain", "jersey", 0.0),
    }, names
