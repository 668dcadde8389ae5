"""Render a garment specification as a product photo with its exact mask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from PIL import Image

from wardrobe import accessories, bottoms, footwear, outerwear, tops
from wardrobe.backgrounds import background
from wardrobe.fields import linear
from wardrobe.palette import COLOURS, luminance
from wardrobe.patterns import Colours, Tile, chest_print, pattern
from wardrobe.pieces import Look
from wardrobe.specs import GarmentSpec
from wardrobe.stage import Cloth, Part, Stage, View

_CUTS: dict[str, Callable[[Look], list[Part]]] = {
    "t-shirt": tops.t_shirt,
    "longsleeve": tops.t_shirt,
    "shirt": tops.shirt,
    "sweater": tops.sweater,
    "hoodie": tops.hoodie,
    "jacket": outerwear.jacket,
    "coat": outerwear.coat,
    "dress": bottoms.dress,
    "skirt": bottoms.skirt,
    "trousers": bottoms.trousers,
    "jeans": bottoms.trousers,
    "shorts": bottoms.shorts,
    "shoes": footwear.shoes,
    "hat": accessories.hat,
    "bag": accessories.bag,
}
# fabric, height and cell of wrinkles in cm, sheen
_MAIN: dict[str, tuple[str, float, float, float]] = {
    "t-shirt": ("jersey", 0.16, 8.0, 0.01),
    "longsleeve": ("jersey", 0.16, 8.0, 0.01),
    "shirt": ("poplin", 0.2, 6.5, 0.02),
    "sweater": ("knit", 0.2, 8.0, 0.005),
    "hoodie": ("fleece", 0.28, 8.0, 0.006),
    "bomber jacket": ("poplin", 0.26, 7.0, 0.06),
    "trucker jacket": ("denim", 0.2, 6.0, 0.01),
    "blazer": ("twill", 0.1, 9.0, 0.015),
    "coat": ("wool", 0.14, 10.0, 0.008),
    "dress": ("poplin", 0.16, 6.0, 0.015),
    "skirt": ("twill", 0.12, 7.0, 0.015),
    "trousers": ("twill", 0.16, 7.0, 0.012),
    "jeans": ("denim", 0.18, 6.0, 0.01),
    "shorts": ("twill", 0.2, 6.0, 0.012),
    "shoes": ("leather", 0.03, 4.0, 0.09),
    "baseball cap": ("twill", 0.06, 5.0, 0.01),
    "beanie": ("knit", 0.08, 5.0, 0.004),
    "brimmed hat": ("wool", 0.03, 6.0, 0.01),
    "tote bag": ("canvas", 0.2, 7.0, 0.008),
    "handbag": ("leather", 0.05, 6.0, 0.1),
}


@dataclass(frozen=True, slots=True)
class Garment:
    """A drawn garment: RGB photo, mask of the same size (L, 0 or 255), attributes, and landmarks in pixels by name."""

    image: Image.Image
    mask: Image.Image
    attributes: dict[str, str | float | None]
    landmarks: dict[str, tuple[float, float]]


def draw_garment(spec: GarmentSpec, size: tuple[int, int] = (512, 640)) -> Garment:
    """Draw one garment.

    Args:
        spec: what to draw; equal specs give equal pixels.
        size: width and height of the photo in pixels.
    """
    rng = np.random.default_rng([spec.seed, 1])
    parts_rng = np.random.default_rng([spec.seed, 2])
    width, height = size
    look = _look(spec, parts_rng)
    parts = _CUTS[spec.category](look)
    outlines = np.vstack([part.outline for part in parts])
    low, high = outlines.min(axis=0), outlines.max(axis=0)
    room = rng.uniform(0.8, 0.88)
    scale = float(min(width * room / (high[0] - low[0]), height * room / (high[1] - low[1])))
    calm = spec.category in ("shoes", "hat", "bag")
    view = View(
        scale=scale,
        turn=float(np.deg2rad(rng.uniform(-2.5, 2.5) * (0.4 if calm else 1))),
        centre=((low[0] + high[0]) / 2, (low[1] + high[1]) / 2),
        middle=(width * float(rng.uniform(0.49, 0.51)), height * float(rng.uniform(0.49, 0.51))),
        sway=np.array([0.25, rng.uniform(0, 6.3), 0.18, rng.uniform(0, 6.3), 0.22, rng.uniform(0, 6.3)])
        * (0.1 if calm else 1.0),
    )
    colours = _colours(spec)
    if spec.pattern == "graphic" and (spec.category != "bag" or spec.style == "tote bag"):
        look.graphic = chest_print(np.random.default_rng([spec.seed, 3]), scale, colours)
        parts_rng = np.random.default_rng([spec.seed, 2])
        look.rng = parts_rng
        parts = _CUTS[spec.category](look)
    stage = Stage(width, height, view, _cloths(spec, colours, scale), rng)
    for part in parts:
        stage.add(part)
    photo = stage.photo(background(spec.background, rng, height, width), height_above=2.0 if calm else 1.0)
    names = list(look.points)
    placed = view(np.array([look.points[name] for name in names])) if names else np.zeros((0, 2))
    landmarks = {name: (float(x), float(y)) for name, (x, y) in zip(names, placed, strict=True)}
    return Garment(photo, stage.exact_mask(), spec.attributes, landmarks)


def _colours(spec: GarmentSpec) -> Colours:
    second = spec.secondary or spec.accent
    return COLOURS[spec.colour], COLOURS[second], COLOURS[spec.accent]


def _look(spec: GarmentSpec, rng: Generator) -> Look:
    ground = linear(COLOURS[spec.colour])
    thread = ground * 0.62 if luminance(spec.colour) > 0.2 else ground * 1.5 + 0.02
    if spec.category in ("jeans",) or spec.style == "trucker jacket":
        thread = linear((206, 150, 84)) if rng.random() < 0.7 else linear((220, 214, 200))
    if spec.category == "shoes":
        thread = np.minimum(ground * 1.3 + 0.05, 0.9)
    return Look(
        rng=rng,
        sleeve=spec.sleeve or "none",
        thread=thread.astype(np.float32),
        dark=ground * 0.5,
        variant=spec.variant,
        denim=spec.category == "jeans",
    )


def _cloths(spec: GarmentSpec, colours: Colours, density: float) -> dict[str, Cloth]:
    rng = np.random.default_rng([spec.seed, 4])
    fabric, wrinkle, cell, sheen = _MAIN.get(spec.style) or _MAIN[spec.category]
    ground = colours[0]
    name = "plain" if spec.pattern == "graphic" else spec.pattern
    tile = pattern(name, rng, density, colours)

    def flat(colour: tuple[int, int, int]) -> Tile:
        return pattern("plain", rng, density, (colour, colour, colour))

    bright = luminance(spec.colour)
    button = (226, 220, 206) if rng.random() < 0.5 else (62, 48, 38)
    if spec.category == "coat" or spec.style == "blazer":
        button = (46, 38, 34) if bright > 0.05 else (88, 74, 60)
    metal = (186, 170, 136) if rng.random() < 0.4 else (178, 180, 184)
    sole = (238, 236, 230) if spec.style == "sneakers" else (58, 46, 40)
    shade = tuple(int(channel * 0.96) for channel in ground)
    plain = (shade[0], shade[1], shade[2])
    lining = plain if spec.category in ("t-shirt", "longsleeve", "shirt", "dress", "hoodie") else _calm(plain)
    return {
        "main": Cloth(tile, fabric, wrinkle, cell, sheen),
        "lining": Cloth(flat(lining), "jersey", 0.06, 5.0, 0.0),
        "satin": Cloth(flat(_calm(plain)), "jersey", 0.16, 6.0, 0.05),
        "rib": Cloth(flat(ground), "rib", 0.06, 5.0, 0.005),
        "knit": Cloth(tile, "knit", wrinkle, cell, 0.004),
        "accent": Cloth(flat(colours[1]), fabric, 0.06, 5.0, sheen),
        "label": Cloth(flat((232, 230, 224) if bright < 0.5 else (60, 58, 60)), "jersey", 0.0, 5.0, 0.02),
        "cord": Cloth(flat((236, 234, 228) if bright < 0.6 else (90, 88, 88)), "jersey", 0.0, 5.0, 0.01),
        "button": Cloth(flat(button), "jersey", 0.0, 5.0, 0.12),
        "hole": Cloth(flat((30, 26, 24)), "jersey", 0.0, 5.0, 0.0),
        "metal": Cloth(flat(metal), "jersey", 0.0, 5.0, 0.5),
        "tape": Cloth(flat((40, 40, 44)), "twill", 0.0, 5.0, 0.01),
        "teeth": Cloth(flat((150, 150, 152)), "straw", 0.0, 5.0, 0.2),
        "sole": Cloth(flat(sole), "jersey", 0.0, 5.0, 0.03),
    }


def _calm(colour: tuple[int, int, int]) -> tuple[int, int, int]:
    grey = sum(colour) / 3
    red, green, blue = (round(channel * 0.6 + grey * 0.34) for channel in colour)
    return red, green, blue
