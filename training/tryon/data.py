"""Street photos as training pairs: the crop of a person, the parser's output for it, and each garment's true mask.

A pair is a photo and a category. Masks are the data set's labels; the networks' other inputs come from the parser, as
in the product.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from training.garment_parser.data import read_label, read_rgb, rows, spread
from vto_container.engines import compact_body

Parse = Callable[[np.ndarray], np.ndarray]
"""A picture (h, w, 3) uint8 -> the parser's probabilities (9, 128, 96) for the stretched picture."""
CATEGORIES = ("upper", "lower", "dress")
STORED = (384, 288)
"""Height and width of stored crops: 1.5 times the networks' input."""
LABELLED = (256, 192)
LEAST = {"upper": 0.012, "lower": 0.012, "dress": 0.02}
"""Share of the crop a garment must cover."""
MOST_COVERED = 0.3
"""A dress covered by outerwear over more than this share of its area is omitted."""


@dataclass(frozen=True)
class Photo:
    """A person's crop.

    Args:
        image: (*STORED, 3) uint8 RGB; black outside the photo.
        label: (*LABELLED) uint8 true classes.
        parse: (9, 128, 96) uint8, the parser's probabilities times 255.
        frame: (128, 96) uint8, 255 inside the photo.
        body: measured on the true classes.
    """

    id: str
    image: np.ndarray
    label: np.ndarray
    parse: np.ndarray
    frame: np.ndarray
    body: compact_body.Body


@dataclass(frozen=True)
class Pair:
    """A photo and one of its garments.

    `mask` (*LABELLED) uint8 0 or 255, `near` the same on the grid (128, 96) bool.
    """

    photo: Photo
    category: str
    mask: np.ndarray
    near: np.ndarray


def crop(image: np.ndarray, box: tuple[float, float, float, float], size: tuple[int, int], nearest: bool = False):
    """The rectangle (x, y, width, height) of a picture at `size` (height, width); zero outside the picture."""
    x, y, width, height = box
    method = Image.Resampling.NEAREST if nearest else Image.Resampling.BILINEAR
    cut = Image.fromarray(image).transform(
        size[::-1], Image.Transform.EXTENT, (x, y, x + width, y + height), method, fillcolor=0
    )
    return np.asarray(cut)


def photo_of(id: str, image: np.ndarray, label: np.ndarray, parse: Parse) -> Photo | None:
    """The crop around the person, as in the product; None if the parser finds no person."""
    size = (image.shape[1], image.shape[0])
    box = compact_body.person_box(1 - parse(image)[0], size)
    if box is None:
        return None
    cut = crop(image, box, STORED)
    seen = (parse(cut) * 255).round().astype(np.uint8)
    frame = crop(np.full(image.shape[:2], 255, np.uint8), box, compact_body.GRID, nearest=True)
    large = crop(label, box, LABELLED, nearest=True)
    near = crop(label, box, compact_body.GRID, nearest=True)
    return Photo(id, cut, large, seen, frame, compact_body.read_body(near))


def pairs_of(photo: Photo) -> list[Pair]:
    """One pair for every category of which the photo shows enough."""
    index = {name: n for n, name in enumerate(compact_body.LABELS)}
    classes = {
        "upper": (index["upper"], index["outerwear"]),
        "lower": (index["lower"],),
        "dress": (index["full_body"],),
    }
    found = []
    for category in CATEGORIES:
        mask = np.isin(photo.label, classes[category])
        if mask.mean() < LEAST[category]:
            continue
        if category == "dress" and (photo.label == index["outerwear"]).sum() > MOST_COVERED * mask.sum():
            continue
        count, numbers, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
        areas = stats[:, cv2.CC_STAT_AREA]
        specks = [n for n in range(1, count) if areas[n] < 0.03 * areas[1:].max()]
        mask &= ~np.isin(numbers, specks)
        near = cv2.resize(mask.astype(np.float32), compact_body.GRID[::-1], interpolation=cv2.INTER_AREA) > 0.4
        found.append(Pair(photo, category, mask.astype(np.uint8) * 255, near))
    return found


def load(root: Path, parse: Parse, split: str, limit: int | None = None) -> list[Pair]:
    """The pairs of a split (`train` or `val`) of CCP, in the order of the list."""
    if not (root / "ccp" / "labelled.csv").is_file():
        raise FileNotFoundError(f"{root / 'ccp'} is missing; see training/README.md for the layout")
    listed = [row for row in rows(root / "ccp" / "labelled.csv") if row["split"] == split]
    found: list[Pair] = []
    for row in spread(listed, limit):
        image = read_rgb(root / "ccp" / "photos" / f"{row['id']}.jpg")
        label = read_label(root / "ccp" / "labels" / f"{row['id']}.png")
        photo = photo_of(row["id"], image, label, parse)
        if photo is not None:
            found += pairs_of(photo)
    return found
