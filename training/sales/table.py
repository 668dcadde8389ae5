"""The generated sales table: units sold of each drawn garment, by the following process.

    log(1 + units) = 4.1 + category + colour + pattern + style + sleeve - 1.2 log(price / usual price) + noise

Effects are drawn once from normal distributions (`EFFECTS`); the noise is normal, and its standard deviation depends on
the category and the pattern, because fashion is riskier than basics. The process has no season, trend, place or
competition. It shows how well the method works, and says nothing about any market.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from wardrobe import CATEGORIES, COLOURS, GarmentSpec

SEED = 62
UNIT = "units sold in the first 12 weeks (generated)"
BASE = 4.1
ELASTICITY = 1.2
EFFECTS = {"category": 0.45, "colour": 0.40, "pattern": 0.30, "style": 0.15, "sleeve": 0.12}
"""Standard deviations of the effects."""
QUIET, LOUD = 0.12, 0.9
"""Standard deviation of the noise in the most and the least predictable category."""
BOLD = {"graphic": 1.35, "floral": 1.25, "print": 1.2, "checks": 1.1}
"""Factors on the standard deviation, by pattern."""
PATTERNS = ("plain", "stripes", "checks", "dots", "floral", "print", "graphic")
FIRST, DAYS = date(2024, 1, 1), 731


@dataclass(frozen=True)
class Sales:
    """One row per garment; `expected` is log(1 + units) without the noise, the best possible prediction."""

    units: np.ndarray
    price: np.ndarray
    category: np.ndarray
    day: np.ndarray
    expected: np.ndarray
    deviation: np.ndarray


def sell(garments: Sequence[GarmentSpec], again: int = 0) -> Sales:
    """Generate the sales; equal garments give equal sales, and `again` changes only the noise."""
    rng = np.random.default_rng([SEED, 0x5A1E])
    styles = sorted({one.style for one in garments})
    sleeves = sorted({one.sleeve or "" for one in garments})
    named = {
        "category": list(CATEGORIES),
        "colour": list(COLOURS),
        "pattern": list(PATTERNS),
        "style": styles,
        "sleeve": sleeves,
    }
    effect = {
        kind: dict(zip(names, rng.normal(0, EFFECTS[kind], len(names)), strict=True)) for kind, names in named.items()
    }
    risk = dict(zip(CATEGORIES, rng.permutation(np.geomspace(QUIET, LOUD, len(CATEGORIES))), strict=True))
    logs = np.log([one.price for one in garments])
    category = np.array([CATEGORIES.index(one.category) for one in garments])
    usual = np.array(
        [logs[category == number].mean() if (category == number).any() else 0 for number in range(len(CATEGORIES))]
    )
    expected = np.array(
        [
            BASE
            + effect["category"][one.category]
            + effect["colour"][one.colour]
            + effect["pattern"][one.pattern]
            + effect["style"][one.style]
            + effect["sleeve"][one.sleeve or ""]
            for one in garments
        ]
    ) - ELASTICITY * (logs - usual[category])
    deviation = np.array([risk[one.category] * BOLD.get(one.pattern, 1.0) for one in garments])
    noise = np.random.default_rng([SEED, 0x2015E, again]).standard_normal(len(garments))
    noisy = expected + deviation * noise
    return Sales(
        units=np.round(np.expm1(noisy)).clip(0).astype(np.float32),
        price=np.exp(logs).astype(np.float32),
        category=category,
        day=FIRST.toordinal() + rng.integers(0, DAYS, len(garments)),
        expected=expected,
        deviation=deviation,
    )
