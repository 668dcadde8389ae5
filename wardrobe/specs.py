"""Specifications of garments: balanced, seeded lists with the attributes of every garment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.random import Generator

from wardrobe.backgrounds import BACKGROUNDS
from wardrobe.palette import COLOURS, LEATHER, partners

SEGMENTS: Mapping[str, str] = MappingProxyType(
    {
        "t-shirt": "upper",
        "longsleeve": "upper",
        "shirt": "upper",
        "sweater": "upper",
        "hoodie": "upper",
        "jacket": "outer",
        "coat": "outer",
        "dress": "dress",
        "skirt": "lower",
        "trousers": "lower",
        "jeans": "lower",
        "shorts": "lower",
        "shoes": "footwear",
        "hat": "accessory",
        "bag": "accessory",
    }
)
"""The class of every category in the garment parser's vocabulary."""

CATEGORIES = tuple(SEGMENTS)
_EVEN = ("plain", "plain", "plain", "stripes", "checks", "dots", "floral", "print")
_PATTERNS: dict[str, tuple[str, ...]] = {
    "t-shirt": ("plain", "plain", "stripes", "stripes", "print", "dots", "graphic", "graphic"),
    "longsleeve": ("plain", "plain", "stripes", "stripes", "dots"),
    "shirt": ("plain", "plain", "stripes", "checks", "checks", "dots", "floral", "print"),
    "sweater": ("plain", "plain", "plain", "stripes"),
    "hoodie": ("plain", "plain", "graphic"),
    "jacket": ("plain", "plain", "plain", "checks"),
    "coat": ("plain", "plain", "plain", "checks"),
    "dress": ("plain", "plain", "floral", "floral", "dots", "stripes", "print", "checks"),
    "skirt": ("plain", "plain", "floral", "checks", "dots", "print"),
    "trousers": ("plain", "plain", "plain", "checks", "stripes"),
    "jeans": ("plain",),
    "shorts": ("plain", "plain", "stripes", "checks", "floral", "print"),
    "shoes": ("plain",),
    "hat": ("plain",),
    "bag": ("plain", "plain", "graphic", "stripes", "print"),
}
_SLEEVES: dict[str, tuple[str, ...]] = {
    "t-shirt": ("short",),
    "longsleeve": ("long",),
    "shirt": ("long", "long", "short"),
    "sweater": ("long",),
    "hoodie": ("long",),
    "jacket": ("long",),
    "coat": ("long",),
    "dress": ("none", "short", "short", "long"),
}
_PRICES: dict[str, tuple[int, int]] = {
    "t-shirt": (12, 35),
    "longsleeve": (18, 45),
    "shirt": (30, 80),
    "sweater": (40, 120),
    "hoodie": (35, 90),
    "jacket": (70, 190),
    "coat": (120, 340),
    "dress": (40, 160),
    "skirt": (28, 90),
    "trousers": (40, 110),
    "jeans": (50, 120),
    "shorts": (22, 60),
    "shoes": (55, 180),
    "hat": (15, 60),
    "bag": (20, 160),
}
_STYLES: dict[str, tuple[str, ...]] = {
    "jacket": ("bomber jacket", "trucker jacket", "blazer"),
    "skirt": ("flared skirt", "pleated skirt", "pencil skirt"),
    "dress": ("skater dress", "midi dress", "tiered dress"),
    "shoes": ("sneakers", "loafers", "ankle boots"),
    "hat": ("baseball cap", "beanie", "brimmed hat"),
    "bag": ("tote bag", "handbag"),
    "trousers": ("slim trousers", "straight trousers", "wide trousers"),
}
_DENIM = ("navy", "blue", "sky", "black", "charcoal", "grey")


@dataclass(frozen=True, slots=True)
class GarmentSpec:
    """One garment. `variant` picks the style of its cut; `seed` everything that has no name."""

    sku: str
    seed: int
    category: str
    colour: str
    secondary: str | None
    accent: str
    pattern: str
    sleeve: str | None
    variant: int
    background: str
    title: str
    price: float

    @property
    def style(self) -> str:
        """The name of the cut: "blazer" where the category says "jacket"."""
        styles = _STYLES.get(self.category, (self.category,))
        return styles[self.variant % len(styles)]

    @property
    def attributes(self) -> dict[str, str | float | None]:
        """What is true of the picture, as JSON has it."""
        return {
            "sku": self.sku,
            "title": self.title,
            "category": self.category,
            "style": self.style,
            "segment": SEGMENTS[self.category],
            "colour": self.colour,
            "secondaryColour": self.secondary,
            "pattern": self.pattern,
            "sleeve": self.sleeve,
            "background": self.background,
            "price": self.price,
            "currency": "EUR",
        }


def garment_specs(count: int, seed: int) -> list[GarmentSpec]:
    """`count` garments: categories, and within them patterns, styles and colours, as evenly as the count allows.

    The same arguments give the same list, and a longer list begins with the shorter one.
    """
    rng = np.random.default_rng([seed, 0x57A2D])
    colours = list(COLOURS)
    specs: list[GarmentSpec] = []
    for index in range(count):
        category = CATEGORIES[index % len(CATEGORIES)]
        turn = index // len(CATEGORIES)
        if turn % 5 == 0 and index % len(CATEGORIES) == 0:
            rng.shuffle(colours)
        colour = colours[(index * 7 + turn) % len(colours)]
        specs.append(_spec(rng, index, seed, category, turn, colour))
    return specs


def garment_spec(category: str, seed: int, **changes: str | int | float | None) -> GarmentSpec:
    """One garment of a category with some of its properties given, the rest drawn from the seed.

    Raises:
        ValueError: an unknown category or colour.
    """
    if category not in SEGMENTS:
        raise ValueError(f"no such category: {category}")
    rng = np.random.default_rng([seed, 0x0E5])
    colour = str(changes.get("colour") or rng.choice(list(COLOURS)))
    if colour not in COLOURS:
        raise ValueError(f"no such colour: {colour}")
    made = _spec(rng, 0, seed, category, int(rng.integers(0, 12)), colour)
    made = replace(made, **changes)  # type: ignore[arg-type]
    return replace(made, title=str(changes.get("title") or _title(made)))


def _spec(rng: Generator, index: int, seed: int, category: str, turn: int, colour: str) -> GarmentSpec:
    if category == "jeans" and colour not in _DENIM:
        colour = _DENIM[turn % len(_DENIM)]
    if category in ("shoes", "bag") and colour not in LEATHER and rng.random() < 0.6:
        colour = LEATHER[int(rng.integers(0, len(LEATHER)))]
    patterns = _PATTERNS[category]
    pattern = patterns[(turn + int(rng.integers(0, 2))) % len(patterns)]
    variant = turn + (1 if category in ("coat", "skirt") else 0)
    if pattern == "graphic" and category == "bag":
        variant += variant % 2
    choices = [name for name in partners(colour) if name != colour]
    second, accent = (str(name) for name in rng.choice(choices, 2, replace=False))
    two_toned = pattern != "plain" or category in ("shoes", "hat")
    sleeves = _SLEEVES.get(category)
    low, high = _PRICES[category]
    price = round(float(np.exp(rng.uniform(np.log(low), np.log(high))))) - 0.05
    made = GarmentSpec(
        sku=f"{category.upper().replace('-', '')[:4]}-{seed:02d}{index:04d}",
        seed=int(rng.integers(0, 2**31)),
        category=category,
        colour=colour,
        secondary=second if two_toned else None,
        accent=accent,
        pattern=pattern,
        sleeve=sleeves[(turn + int(rng.integers(0, 2))) % len(sleeves)] if sleeves else None,
        variant=variant,
        background=BACKGROUNDS[int(rng.choice(len(BACKGROUNDS), p=[0.4, 0.24, 0.12, 0.1, 0.05, 0.09]))],
        title="",
        price=round(price, 2),
    )
    return replace(made, title=_title(made))


_SAID = {
    "plain": "",
    "stripes": "striped",
    "checks": "checked",
    "dots": "dotted",
    "floral": "floral",
    "print": "printed",
    "graphic": "graphic",
}


def _title(made: GarmentSpec) -> str:
    sleeve = ""
    if made.category in ("shirt", "dress") and made.sleeve:
        sleeve = "sleeveless" if made.sleeve == "none" else f"{made.sleeve}-sleeved"
    words = [made.colour, _SAID[made.pattern], sleeve, made.style]
    title = " ".join(word for word in words if word)
    if made.secondary and made.pattern != "plain":
        title += f" in {made.colour} and {made.secondary}"
        title = title.removeprefix(f"{made.colour} ")
    return title[:1].upper() + title[1:]
