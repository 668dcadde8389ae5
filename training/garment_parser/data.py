"""Location, labels and loading of the photos.

Two public data sets are expected under one root (see `training/README.md` for the layout):

- `ccp/`       street photos of one standing person: 9-class masks for some, tags only for the rest
- `garments/`  phone photos of one flat or hanging garment: a category each, no masks
"""

import csv
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = ("background", "skin", "hair", "upper", "outerwear", "lower", "full_body", "footwear", "accessory")
BACKGROUND, SKIN, HAIR, UPPER, OUTERWEAR, LOWER, FULL_BODY, FOOTWEAR, ACCESSORY = range(len(CLASSES))
IGNORE = 255
"""Label value of pixels excluded from losses and figures."""

GARMENT_CLASS = {
    "dress": FULL_BODY,
    "hat": ACCESSORY,
    "longsleeve": UPPER,
    "outwear": OUTERWEAR,
    "pants": LOWER,
    "shirt": UPPER,
    "shoes": FOOTWEAR,
    "shorts": LOWER,
    "skirt": LOWER,
    "t-shirt": UPPER,
}
"""Category of a garment photo -> class of its foreground pixels."""

LAYERED_OVER_VEST = frozenset(
    (
        *("blouse", "shirt", "t-shirt", "sweater", "top", "jumper", "sweatshirt", "hoodie"),
        *("dress", "bodysuit", "romper"),
    )
)
"""Together with one of these a `vest` is outerwear, otherwise an upper garment."""


@dataclass(frozen=True)
class WornPhoto:
    """A street photo: `image` (h, w, 3) uint8 RGB, `label` (h, w) uint8 class indices or None (tags only),
    `present` (9,) bool: classes the photo shows, `tags` (58,) bool: original fine-grained tags."""

    id: str
    image: np.ndarray
    label: np.ndarray | None
    present: np.ndarray
    tags: np.ndarray


@dataclass(frozen=True)
class FlatPhoto:
    """A garment without a person: `image` (h, w, 3) uint8 RGB, `garment_class` index into `CLASSES`."""

    file: str
    image: np.ndarray
    garment_class: int
    category: str


@dataclass
class Dataset:
    """All photos of a run in the splits of the data set."""

    root: Path
    tag_names: tuple[str, ...]
    train: list[WornPhoto] = field(default_factory=list)
    val: list[WornPhoto] = field(default_factory=list)
    tagged: list[WornPhoto] = field(default_factory=list)
    flat_train: list[FlatPhoto] = field(default_factory=list)
    flat_val: list[FlatPhoto] = field(default_factory=list)


def read_rgb(path: Path) -> np.ndarray:
    """Read a picture as (h, w, 3) uint8 RGB."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def read_label(path: Path) -> np.ndarray:
    """Read the class indices (h, w) uint8 of a palette PNG."""
    with Image.open(path) as image:
        return np.asarray(image).astype(np.uint8)


def rows(path: Path) -> list[dict[str, str]]:
    """Read the rows of a CSV file."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def tag_classes(label_map: dict) -> dict[str, int]:
    """Original tag name -> class index, with `vest` at its default (upper)."""
    classes = {}
    for index, entry in label_map["coarse"].items():
        for name in entry["from"]:
            classes[name] = int(index)
    return classes


def classes_of_tags(tags: set[str], classes: dict[str, int]) -> np.ndarray:
    """Classes shown by a photo with these tags, (9,) bool; always includes background."""
    present = np.zeros(len(CLASSES), bool)
    present[BACKGROUND] = True
    for tag in tags:
        present[classes[tag]] = True
    if "vest" in tags and tags & LAYERED_OVER_VEST:
        present[OUTERWEAR] = True
        present[UPPER] = any(classes[tag] == UPPER for tag in tags - {"vest"})
    return present


def spread(items: list, count: int | None) -> list:
    """`count` evenly spaced items of the list, or all if `count` is None."""
    if count is None or count >= len(items):
        return items
    return [items[i * len(items) // count] for i in range(count)]


def load(root: Path, limit: int | None = None) -> Dataset:
    """Read both data sets into memory (about 0.9 GB).

    `limit` keeps at most that many photos of each part (smoke tests).
    """
    ccp, garments = root / "ccp", root / "garments"
    for needed in (
        ccp / "labelled.csv",
        ccp / "tag_photos.csv",
        ccp / "label_map.json",
        garments / "labels.csv",
    ):
        if not needed.is_file():
            raise FileNotFoundError(f"{needed} is missing; see training/README.md for the layout")
    classes = tag_classes(json.loads((ccp / "label_map.json").read_text()))
    names = tuple(sorted(name for name in classes if name != "null"))
    position = {name: i for i, name in enumerate(names)}

    def one_hot(tags: set[str]) -> np.ndarray:
        vector = np.zeros(len(names), bool)
        vector[[position[tag] for tag in tags]] = True
        return vector

    data = Dataset(root, names)
    labelled = rows(ccp / "labelled.csv")
    for split, target in (("train", data.train), ("val", data.val)):
        for row in spread([r for r in labelled if r["split"] == split], limit):
            present = np.zeros(len(CLASSES), bool)
            present[[int(c) for c in row["coarse_present"].split()]] = True
            tags = set(filter(None, row["labels_present"].split("|")))
            target.append(
                WornPhoto(
                    row["id"],
                    read_rgb(ccp / "photos" / f"{row['id']}.jpg"),
                    read_label(ccp / "labels" / f"{row['id']}.png"),
                    present,
                    one_hot(tags),
                )
            )
    for row in spread(rows(ccp / "tag_photos.csv"), limit):
        tags = set(filter(None, row["tags"].split("|"))) - {"null"}
        image = read_rgb(ccp / "tag_photos" / f"{row['id']}.jpg")
        data.tagged.append(WornPhoto(row["id"], image, None, classes_of_tags(tags, classes), one_hot(tags)))
    for row in spread(rows(garments / "labels.csv"), None if limit is None else limit * 4):
        target = data.flat_train if row["split"] == "train" else data.flat_val
        image = read_rgb(garments / row["file"])
        target.append(FlatPhoto(row["file"], image, GARMENT_CLASS[row["label"]], row["label"]))
    return data


def manifest_sha256(root: Path) -> str:
    """One hash for the data: of `MANIFEST.sha256` if the root has one, otherwise of all files' names and bytes."""
    manifest = root / "MANIFEST.sha256"
    if manifest.is_file():
        return hashlib.sha256(manifest.read_bytes()).hexdigest()
    digest = hashlib.sha256()
    for path in sorted(p for part in ("ccp", "garments") for p in (root / part).rglob("*") if p.is_file()):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
