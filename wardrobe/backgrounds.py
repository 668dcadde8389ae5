"""What garments lie on, in linear light."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from wardrobe.fields import Field, blurred, layered, linear, noise

type Light = Field


def _toned(field: Field, colour: tuple[int, int, int]) -> Light:
    return np.clip(field, 0.05, 2.0)[..., None] * linear(colour)


def _sweep(rng: Generator, height: int, width: int) -> Light:
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    soft = 1.0 - 0.05 * y + 0.012 * noise(rng, height, width, height / 2)
    return _toned(soft, (246, 246, 245))


def _paper(rng: Generator, height: int, width: int) -> Light:
    colours = [(222, 214, 204), (206, 214, 220), (226, 206, 202), (208, 216, 204), (214, 210, 222), (228, 218, 190)]
    soft = 1 + 0.015 * layered(rng, height, width, height / 3) + 0.008 * noise(rng, height, width, 2)
    return _toned(soft, colours[int(rng.integers(0, len(colours)))])


def _wood(rng: Generator, height: int, width: int) -> Light:
    tones = [(176, 136, 98), (206, 176, 138), (128, 94, 68), (196, 186, 172)]
    tone = tones[int(rng.integers(0, len(tones)))]
    upright = rng.random() < 0.5
    if upright:
        height, width = width, height
    planks = int(rng.integers(4, 7))
    size = -(-height // planks)
    rows: list[Field] = []
    for _ in range(planks):
        bend = noise(rng, size, width, size * 0.9, width / 3)
        y = np.linspace(0, 1, size, dtype=np.float32)[:, None]
        rings = np.sin((y * float(rng.uniform(3, 8)) + bend * 0.55) * 2 * np.pi)
        fibre = noise(rng, size, width, 1.6, width / 9) + 0.7 * noise(rng, size, width, 3.5, width / 5)
        board = 1 + 0.06 * rings + 0.055 * fibre + float(rng.uniform(-0.09, 0.09))
        edge = np.minimum(np.arange(size), np.arange(size)[::-1])[:, None]
        rows.append(board * (1 - 0.55 * np.exp(-((edge / max(1.0, height / 380)) ** 2))))
    grain = np.concatenate(rows)[:height].astype(np.float32)
    return _toned(grain.T if upright else grain, tone)


def _linen(rng: Generator, height: int, width: int) -> Light:
    threads = noise(rng, height, width, 1.5, 22) + noise(rng, height, width, 22, 1.5)
    folds = np.abs(layered(rng, height, width, height / 3, 2))
    lean = np.gradient(blurred(folds.astype(np.float32), height / 70), axis=1) * height / 9
    return _toned(1 + 0.03 * threads + 0.13 * np.tanh(lean), (218, 208, 192))


def _carpet(rng: Generator, height: int, width: int) -> Light:
    colours = [(150, 140, 132), (196, 184, 170), (98, 108, 120)]
    tufts = noise(rng, height, width, 3.2) + 0.8 * noise(rng, height, width, 1.8)
    return _toned(1 + 0.14 * tufts + 0.05 * layered(rng, height, width, height / 5), colours[int(rng.integers(0, 3))])


def _concrete(rng: Generator, height: int, width: int) -> Light:
    stains = layered(rng, height, width, height / 3, 5)
    pores = np.clip(noise(rng, height, width, 2.4) - 1.5, 0, 1)
    return _toned(1 + 0.07 * stains - 0.25 * pores + 0.02 * noise(rng, height, width, 1.6), (176, 174, 170))


_DRAWN: dict[str, Callable[[Generator, int, int], Light]] = {
    "sweep": _sweep,
    "paper": _paper,
    "wood": _wood,
    "linen": _linen,
    "carpet": _carpet,
    "concrete": _concrete,
}
BACKGROUNDS = tuple(_DRAWN)


def background(name: str, rng: Generator, height: int, width: int) -> Light:
    """One of `BACKGROUNDS`, (height, width, 3)."""
    return np.ascontiguousarray(_DRAWN[name](rng, height, width), np.float32)
