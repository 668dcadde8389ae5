"""Pictures (h, w, 3) uint8 that show nothing: one colour, gradients, noise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def plain(*colour: int) -> Callable[[int, int], Any]:
    return lambda height, width: np.full((height, width, 3), colour, np.uint8)


def noise(height: int, width: int) -> Any:
    return np.random.default_rng(5).integers(0, 256, (height, width, 3), np.uint8)


def grain(height: int, width: int) -> Any:
    """Grey, of a dark photo's kind."""
    one = np.random.default_rng(6).normal(60, 12, (height, width, 1)).clip(0, 255)
    return one.astype(np.uint8).repeat(3, 2)


def gradient(height: int, width: int) -> Any:
    """From dark to light, downwards."""
    return np.linspace(0, 255, height).astype(np.uint8)[:, None, None].repeat(width, 1).repeat(3, 2)


def dusk(height: int, width: int) -> Any:
    """Each colour in its own direction."""
    y, x = np.mgrid[0:1:height * 1j, 0:1:width * 1j]  # fmt: skip
    return np.stack([200 * y + 30, 150 * x + 60, 200 * (1 - y)], 2).astype(np.uint8)


NOTHING: dict[str, Callable[[int, int], Any]] = {
    "white": plain(255, 255, 255),
    "black": plain(0, 0, 0),
    "grey": plain(221, 221, 221),
    "skin": plain(224, 172, 140),
    "noise": noise,
    "grain": grain,
    "gradient": gradient,
    "dusk": dusk,
}
