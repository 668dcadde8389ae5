"""Try-on measured on pairs: a garment is cut out of a photo, bent, and put back on its own wearer.

The data at hand have no product shots of what people wear, so the cut-out stands for one: turned by up to 8 degrees,
stretched by up to 12 %, its edges bent, on a plain ground. Both floors know the garment's true outline, the engine does
not. Errors are measured inside the true garment at 256 pixels of height.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from shared.engines.base import Category, Engine
from shared.errors import StudioError

type Picture = NDArray[Any]
LABELS: dict[Category, tuple[int, ...]] = {"upper": (3, 4), "lower": (5,), "dress": (6,)}
"""Classes of the data set's labels by category."""
MIN_SHARE: dict[Category, float] = {"upper": 0.012, "lower": 0.012, "dress": 0.02}
HEIGHT = 256
LOWER, HEAD = 5, (2,)
SEED = 7


@dataclass(frozen=True)
class Pair:
    """A photo, one of its garments as a mask (h, w) bool, and the garment as a product photo."""

    id: str
    category: Category
    photo: Picture
    labels: NDArray[Any]
    mask: NDArray[Any]
    product: Picture


@dataclass(frozen=True)
class Measured:
    """Figures of one pair: of the engine, of one flat colour, and of a row-wise stretch into the true outline."""

    garment_ssim: dict[str, float]
    garment_mae: dict[str, float]
    ssim: dict[str, float]
    confidence: float
    quality: str
    trousers_changed: float | None
    face_changed: int
    outside_changed: int


def pairs(data: Path, split: str, limit: int | None = None) -> Iterator[Pair]:
    """The pairs of a split of CCP, in the order of its list."""
    with (data / "ccp" / "labelled.csv").open(newline="") as file:
        ids = [row["id"] for row in csv.DictReader(file) if row["split"] == split]
    for number, id in enumerate(ids[:limit]):
        photo = np.asarray(Image.open(data / "ccp" / "photos" / f"{id}.jpg").convert("RGB"))
        labels = np.asarray(Image.open(data / "ccp" / "labels" / f"{id}.png"))
        for category, classes in LABELS.items():
            mask = np.isin(labels, classes)
            if mask.mean() >= MIN_SHARE[category] and _whole(mask, labels, category):
                yield Pair(id, category, photo, labels, mask, product_of(photo, mask, SEED + number))


def _whole(mask: NDArray[Any], labels: NDArray[Any], category: Category) -> bool:
    """Whether nothing cuts the garment: one piece, hardly any holes, no coat over trousers or a dress."""
    count, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    sizes: NDArray[Any] = np.asarray(stats)[1:, cv2.CC_STAT_AREA]
    largest = float(sizes.max()) if count > 1 else 0.0
    around: NDArray[Any] = np.asarray(
        cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((25, 25), np.uint8))
    )
    closed = float(around.sum())
    area = int(mask.sum())
    coat = category != "upper" and int((labels == 4).sum()) > 0.2 * area
    return largest > 0.97 * area and closed < 1.14 * area and not coat


def product_of(photo: Picture, mask: NDArray[Any], seed: int) -> Picture:
    """The garment of a mask on a plain ground, turned, stretched and bent, (512, 384, 3)."""
    rng = np.random.default_rng(seed)
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    middle = np.array([(columns[0] + columns[-1]) / 2, (rows[0] + rows[-1]) / 2])
    height, width = 512, 384
    scale = 0.74 * min(width / np.ptp(columns), height / np.ptp(rows))
    turn = np.deg2rad(rng.uniform(-8, 8))
    stretch = np.exp(rng.uniform(-0.11, 0.11, 2))
    y, x = np.mgrid[:height, :width].astype(np.float32)
    x += 6 * np.sin(y / 97 + rng.uniform(0, 6)).astype(np.float32)
    y += 6 * np.sin(x / 83 + rng.uniform(0, 6)).astype(np.float32)
    dx, dy = (x - width / 2) / (scale * stretch[0]), (y - height / 2) / (scale * stretch[1])
    at_x = (middle[0] + dx * np.cos(turn) - dy * np.sin(turn)).astype(np.float32)
    at_y = (middle[1] + dx * np.sin(turn) + dy * np.cos(turn)).astype(np.float32)
    cut = cv2.remap(photo, at_x, at_y, cv2.INTER_LINEAR)
    alpha = cv2.remap(mask.astype(np.float32), at_x, at_y, cv2.INTER_LINEAR)[:, :, None]
    ground = np.array((214, 211, 206), np.float32)
    return (ground + (cut - ground) * alpha).round().astype(np.uint8)


def measure(engine: Engine, pair: Pair) -> Measured | StudioError:
    """Put the garment back; returns the refusal where the engine refuses."""
    height = 640
    size = (round(pair.photo.shape[1] * height / pair.photo.shape[0]), height)
    person = np.asarray(Image.fromarray(pair.photo).resize(size, Image.Resampling.BICUBIC))
    try:
        result = engine.generate(person, pair.product, pair.category, 1, 1)
    except StudioError as error:
        return error
    small = (round(pair.photo.shape[1] * HEIGHT / pair.photo.shape[0]), HEIGHT)

    def reduced(image: Picture) -> Picture:
        return np.asarray(Image.fromarray(image).resize(small, Image.Resampling.BOX))

    target, made = reduced(pair.photo), reduced(result.image)
    mask = reduced(pair.mask.astype(np.uint8) * 255) > 127
    mean = target[mask].mean(0)
    pictures = {
        "engine": made,
        "flat_colour": np.where(mask[:, :, None], mean, target).astype(np.uint8),
        "row_wise": _rows(pair.product, target, mask),
    }
    maps = {name: similarity(target, picture) for name, picture in pictures.items()}
    changed = (np.abs(made.astype(int) - target).max(2) > 24)[
        reduced((pair.labels == LOWER).astype(np.uint8) * 255) > 200
    ]
    big = np.asarray(Image.fromarray(pair.labels).resize(size, Image.Resampling.NEAREST))
    rows = np.flatnonzero((big > 0).any(1))
    face = (big == 1) & (np.arange(height)[:, None] < rows[0] + 0.11 * len(rows))
    differs = (result.image != person).any(2)
    return Measured(
        {name: float(found[mask].mean()) for name, found in maps.items()},
        {name: float(np.abs(picture[mask].astype(float) - target[mask]).mean()) for name, picture in pictures.items()},
        {name: float(found.mean()) for name, found in maps.items()},
        float(result.report.notes["confidence"]),
        str(result.report.notes["quality"]),
        float(changed.mean()) if pair.category == "upper" and changed.size > 100 else None,
        int((differs & face).sum()),
        int((differs & (result.mask == 0)).sum()),
    )


def similarity(one: Picture, other: Picture) -> NDArray[Any]:
    """SSIM map (h, w), mean of the channels: Gaussian, sigma 1.5, data range 255 (Z. Wang et al., TIP 2004)."""

    def blur(values: NDArray[Any]) -> NDArray[Any]:
        return cv2.GaussianBlur(values, (11, 11), 1.5)

    a, b = one.astype(np.float64), other.astype(np.float64)
    mean_a, mean_b = blur(a), blur(b)
    var_a, var_b, both = blur(a * a) - mean_a**2, blur(b * b) - mean_b**2, blur(a * b) - mean_a * mean_b
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    found = (2 * mean_a * mean_b + c1) * (2 * both + c2) / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))
    return found.mean(2)


def _rows(product: Picture, target: Picture, mask: NDArray[Any]) -> Picture:
    """The product stretched into the true outline row by row."""
    found = target.copy()
    inside = np.abs(product.astype(int) - (214, 211, 206)).sum(2) > 12
    source, rows = np.flatnonzero(inside.any(1)), np.flatnonzero(mask.any(1))
    for row in rows:
        share = (row - rows[0]) / max(1, rows[-1] - rows[0])
        line = source[round(share * (len(source) - 1))]
        there, here = np.flatnonzero(inside[line]), np.flatnonzero(mask[row])
        at = np.interp(here, [here[0], here[-1]], [there[0], there[-1]]).round().astype(int)
        found[row, here] = product[line, at]
    return found
