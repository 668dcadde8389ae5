"""Training data: phone photos of garments, garments cropped from street photos, and drawn garments.

Each becomes an `Item`: a small picture, the garment's mask if known, and facts about it. Colours of photos are measured
inside the mask (`shared/vision/colours.py`); they are not labelled.
"""

import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from shared.vision.colours import REFERENCE_COLOURS, dominant_colours, to_lab
from training.garment_parser import harvest
from training.garment_parser.data import GARMENT_CLASS, FlatPhoto, read_label, read_rgb, rows, spread

from .vocabulary import (
    ANY_PATTERN,
    BAGS,
    COLOUR,
    COLOURS,
    DRESSES,
    HATS,
    KIND,
    KNITS,
    PATTERN,
    SHOES,
    SKIRTS,
    SLEEVE,
    SLEEVES,
    Facts,
    Known,
    truths,
)

CATEGORIES = tuple(GARMENT_CLASS)
"""The ten labels of the garment photos."""
SIDE = 160
"""Long side in pixels of the pictures in memory."""
DEV_EVERY = 14
"""One in this many training photos of each category is excluded from training and used to monitor the run."""
NEAR = 20.0
"""Colour names within this distance in Lab may describe a measured colour."""
MAIN, SECOND = 0.45, 0.25
"""Shares of the garment from which a measured colour is its colour for sure, or possibly."""
BRIGHTER = 1.4
"""Largest correction of a photo's exposure before its colours are measured."""

_SURE = {
    "t-shirt": ("t-shirt", (), ("short",)),
    "longsleeve": ("longsleeve", KNITS, ("long",)),
    "shirt": ("shirt", ("blouse",), ()),
    "outwear": ("jacket", ("coat", "vest", *KNITS, "bomber jacket", "trucker jacket", "blazer"), ()),
    "pants": ("trousers", ("jeans", "leggings", "slim trousers", "straight trousers", "wide trousers"), None),
    "shorts": ("shorts", (), None),
    "skirt": ("skirt", SKIRTS, None),
    "dress": ("dress", DRESSES, ()),
    "shoes": ("shoes", SHOES, None),
    "hat": ("hat", HATS, None),
}
"""Label of a garment photo -> its kind, possible kinds, sleeves (None: has none, empty: unknown)."""

_STREET: dict[str, tuple[str, str | None, tuple[str, ...]]] = {
    "t-shirt": ("t-shirt", "t-shirt", ()),
    "shirt": ("shirt", "shirt", ("blouse",)),
    "blouse": ("blouse", None, ("shirt", "top")),
    "sweater": ("sweater", None, ("longsleeve", "cardigan")),
    "jumper": ("sweater", None, ("longsleeve", "sweatshirt")),
    "sweatshirt": ("sweatshirt", None, ("sweater", "hoodie")),
    "hoodie": ("hoodie", None, ()),
    "cardigan": ("cardigan", None, ("sweater",)),
    "jacket": ("jacket", "outwear", ("bomber jacket", "trucker jacket", "blazer", "coat")),
    "blazer": ("blazer", "outwear", ()),
    "suit": ("blazer", "outwear", ()),
    "coat": ("coat", "outwear", ("jacket",)),
    "dress": ("dress", "dress", DRESSES),
    "skirt": ("skirt", "skirt", SKIRTS),
    "pants": ("trousers", "pants", ("jeans", "slim trousers", "straight trousers", "wide trousers")),
    "jeans": ("jeans", "pants", ()),
    "leggings": ("leggings", "pants", ("trousers",)),
    "shorts": ("shorts", "shorts", ()),
    "hat": ("hat", "hat", HATS),
    "bag": ("bag", None, BAGS),
    "purse": ("handbag", None, ("bag",)),
    "shoes": ("shoes", "shoes", SHOES),
    "boots": ("boots", "shoes", ()),
    "sneakers": ("sneakers", "shoes", ()),
    "loafers": ("loafers", "shoes", ()),
    "heels": ("heels", "shoes", ("sandals",)),
    "pumps": ("heels", "shoes", ()),
    "sandals": ("sandals", "shoes", ("heels",)),
}
"""Tag of a region of a street photo -> its kind, its category (None: not one of the ten), possible kinds."""

_DRAWN_STYLE = {"ankle boots": "boots"}
_DRAWN_CATEGORY = {"trousers": "pants", "jeans": "pants", "jacket": "outwear", "coat": "outwear"}


@dataclass(frozen=True)
class Item:
    """`image` (h, w, 3) uint8 RGB, `mask` (h, w) bool or None, `category` index into `CATEGORIES` or -1, `truth`
    (concepts,) int8 as `vocabulary.truths` returns, `facts` the attributes of a drawing (empty for photos)."""

    name: str
    image: np.ndarray
    mask: np.ndarray | None
    category: int
    truth: np.ndarray
    facts: dict[str, str] = field(default_factory=dict)


@dataclass
class Dataset:
    """The data of a run: `real` for training, `dev` for monitoring, `val` for the final figures."""

    real: list[Item] = field(default_factory=list)
    dev: list[Item] = field(default_factory=list)
    val: list[Item] = field(default_factory=list)
    street: list[Item] = field(default_factory=list)
    drawn: list[Item] = field(default_factory=list)
    drawn_test: list[Item] = field(default_factory=list)


def shrink(image: np.ndarray, mask: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray | None]:
    """Resize picture and mask to a long side of `SIDE` pixels."""
    height, width = image.shape[:2]
    scale = SIDE / max(height, width)
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(image, size, interpolation=method)
    if mask is not None:
        mask = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_LINEAR) > 0.5
    return small, mask


def measured_colour(image: np.ndarray, mask: np.ndarray | None) -> Known:
    """The measured colour of the garment: certain if one colour dominates, otherwise several candidates."""
    if mask is None or mask.sum() < 60:
        return Known(maybe=frozenset(COLOURS))
    # phones expose a white shirt as grey: the brightest part of the photo is assumed to be white, within limits
    white = float(np.percentile(image.max(2), 99))
    image = np.clip(image * np.clip(240 / max(white, 1.0), 1.0, BRIGHTER), 0, 255).astype(np.uint8)
    height, width = (max(8, side * 2 // 5) for side in image.shape[:2])
    small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    inside = cv2.resize(cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8)), (width, height)) > 0
    found = dominant_colours(small, inside)
    if not found:
        return Known(maybe=frozenset(COLOURS))
    names, values = list(REFERENCE_COLOURS), to_lab(np.array(list(REFERENCE_COLOURS.values()), np.uint8))
    maybe: set[str] = set()
    for colour in found:
        if colour.share >= SECOND:
            rgb = np.array([[int(colour.hex[i : i + 2], 16) for i in (1, 3, 5)]], np.uint8)
            apart = np.sqrt(((values - to_lab(rgb)) ** 2).sum(1))
            maybe |= {colour.name, *(name for name, d in zip(names, apart, strict=True) if d < NEAR)}
    if found[0].share < MAIN:
        return Known(maybe=frozenset(maybe or COLOURS))
    return Known(sure=frozenset({found[0].name}), maybe=frozenset(maybe))


def sleeves(known: tuple[str, ...] | None) -> dict[str, Known]:
    """Facts about sleeves: None for garments without sleeves, empty if unknown."""
    if known is None:
        return {}
    return {SLEEVE: Known(sure=frozenset(known)) if known else Known(maybe=frozenset(SLEEVES))}


def garments(root: Path, cache: Path, limit: int | None = None) -> tuple[list[Item], list[Item]]:
    """The phone photos of the train and validation parts, with harvested masks where two GrabCut runs agree."""
    parts: dict[str, list[FlatPhoto]] = {"train": [], "validation": []}
    for row in spread(rows(root / "garments" / "labels.csv"), None if limit is None else limit * 4):
        image = read_rgb(root / "garments" / row["file"])
        parts[row["split"]].append(FlatPhoto(row["file"], image, GARMENT_CLASS[row["label"]], row["label"]))
    result: list[list[Item]] = []
    for part, side in (("train", harvest.TRAIN_SIDE), ("validation", harvest.EXACT_SIDE)):
        found = harvest.harvest(parts[part], 96 if limit else side, cache)
        result.append([_garment(photo, cut) for photo, cut in zip(parts[part], found, strict=True)])
    return result[0], result[1]


def _garment(photo: FlatPhoto, cut: harvest.Harvest) -> Item:
    image, mask = shrink(photo.image, cut.mask if cut.accepted else None)
    kind, maybe, arms = _SURE[photo.category]
    facts: Facts = {
        KIND: Known(frozenset({kind}), frozenset(maybe)),
        COLOUR: measured_colour(image, mask),
        PATTERN: ANY_PATTERN,
        **sleeves(arms),
    }
    return Item(photo.file, image, mask, CATEGORIES.index(photo.category), truths(facts))


def street(root: Path, limit: int | None = None) -> list[Item]:
    """Garments cropped from the street photos of the train part, by their fine-grained masks (`labels59/`; none if
    the folder is missing)."""
    ccp = root / "ccp"
    if not (ccp / "labels59").is_dir():
        return []
    fine = json.loads((ccp / "label_map.json").read_text())["labels59"]
    names = {int(index): name for index, name in fine.items()}
    items: list[Item] = []
    lines = [row for row in rows(ccp / "labelled.csv") if row["split"] == "train"]
    for row in spread(lines, limit):
        image = read_rgb(ccp / "photos" / f"{row['id']}.jpg")
        label = read_label(ccp / "labels59" / f"{row['id']}.png")
        for index in np.unique(label):
            if names[index] in _STREET:
                item = _crop(f"{row['id']}:{names[index]}", image, label == index, names[index])
                if item is not None:
                    items.append(item)
    return items


def _crop(name: str, image: np.ndarray, mask: np.ndarray, tag: str) -> Item | None:
    ys, xs = np.nonzero(mask)
    top, bottom, left, right = ys.min(), ys.max() + 1, xs.min(), xs.max() + 1
    if mask.mean() < 0.006 or max(bottom - top, right - left) < 48:
        return None
    margin = round(0.12 * max(bottom - top, right - left))
    rows_, columns = (
        slice(max(0, low - margin), min(side, high + margin))
        for low, high, side in ((top, bottom, image.shape[0]), (left, right, image.shape[1]))
    )
    small, inside = shrink(image[rows_, columns], mask[rows_, columns])
    kind, category, maybe = _STREET[tag]
    arms = () if kind not in SHOES + HATS + BAGS + SKIRTS and category not in ("pants", "shorts") else None
    facts: Facts = {
        KIND: Known(frozenset({kind}), frozenset(maybe)),
        COLOUR: measured_colour(small, inside),
        PATTERN: ANY_PATTERN,
        **sleeves(arms),
    }
    return Item(name, small, inside, CATEGORIES.index(category) if category else -1, truths(facts))


def drawn(python: Path, repository: Path, cache: Path, count: int, seed: int) -> list[Item]:
    """The drawn garments; missing ones are drawn (about 0.08 s each).

    The product's Python draws them; it is newer than the one used for training.
    """
    folder = cache / f"wardrobe-{seed}-{count}"
    if len(list(folder.glob("*.json"))) < count:
        command = [python.as_posix(), "-m", "wardrobe", folder.as_posix(), "--count", str(count)]
        subprocess.run([*command, "--seed", str(seed), "--size", "144", "176"], check=True, cwd=repository)
    return [_drawing(path) for path in sorted(folder.glob("*.json"), key=lambda p: p.stem[-4:])]


def _drawing(path: Path) -> Item:
    attributes = json.loads(path.read_text())
    image, mask = shrink(read_rgb(path.with_suffix(".jpg")), read_label(path.with_suffix(".mask.png")) > 127)
    category, style = attributes["category"], _DRAWN_STYLE.get(attributes["style"], attributes["style"])
    facts: Facts = {
        KIND: Known(frozenset({style})),
        COLOUR: Known(frozenset({attributes["colour"]})),
        PATTERN: Known(frozenset({attributes["pattern"]})),
        **({SLEEVE: Known(frozenset({attributes["sleeve"]}))} if attributes["sleeve"] else {}),
    }
    label = _DRAWN_CATEGORY.get(category, category)
    index = CATEGORIES.index(label) if label in CATEGORIES else -1
    kept = {key: str(attributes[key]) for key in ("category", "style", "colour", "pattern", "title")}
    return Item(path.stem, image, mask, index, truths(facts), kept)


def split_dev(items: Iterable[Item], every: int = DEV_EVERY) -> tuple[list[Item], list[Item]]:
    """Split the training photos into training and monitoring, evenly from every category."""
    train: list[Item] = []
    dev: list[Item] = []
    seen = dict.fromkeys(range(len(CATEGORIES)), 0)
    for item in items:
        seen[item.category] += 1
        (dev if seen[item.category] % every == 0 else train).append(item)
    return train, dev
