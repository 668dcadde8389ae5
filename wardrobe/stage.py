"""The photographer's table: parts of cloth are laid one on another, lit from the upper left and photographed.

Everything is in centimetres until it is drawn. Light is computed linearly; each part is a height field
(roundness at its edges, folds, wrinkles, seams, weave) whose slope decides how bright it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from wardrobe.fields import Field, blurred, display, layered, noise, resized, resized_down
from wardrobe.patterns import Tile, fabric
from wardrobe.shapes import Points, flipped

SUPERSAMPLE = 4


@dataclass(frozen=True)
class Cloth:
    """A material: its pattern, fabric texture, and how it wrinkles (cell in cm, height in cm) and shines."""

    tile: Tile
    fabric: str = "jersey"
    wrinkle: float = 0.1
    cell: float = 6.0
    sheen: float = 0.02


@dataclass(frozen=True)
class Crease:
    """A fold from `start` to `end`, `width` across, `height` high (below 0: a furrow), bent sideways."""

    start: tuple[float, float]
    end: tuple[float, float]
    height: float = 0.3
    width: float = 1.0
    bend: float = 0.0

    def mirrored(self) -> Crease:
        """The same crease on the other side of the vertical axis."""
        (x0, y0), (x1, y1) = self.start, self.end
        return replace(self, start=(-x0, y0), end=(-x1, y1), bend=-self.bend)


@dataclass(frozen=True)
class Flutes:
    """Folds of hanging cloth that fan out from `top` to `bottom`; `count` across the part."""

    count: float
    height: float
    top: float
    bottom: float
    sharp: bool = False


@dataclass(frozen=True)
class Seam:
    """A line pressed into the cloth by `depth` cm; `stitch` draws thread in that colour (linear light) on it."""

    points: Points
    width: float = 0.22
    depth: float = 0.07
    stitch: Field | None = None
    paint: Field | None = None


@dataclass
class Part:
    """A piece of cloth. `axis` turns its grain (degrees); `lift` is its height over what lies below."""

    outline: Points
    cloth: str = "main"
    axis: float = 0.0
    lift: float = 0.12
    bulge: float = 1.0
    wrinkle: float = 1.0
    tone: float = 1.0
    creases: Sequence[Crease] = ()
    flutes: Flutes | None = None
    seams: Sequence[Seam] = ()
    clip: Points | None = None
    graphic: tuple[Image.Image, float, float, float] | None = None
    """An RGBA picture with its centre and width on the part."""
    sheen: float | None = None
    label: int = 1
    """Class of its pixels in `Stage.labels`."""

    def mirrored(self) -> Part:
        """The same part on the other side of the vertical axis."""
        return replace(
            self,
            outline=flipped(self.outline),
            axis=-self.axis,
            clip=None if self.clip is None else flipped(self.clip),
            creases=[
                Crease((-c.start[0], c.start[1]), (-c.end[0], c.end[1]), c.height, c.width, -c.bend)
                for c in self.creases
            ],
            seams=[replace(seam, points=flipped(seam.points)) for seam in self.seams],
        )


@dataclass
class View:
    """How centimetres become pixels: scale, turn (radians), shift, and a slight lie of the hand."""

    scale: float
    turn: float
    centre: tuple[float, float]
    middle: tuple[float, float]
    sway: NDArray[np.float64] = field(default_factory=lambda: np.zeros(6))

    def __call__(self, points: Points) -> Points:
        x, y = points[:, 0] - self.centre[0], points[:, 1] - self.centre[1]
        a = self.sway
        bent_x = x + a[0] * np.sin(y / 19 + a[1]) + a[2] * np.sin(y / 9 + x / 25 + a[3])
        bent_y = y + a[4] * np.sin(x / 15 + a[5])
        cos, sin = np.cos(self.turn), np.sin(self.turn)
        return np.stack(
            [
                self.middle[0] + self.scale * (cos * bent_x - sin * bent_y),
                self.middle[1] + self.scale * (sin * bent_x + cos * bent_y),
            ],
            axis=1,
        )


class Stage:
    """Takes parts from back to front, then gives the photo and the mask."""

    def __init__(self, width: int, height: int, view: View, cloths: dict[str, Cloth], rng: Generator) -> None:
        self.width, self.height, self.view, self.cloths, self.rng = width, height, view, cloths, rng
        self.light = _unit(-0.42 + rng.uniform(-0.12, 0.12), -0.52 + rng.uniform(-0.08, 0.08), 0.74)
        self.rgb = np.zeros((height, width, 3), np.float32)
        self.cover = np.zeros((height, width), np.float32)
        self.labels = np.zeros((height, width), np.uint8)
        self._fabrics = {
            name: fabric(name, rng, view.scale) for name in sorted({cloth.fabric for cloth in cloths.values()})
        }

    def add(self, part: Part) -> None:
        """Lay a part on top of what is there."""
        scale = self.view.scale
        outline = self.view(part.outline)
        margin = int(3 + scale * (0.4 + 2.2 * part.lift))
        x0, y0 = np.maximum(np.floor(outline.min(axis=0)).astype(int) - margin, 0)
        x1, y1 = np.minimum(np.ceil(outline.max(axis=0)).astype(int) + margin, (self.width, self.height))
        if x1 - x0 < 2 or y1 - y0 < 2:
            return
        window = (slice(y0, y1), slice(x0, x1))
        cover = self._filled(outline, x0, y0, x1, y1)
        if part.clip is not None:
            cover = cover * self._filled(self.view(part.clip), x0, y0, x1, y1)
        shade, gradient = self._shade(part, cover, x0, y0)
        colour = self._colour(part, x0, y0, x1, y1, gradient)
        lit = colour * shade[0][..., None] + shade[1][..., None]
        self._paint_seams(part, lit, shade[0], x0, y0)
        below = self.rgb[window]
        if part.lift > 0:
            below *= (1 - 0.6 * self._cast(cover, part.lift))[..., None]
        self.rgb[window] = below + (lit - below) * cover[..., None]
        self.cover[window] = self.cover[window] + (1 - self.cover[window]) * cover
        self.labels[window][cover >= 0.5] = part.label

    def _filled(self, outline: Points, x0: int, y0: int, x1: int, y1: int) -> Field:
        image = Image.new("L", ((x1 - x0) * SUPERSAMPLE, (y1 - y0) * SUPERSAMPLE))
        points = ((outline - (x0, y0)) * SUPERSAMPLE).tolist()
        ImageDraw.Draw(image).polygon([tuple(point) for point in points], fill=255)
        return np.asarray(image.reduce(SUPERSAMPLE), np.float32) / 255

    def _cast(self, cover: Field, lift: float) -> Field:
        scale = self.view.scale
        reach = max(0.6, lift * scale)
        dx, dy = round(-self.light[0] * reach * 1.1), round(-self.light[1] * reach * 1.1)
        padded = np.pad(cover, ((abs(dy), abs(dy)), (abs(dx), abs(dx))))
        height, width = cover.shape
        moved = padded[abs(dy) - dy : abs(dy) - dy + height, abs(dx) - dx : abs(dx) - dx + width]
        return blurred(moved, reach * 0.8)

    def _shade(self, part: Part, cover: Field, x0: int, y0: int) -> tuple[tuple[Field, Field], tuple[Field, Field]]:
        """((factor, shine), slope): light on the part, and how its surface leans, which bends patterns."""
        cloth, scale = self.cloths[part.cloth], self.view.scale
        height, width = cover.shape
        step = 2 if scale > 3 else 1
        rows, columns = -(-height // step), -(-width // step)
        small = resized_down(cover, rows, columns) if step > 1 else cover
        per = scale / step
        relief = part.bulge * per * (0.75 * blurred(small, 0.8 * per) + 1.3 * blurred(small, 2.6 * per))
        strength = part.wrinkle * cloth.wrinkle * per
        if strength:
            cell = max(3.0, cloth.cell * per)
            crumple = np.abs(layered(self.rng, rows, columns, cell, 2))
            relief = relief + strength * (
                blurred(crumple, 0.35 * per) * 0.9 + 1.2 * noise(self.rng, rows, columns, cell * 1.6, cell)
            )
        y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
        for crease in part.creases:
            self._fold(crease, relief, x * step + x0, y * step + y0, per)
        if part.flutes:
            relief = relief + self._hang(part.flutes, small, y * step + y0) * per
        lean_y, lean_x = (_gradient(relief, axis) for axis in (0, 1))
        hollow: Field = np.clip(blurred(relief, 1.4 * per) - relief, 0, None) / per
        lean_y, lean_x = resized(lean_y, height, width), resized(lean_x, height, width)
        hollow = resized(hollow, height, width)
        slope = (lean_y, lean_x)
        fine = self._fine_relief(part, cloth, x0, y0, height, width)
        fine_y, fine_x = (_gradient(fine, axis) for axis in (0, 1))
        steep_y, steep_x = lean_y + fine_y, lean_x + fine_x
        length = np.sqrt(1 + steep_y**2 + steep_x**2)
        lx, ly, lz = self.light
        facing = (lz - lx * steep_x - ly * steep_y) / length
        ambient = 0.42 * (1 - np.clip(1.1 * hollow, 0, 0.6)) * (0.75 + 0.25 / length)
        factor = (ambient + 0.58 * np.clip(facing, 0, None) / lz) * part.tone
        hx, hy, hz = _unit(lx, ly, lz + 1.0)
        gloss = np.clip((hz - hx * steep_x - hy * steep_y) / length, 0, None)
        sheen = cloth.sheen if part.sheen is None else part.sheen
        shine = sheen * part.tone * (gloss**14 * 1.1 + 0.25 * (1 - 1 / length))
        return (factor, shine), slope

    def _fold(self, crease: Crease, relief: Field, x: Field, y: Field, per: float) -> None:
        (ax, ay), (bx, by) = self.view(np.array([crease.start, crease.end], float)).tolist()
        along = float(np.hypot(bx - ax, by - ay))
        if along < 1:
            return
        ux, uy = (bx - ax) / along, (by - ay) / along
        t = ((x - ax) * ux + (y - ay) * uy) / along
        across = (-(x - ax) * uy + (y - ay) * ux) / self.view.scale
        across = across - crease.bend * 4 * t * (1 - t)
        fade = np.clip(1.15 - np.abs(2 * t - 1), 0, 1)
        fade = fade * fade * (3 - 2 * fade)
        side = np.where(across > 0, crease.width * 0.55, crease.width)
        relief += crease.height * per * fade * np.exp(-((across / side) ** 2))

    def _hang(self, flutes: Flutes, cover: Field, y: Field) -> Field:
        inside = cover > 0.5
        rows, columns = cover.shape
        filled = np.flatnonzero(inside.any(1))
        if len(filled) < 2:
            return np.zeros_like(cover)
        left = _steady(filled, inside.argmax(1), rows)
        right = _steady(filled, columns - 1 - inside[:, ::-1].argmax(1), rows)
        middle, half = (left + right) / 2, np.maximum((right - left) / 2, 1)
        u: Field = (np.arange(columns, dtype=float)[None] - middle[:, None]) / half[:, None]
        top, bottom = self.view(np.array([[0, flutes.top], [0, flutes.bottom]], float))[:, 1]
        t = np.clip((y - top) / max(1.0, bottom - top), 0, 1)
        uneven = noise(self.rng, 1, 257, 1, 257 / max(2.0, flutes.count))[0]
        waver: Field = _interpolated(u, uneven) * (0.0 if flutes.sharp else 0.45)
        drift = 0.1 * noise(self.rng, rows, columns, max(4, rows / 3), max(4, columns / 3))
        phase: Field = flutes.count * u / 2 + waver + (0 if flutes.sharp else drift)
        if flutes.sharp:
            fold = phase % 1.0
            shape = (1 - fold) * np.clip(fold / 0.22, 0, 1) ** 1.5 * 1.4
        else:
            wave = 0.5 + 0.5 * np.cos(2 * np.pi * phase)
            shape = wave**0.8 * (0.75 + 0.25 * _interpolated(u, np.roll(uneven, 60)))
        return (flutes.height * t**0.8 * shape * (1 - np.clip(np.abs(u), 0, 1) ** 8)).astype(np.float32)

    def _grain(self, part: Part, x0: int, y0: int, height: int, width: int) -> tuple[Field, Field]:
        """Coordinates along the grain of the part, in centimetres of cloth."""
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        angle = np.float32(self.view.turn + np.deg2rad(part.axis))
        px, py = (x + (x0 - self.view.middle[0])), (y + (y0 - self.view.middle[1]))
        u = (np.cos(angle) * px + np.sin(angle) * py) / np.float32(self.view.scale)
        v = (-np.sin(angle) * px + np.cos(angle) * py) / np.float32(self.view.scale)
        return u + np.float32(self.view.centre[0]), v + np.float32(self.view.centre[1])

    def _fine_relief(self, part: Part, cloth: Cloth, x0: int, y0: int, height: int, width: int) -> Field:
        relief = self._weave(part, cloth, 1, x0, y0, height, width)
        scale = self.view.scale
        if part.seams:
            for depth in sorted({seam.depth for seam in part.seams if seam.depth}):
                alike = [seam for seam in part.seams if seam.depth == depth]
                relief = relief - depth * scale * self._stroke(alike, x0, y0, height, width)
        return relief

    def _weave(self, part: Part, cloth: Cloth, which: int, x0: int, y0: int, height: int, width: int) -> Field:
        texture = self._fabrics[cloth.fabric][which]
        u, v = self._grain(part, x0, y0, height, width)
        scale, size = self.view.scale, texture.shape[0]
        return texture[(v * scale).astype(np.int32) % size, (u * scale).astype(np.int32) % size]

    def _stroke(self, seams: Sequence[Seam], x0: int, y0: int, height: int, width: int, dash: bool = False) -> Field:
        image = Image.new("L", (width * 2, height * 2))
        draw = ImageDraw.Draw(image)
        for seam in seams:
            points = (self.view(seam.points) - (x0, y0)) * 2
            thick = max(1, round(seam.width * self.view.scale * 2))
            if dash:
                for a, b in _dashes(points, 0.42 * self.view.scale * 2, 0.24 * self.view.scale * 2):
                    draw.line([a, b], fill=255, width=max(1, round(0.09 * self.view.scale * 2)))
            else:
                draw.line([tuple(point) for point in points.tolist()], fill=255, width=thick, joint="curve")
        return np.asarray(image.reduce(2), np.float32) / 255

    def _colour(self, part: Part, x0: int, y0: int, x1: int, y1: int, slope: tuple[Field, Field]) -> Field:
        cloth = self.cloths[part.cloth]
        height, width = y1 - y0, x1 - x0
        if cloth.tile.pixels.shape[0] <= 2:
            colour = np.broadcast_to(cloth.tile.pixels[0, 0], (height, width, 3)).copy()
        else:
            u, v = self._grain(part, x0, y0, height, width)
            colour = cloth.tile.sample(u + 0.4 * np.clip(slope[1], -1, 1), v + 0.4 * np.clip(slope[0], -1, 1))
        if part.graphic:
            self._put_graphic(part.graphic, colour, x0, y0, slope)
        return colour * self._weave(part, cloth, 0, x0, y0, height, width)[..., None]

    def _put_graphic(
        self,
        graphic: tuple[Image.Image, float, float, float],
        colour: Field,
        x0: int,
        y0: int,
        slope: tuple[Field, Field],
    ) -> None:
        picture, cx, cy, size = graphic
        pixels = np.asarray(picture, np.float32) / 255
        height, width = colour.shape[:2]
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        ((mx, my),) = self.view(np.array([[cx, cy]], float))
        cos, sin = np.cos(self.view.turn), np.sin(self.view.turn)
        px, py = x + (x0 - mx) + 3 * slope[1], y + (y0 - my) + 3 * slope[0]
        ratio = pixels.shape[0] / (size * self.view.scale)
        u = ((cos * px + sin * py) * ratio + pixels.shape[1] / 2).astype(np.int32)
        v = ((-sin * px + cos * py) * ratio + pixels.shape[0] / 2).astype(np.int32)
        inside = (u >= 0) & (v >= 0) & (u < pixels.shape[1]) & (v < pixels.shape[0])
        seen = pixels[v[inside], u[inside]]
        alpha = seen[:, 3:] * 0.95
        colour[inside] = colour[inside] * (1 - alpha) + seen[:, :3] ** 2.2 * alpha

    def _paint_seams(self, part: Part, lit: Field, shade: Field, x0: int, y0: int) -> None:
        height, width = shade.shape
        for seam in part.seams:
            if seam.paint is not None:
                drawn = self._stroke([seam], x0, y0, height, width)[..., None]
                lit += (seam.paint * shade[..., None] - lit) * drawn
            if seam.stitch is not None:
                drawn = 0.8 * self._stroke([seam], x0, y0, height, width, dash=True)[..., None]
                lit += (seam.stitch * shade[..., None] - lit) * drawn

    def photo(self, background: Field, *, height_above: float = 1.0) -> Image.Image:
        """The finished picture on a background (linear light); `height_above` widens the shadow."""
        ground = background.copy()
        scale = self.view.scale
        for lift, strength in ((0.3, 0.5), (1.3 * height_above, 0.34)):
            ground *= (1 - strength * self._cast(self.cover, lift))[..., None]
        ground *= (1 - 0.18 * blurred(self.cover, 4.5 * scale))[..., None]
        light = ground * (1 - self.cover[..., None]) + self.rgb * self.cover[..., None]
        y, x = np.ogrid[-1 : 1 : self.height * 1j, -1 : 1 : self.width * 1j]
        x, y = x.astype(np.float32), y.astype(np.float32)
        fall = 1 - 0.05 * (x * -self.light[0] * 2 + y * -self.light[1] * 2) - 0.05 * (x * x + y * y)
        warmth = (1 + self.rng.uniform(-0.015, 0.015, 3)) * self.rng.uniform(0.97, 1.05)
        light = light * (fall[..., None] * warmth.astype(np.float32))
        grain = self.rng.standard_normal((self.height, self.width, 1), np.float32) * 1.1
        return Image.fromarray((display(light) + grain).clip(0, 255).astype(np.uint8))

    def exact_mask(self) -> Image.Image:
        """255 where at least half a pixel is garment."""
        return Image.fromarray(np.where(self.cover >= 0.5, 255, 0).astype(np.uint8))


def _gradient(field: Field, axis: int) -> Field:
    return np.gradient(field, axis=axis)


def _interpolated(at: Field, values: Field) -> Field:
    """Values spread evenly over -1..1, interpolated at every place."""
    return np.interp(at, np.linspace(-1, 1, len(values)), values)  # pyright: ignore[reportUnknownVariableType]


def _unit(x: float, y: float, z: float) -> tuple[float, float, float]:
    length = float(np.sqrt(x * x + y * y + z * z))
    return x / length, y / length, z / length


def _steady(filled: NDArray[np.intp], edge: NDArray[np.intp], rows: int) -> NDArray[np.float64]:
    """An edge of a shape, row by row, without the steps of its pixels."""
    spread = max(3, rows // 12)
    ends = filled[int(len(filled) * 0.86)]
    trusted = filled[filled <= ends]
    at = np.arange(-spread, rows + spread)
    whole = np.interp(at, trusted, edge[trusted])
    # Below, a wavy hem makes the edge jump; the side goes on as it came.
    before = max(trusted[0], ends - len(filled) // 8)
    fall = (edge[ends] - edge[before]) / max(1, ends - before)
    whole = np.where(at > ends, edge[ends] + fall * (at - ends), whole)
    return np.convolve(whole, np.full(2 * spread + 1, 1 / (2 * spread + 1)), "valid")


def _dashes(points: Points, on: float, off: float) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    steps = np.hypot(*np.diff(points, axis=0).T)
    at = np.concatenate([[0], np.cumsum(steps)])
    starts = np.arange(0, at[-1], on + off)
    if len(starts) == 0:
        return []
    ends = np.minimum(starts + on, at[-1])
    first = np.stack([np.interp(starts, at, points[:, i]) for i in (0, 1)], 1)
    last = np.stack([np.interp(ends, at, points[:, i]) for i in (0, 1)], 1)
    return [((a[0], a[1]), (b[0], b[1])) for a, b in zip(first.tolist(), last.tolist(), strict=True)]
