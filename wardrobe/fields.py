"""Smooth random fields and blurs, all float32 and quick at the sizes of a product photo."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image

type Field = NDArray[np.floating[Any]]
"""A float32 array; the stubs of numpy widen its arithmetic with Python floats to float64."""


def resized(field: Field, height: int, width: int) -> Field:
    """Bicubic resampling."""
    if field.shape == (height, width):
        return field
    image = Image.fromarray(np.ascontiguousarray(field, np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC))


def noise(rng: Generator, height: int, width: int, cell_y: float, cell_x: float | None = None) -> Field:
    """Smooth noise with about one bump every `cell` pixels; mean 0, deviation about 0.7."""
    rows, columns = int(height / cell_y) + 4, int(width / (cell_x or cell_y)) + 4
    grid = rng.standard_normal((rows, columns), np.float32)
    high, wide = int(rows * cell_y), int(columns * (cell_x or cell_y))
    y, x = int(rng.integers(0, max(1, high - height))), int(rng.integers(0, max(1, wide - width)))
    return resized(grid, max(high, y + height), max(wide, x + width))[y : y + height, x : x + width]


def layered(rng: Generator, height: int, width: int, cell: float, octaves: int = 3) -> Field:
    """Noise with ever finer detail of half the strength each."""
    total = noise(rng, height, width, cell)
    for octave in range(1, octaves):
        total = total + noise(rng, height, width, max(1.5, cell / 2**octave)) / 2**octave
    return total


def blurred(field: Field, radius: float) -> Field:
    """A near-Gaussian blur with standard deviation `radius` pixels; edges repeat."""
    if radius < 0.4:
        return field
    shrink = max(1, int(radius / 2))
    height, width = field.shape
    if shrink > 1:
        small = resized_down(field, -(-height // shrink), -(-width // shrink))
        return resized(blurred(small, radius / shrink), height, width)
    box = max(1, round(radius * 1.2))
    for _ in range(2):
        field = _box(_box(field, box, 0), box, 1)
    return field


def resized_down(field: Field, height: int, width: int) -> Field:
    """Area average, for shrinking."""
    image = Image.fromarray(np.ascontiguousarray(field, np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BOX))


def _box(field: Field, half: int, axis: int) -> Field:
    first, last = (field[:1], field[-1:]) if axis == 0 else (field[:, :1], field[:, -1:])
    # Edges repeat; `np.pad` takes three times as long for fields as small as these.
    padded = np.concatenate([first.repeat(half + 1, axis), field, last.repeat(half, axis)], axis)
    sums = np.cumsum(padded, axis=axis, dtype=np.float32)
    size = 2 * half + 1
    upper = sums[size:] if axis == 0 else sums[:, size:]
    lower = sums[:-size] if axis == 0 else sums[:, :-size]
    return (upper - lower) / np.float32(size)


def linear(rgb: tuple[int, int, int]) -> Field:
    """sRGB 0..255 to linear light 0..1."""
    return (np.array(rgb, np.float32) / 255) ** 2.2


_LEVELS = 8191


def _curve() -> NDArray[np.uint8]:
    light = np.linspace(0, 1.5, _LEVELS + 1)
    soft = np.where(light > 0.9, 0.9 + 0.1 * np.tanh((light - 0.9) / 0.1), light)
    return (soft ** (1 / 2.2) * 255 + 0.5).astype(np.uint8)


_DISPLAY = _curve()


def display(light: Field) -> NDArray[np.uint8]:
    """Linear light to sRGB 0..255, with highlights rolled off softly above 0.9."""
    return _DISPLAY[(light * np.float32(_LEVELS / 1.5)).clip(0, _LEVELS).astype(np.int16)]
