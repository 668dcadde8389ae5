"""What is woven into or printed on cloth: periodic tiles in the colours of the garment, and fabric textures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from wardrobe.fields import Field, linear, noise

type Colours = tuple[tuple[int, int, int], tuple[int, int, int], tuple[int, int, int]]
"""Ground, second colour, accent; sRGB."""

OVERSAMPLE = 4


@dataclass(frozen=True)
class Tile:
    """A texture that repeats every `period` centimetres both ways; `pixels` is (n, n, 3) linear light."""

    pixels: Field
    period: float

    def sample(self, u: Field, v: Field) -> Field:
        """Bilinear look-up at (u, v) in centimetres; shape of `u` plus (3,)."""
        size = self.pixels.shape[0]
        x, y = u * (size / self.period), v * (size / self.period)
        x0, y0 = np.floor(x), np.floor(y)
        fx, fy = (x - x0)[..., None], (y - y0)[..., None]
        columns, rows = x0.astype(np.int32) % size, y0.astype(np.int32) % size
        right, below = (columns + 1) % size, (rows + 1) % size
        top = self.pixels[rows, columns] * (1 - fx) + self.pixels[rows, right] * fx
        bottom = self.pixels[below, columns] * (1 - fx) + self.pixels[below, right] * fx
        return top * (1 - fy) + bottom * fy


class Pen:
    """Draws on a tile with wrap-around, in centimetres."""

    def __init__(self, period: float, density: float, ground: tuple[int, int, int]) -> None:
        self.period = period
        self.size = max(16, round(period * density))
        self.scale = self.size * OVERSAMPLE / period
        self.image = Image.new("RGB", (self.size * OVERSAMPLE, self.size * OVERSAMPLE), ground)
        self.draw = ImageDraw.Draw(self.image)

    def shape(self, points: NDArray[np.float64], colour: tuple[int, int, int]) -> None:
        """A filled polygon, repeated where it crosses the edge of the tile."""
        for dx in (-self.period, 0, self.period):
            for dy in (-self.period, 0, self.period):
                moved = (points + (dx, dy)) * self.scale
                low, high = moved.min(axis=0), moved.max(axis=0)
                if (high > 0).all() and (low < self.image.width).all():
                    self.draw.polygon([tuple(point) for point in moved.tolist()], fill=colour)

    def bar(self, x: float, width: float, colour: tuple[int, int, int], *, across: bool = False) -> None:
        """A stripe along the whole tile: vertical, or horizontal if `across`."""
        a, b = x * self.scale, (x + width) * self.scale
        end = self.image.width
        self.draw.rectangle((0, a, end, b) if across else (a, 0, b, end), fill=colour)

    def tile(self) -> Tile:
        pixels = np.asarray(self.image.reduce(OVERSAMPLE), np.float32) / 255
        return Tile(pixels**2.2, self.period)


def _mix(a: tuple[int, int, int], b: tuple[int, int, int], share: float) -> tuple[int, int, int]:
    red, green, blue = (round(x + (y - x) * share) for x, y in zip(a, b, strict=True))
    return red, green, blue


def _stripes(rng: Generator, density: float, colours: Colours) -> Tile:
    kind = rng.integers(0, 4)
    across = kind != 3
    period = float(rng.uniform(2.6, 6.5)) if kind else 2.4
    pen = Pen(period, density, colours[0])
    share = (0.42, 0.5, 0.3, 0.22)[kind]
    pen.bar(0.2, period * share, colours[1], across=across)
    if kind == 2:
        pen.bar(0.2 + period * 0.55, period * 0.1, colours[2], across=across)
    return pen.tile()


def _checks(rng: Generator, density: float, colours: Colours) -> Tile:
    if rng.random() < 0.4:
        period = float(rng.uniform(1.6, 3.4))
        pen = Pen(period, density, colours[0])
        half = _mix(colours[0], colours[1], 0.5)
        pen.bar(0, period / 2, half)
        pen.bar(0, period / 2, half, across=True)
        low = period / 2 * pen.scale
        pen.draw.rectangle((0, 0, low, low), fill=colours[1])
        return pen.tile()
    period = float(rng.uniform(6, 10))
    layers: list[tuple[float, float, tuple[int, int, int], float]] = [
        (0.08, 0.34, colours[1], 0.62),
        (0.2, 0.05, colours[2], 0.75),
        (0.66, 0.04, colours[2], 0.7),
        (0.78, 0.08, colours[1], 0.5),
    ]
    size = max(16, round(period * density))
    line = np.tile(np.array(colours[0], np.float32), (size * OVERSAMPLE, 1))
    for start, width, colour, share in layers:
        a, b = int(start * len(line)), int((start + width) * len(line))
        line[a:b] = line[a:b] * (1 - share) + np.array(colour, np.float32) * share
    line = line.reshape(size, OVERSAMPLE, 3).mean(axis=1)
    woven = (line[None] + line[:, None]) / 2
    return Tile(((woven / 255) ** 2.2).astype(np.float32), period)


def _circle(x: float, y: float, radius: float, count: int = 24) -> NDArray[np.float64]:
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack([x + radius * np.cos(angle), y + radius * np.sin(angle)], axis=1)


def _dots(rng: Generator, density: float, colours: Colours) -> Tile:
    period = float(rng.uniform(2.4, 5.5))
    pen = Pen(period, density, colours[0])
    radius = period * float(rng.uniform(0.13, 0.2))
    for x, y in ((0.25, 0.25), (0.75, 0.75)):
        pen.shape(_circle(x * period, y * period, radius), colours[1])
    return pen.tile()


def _petal(x: float, y: float, angle: float, length: float, width: float) -> NDArray[np.float64]:
    t = np.linspace(0, np.pi, 12)
    along, side = length * (1 - np.cos(t)) / 2, width * np.sin(t) ** 0.8
    outline = np.concatenate([np.stack([along, side], 1), np.stack([along, -side], 1)[::-1]])
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return outline @ turn + (x, y)


def _floral(rng: Generator, density: float, colours: Colours) -> Tile:
    period = float(rng.uniform(11, 15))
    pen = Pen(period, density, colours[0])
    leaf = _mix((70, 110, 66), colours[0], 0.25)
    places: list[tuple[float, float]] = []
    for _ in range(160):
        x, y = rng.uniform(0, period, 2)
        near = [np.hypot(*((np.array(p) - (x, y) + period / 2) % period - period / 2)) for p in places]
        if len(places) < 16 and all(distance > period * 0.2 for distance in near):
            places.append((float(x), float(y)))
    for i, (x, y) in enumerate(places):
        big = float(rng.uniform(0.8, 1.25)) * (1.0 if i % 3 else 1.35)
        turn = float(rng.uniform(0, 6.3))
        for side in (turn + 0.5, turn + 2.9, turn + 4.2)[: 2 + i % 2]:
            pen.shape(_petal(x, y, side, 1.9 * big, 0.34 * big), leaf)
        main = colours[1] if i % 3 else colours[2]
        for petal in range(5):
            angle = turn + petal * 2 * np.pi / 5
            pen.shape(_petal(x, y, angle, 1.25 * big, 0.5 * big), main)
            pen.shape(_petal(x, y, angle, 0.8 * big, 0.16 * big), _mix(main, (255, 255, 255), 0.35))
        pen.shape(_circle(x, y, 0.3 * big), _mix((236, 190, 70), colours[0], 0.15))
    return pen.tile()


def _print(rng: Generator, density: float, colours: Colours) -> Tile:
    """A small all-over motif: leaves, triangles or crosses."""
    period = float(rng.uniform(5, 7))
    pen = Pen(period, density, colours[0])
    kind = rng.integers(0, 3)
    for row in range(3):
        for column in range(3):
            x, y = (column + 0.5 * (row % 2)) * period / 3, (row + 0.5) * period / 3
            turn = float(rng.uniform(-0.5, 0.5)) + (row % 2) * 0.6
            colour = colours[1] if (row + column) % 3 else colours[2]
            if kind == 0:
                pen.shape(_petal(x, y, turn, period * 0.26, period * 0.06), colour)
            elif kind == 1:
                pen.shape(_circle(x, y, period * 0.1, 3), colour)
            else:
                for angle in (turn, turn + np.pi / 2):
                    bar = np.array([[-1, -0.25], [1, -0.25], [1, 0.25], [-1, 0.25]]) * period * 0.1
                    cos, sin = np.cos(angle), np.sin(angle)
                    pen.shape(bar @ np.array([[cos, sin], [-sin, cos]]) + (x, y), colour)
    return pen.tile()


_DRAWN: dict[str, Callable[[Generator, float, Colours], Tile]] = {
    "stripes": _stripes,
    "checks": _checks,
    "dots": _dots,
    "floral": _floral,
    "print": _print,
}
PATTERNS = ("plain", *_DRAWN)


def pattern(name: str, rng: Generator, density: float, colours: Colours) -> Tile:
    """The tile of a pattern.

    Args:
        name: one of `PATTERNS`.
        density: pixels per centimetre at which it will be seen; the tile is filtered for that.
        colours: ground, second colour, accent.
    """
    if name == "plain":
        return Tile(np.broadcast_to(linear(colours[0]), (2, 2, 3)), 4.0)
    return _DRAWN[name](rng, density, colours)


FABRICS = ("jersey", "poplin", "knit", "denim", "wool", "fleece", "twill", "leather", "canvas", "straw", "rib")
_TILE = 192


def fabric(name: str, rng: Generator, density: float) -> tuple[Field, Field]:
    """Tone (multiplies colour, about 1) and relief (height in pixels) of a fabric, periodic, one texel a pixel."""
    size = _TILE
    grain = rng.standard_normal((size, size), np.float32)
    tone = np.ones((size, size), np.float32)
    relief = np.zeros((size, size), np.float32)
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    if name in ("jersey", "poplin"):
        tone += 0.012 * grain
    elif name in ("twill", "canvas"):
        tone += 0.022 * grain + 0.01 * _wrap(grain, 1, 4)
    elif name == "denim":
        diagonal = np.sin((x + y) * 2 * np.pi * 64 / size)
        tone += 0.05 * diagonal + 0.05 * _wrap(grain, 6, 1) * 2 + 0.035 * grain
    elif name == "wool":
        soft = _wrap(grain, 2, 2)
        tone += 0.06 * soft + 0.03 * grain
        relief += 0.2 * soft
    elif name == "fleece":
        tone += 0.03 * _wrap(grain, 2, 2) + 0.018 * grain
    elif name in ("knit", "rib"):
        stitch = max(3.0, (0.62 if name == "knit" else 0.75) * density)
        columns = max(1, round(size / stitch))
        across = 0.5 + 0.5 * np.cos(2 * np.pi * columns * x / size)
        relief += 0.22 * stitch * across
        tone += 0.05 * (across - 0.5) + 0.02 * grain
        if name == "knit":
            rows = max(1, round(size / (stitch * 0.75)))
            side = np.abs((columns * x / size) % 1 - 0.5)
            loops = np.cos(2 * np.pi * (rows * y / size + side))
            relief += 0.08 * stitch * loops
            tone += 0.025 * loops
    elif name == "leather":
        soft = _wrap(grain, 1, 1)
        tone += 0.02 * soft
        relief += 0.08 * soft
    elif name == "straw":
        bands = max(1, round(size / max(3.0, 0.8 * density)))
        relief += 0.8 * np.cos(2 * np.pi * bands * y / size) + 0.5 * np.cos(2 * np.pi * bands * 2 * x / size)
        tone += 0.06 * grain + 0.08 * np.cos(2 * np.pi * bands * y / size)
    return tone, relief


def _wrap(field: Field, ry: int, rx: int) -> Field:
    """A periodic box blur."""
    for axis, radius in ((0, ry), (1, rx)):
        field = sum((np.roll(field, k, axis) for k in range(-radius, radius + 1)), np.zeros_like(field))
        field = field / (2 * radius + 1) ** 0.5
    return field * 0.5


def chest_print(rng: Generator, density: float, colours: Colours) -> Image.Image:
    """A graphic for the front of a top, RGBA, 22 cm square: a sun over hills, rings, a blossom or bold bars."""
    scale = density * OVERSAMPLE
    image = Image.new("RGBA", (round(22 * scale), round(22 * scale)))
    draw = ImageDraw.Draw(image)

    def disc(x: float, y: float, radius: float, colour: tuple[int, int, int]) -> None:
        draw.ellipse([v * scale for v in (x - radius, y - radius, x + radius, y + radius)], fill=colour)

    kind = rng.integers(0, 4)
    _, second, accent = colours
    if kind == 0:
        disc(11, 10, 7.5, second)
        for row in range(4):
            y = 10.5 + row * 1.7
            draw.rectangle([0, y * scale, image.width, (y + 0.35 + 0.15 * row) * scale], fill=(0, 0, 0, 0))
        for i, colour in enumerate((accent, _mix(accent, second, 0.5))):
            hill: Field = np.cumsum(noise(rng, 1, 60, 1, 9)[0]) * 0.12
            x = np.linspace(2, 20, 60)
            tilt: Field = np.linspace(hill[0], hill[-1], 60, dtype=np.float32)
            crest: Field = 16.2 + 1.4 * i + hill - tilt - 2.4 * np.sin((x - 2) / 18 * np.pi)
            ridge = [(a * scale, b * scale) for a, b in zip(x.tolist(), crest.tolist(), strict=True)]
            draw.polygon([*ridge, (20 * scale, 19.5 * scale), (2 * scale, 19.5 * scale)], fill=colour)
    elif kind == 1:
        for ring in range(4):
            disc(11, 11, 8 - 2 * ring, second if ring % 2 == 0 else accent)
    elif kind == 2:
        for petal in range(8):
            outline = _petal(11, 11, petal * np.pi / 4, 8.2, 2.0) * scale
            draw.polygon([tuple(p) for p in outline.tolist()], fill=second if petal % 2 else accent)
        disc(11, 11, 2.1, _mix(second, accent, 0.5))
    else:
        for row, width in enumerate((16, 12, 14, 8)):
            colour = accent if row == 1 else second
            draw.rounded_rectangle(
                [(11 - width / 2) * scale, (5 + row * 3) * scale, (11 + width / 2) * scale, (6.8 + row * 3) * scale],
                radius=0.9 * scale,
                fill=colour,
            )
    return image.reduce(OVERSAMPLE)
