"""Photos and drawings of garments with what is known of their landmarks.

Three sources: drawings, whose points are exact; photos whose outline shows the points (`rule.py`), accepted only where
they are complete and symmetric; and photos whose points were placed by hand (`placed.json`: x and y in pixels of the
photo, 256 pixels on its longer side).
"""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from shared.vision import matte
from training.garment_parser.data import read_label, read_rgb, rows
from training.garment_parser.evaluate import onnx_model, prepare

from . import rule
from .names import EXPECTED, KINDS, NAMES, OPTIONAL

PLACED = Path(__file__).with_name("placed.json")
GARMENTS = KINDS[:-1]
DRAWN_KINDS = {
    "t-shirt": "t-shirt", "longsleeve": "longsleeve", "sweater": "longsleeve", "hoodie": "longsleeve",
    "shirt": "shirt", "jacket": "outwear", "coat": "outwear", "dress": "dress", "skirt": "skirt", "trousers": "pants",
    "jeans": "pants", "shorts": "shorts", "shoes": "other", "hat": "other", "bag": "other",
}  # fmt: skip
DRAWN_SIZE = (192, 256)


@dataclass(frozen=True)
class Sample:
    """A picture of one garment.

    Args:
        image: (h, w, 3) uint8.
        mask: (h, w) bool, the garment; of photos as the parser finds it.
        kind: index into `KINDS`.
        points: (landmarks, 2) x and y in pixels; NaN where unknown.
        there: (landmarks,) 1 there, 0 not, NaN unknown.
        source: `placed`, `rule`, `drawn`, or `none` if only the kind is known.
        split: `train` or `validation`.
    """

    name: str
    image: np.ndarray
    mask: np.ndarray
    kind: int
    points: np.ndarray
    there: np.ndarray
    source: str
    split: str


def load(root: Path, parser: Path, cache: Path, limit: int | None = None) -> list[Sample]:
    """The photos of the data set; masks are kept in `cache` for the next run (about 4 minutes)."""
    listed = rows(root / "garments" / "labels.csv")
    listed = listed[:: max(1, len(listed) // limit)] if limit else listed
    masks = _masks(root, parser, cache, [row["file"] for row in listed])
    placed = json.loads(PLACED.read_text()) if PLACED.is_file() else {}
    return [_photo(root, row, masks[Path(row["file"]).name], placed) for row in listed]


def _photo(root: Path, row: dict[str, str], mask: np.ndarray, placed: dict) -> Sample:
    name = Path(row["file"]).name
    kind = row["label"] if row["label"] in KINDS else "other"
    image = read_rgb(root / "garments" / row["file"])
    if name in placed:
        kind, points, source = placed[name].get("kind", kind), placed[name]["points"], "placed"
    else:
        found = rule.landmarks(mask, kind) if kind in GARMENTS else None
        source = "rule" if rule.plausible(found, kind) else "none"
        points = {key: value.tolist() for key, value in found.items()} if source == "rule" else {}
    return Sample(name, image, mask, KINDS.index(kind), *targets(points, kind, source), source, row["split"])


def targets(points: dict, kind: str, source: str) -> tuple[np.ndarray, np.ndarray]:
    """`Sample.points` and `Sample.there`."""
    place = np.full((len(NAMES), 2), np.nan, np.float32)
    there = np.zeros(len(NAMES), np.float32)
    for number, name in enumerate(NAMES):
        if name in points:
            place[number], there[number] = points[name], 1
        elif (source == "none" and (name in EXPECTED[kind] or name in OPTIONAL.get(kind, ()))) or (
            source == "rule" and name in OPTIONAL.get(kind, ())
        ):
            there[number] = np.nan
    return place, there


def _masks(root: Path, parser: Path, cache: Path, files: list[str]) -> dict[str, np.ndarray]:
    stored = cache / "masks.npz"
    kept: dict[str, np.ndarray] = dict(np.load(stored)) if stored.is_file() else {}
    missing = [file for file in files if Path(file).name not in kept]
    if missing:
        model = onnx_model(parser)
        for file in missing:
            image = read_rgb(root / "garments" / file)
            logits = model(prepare(image))[0][0]
            powers = np.exp(logits - logits.max(0, keepdims=True))
            chance = 1 - powers[0] / powers.sum(0)
            packed = np.packbits(matte.alpha(chance, image) > 127)
            kept[Path(file).name] = np.concatenate([np.array(image.shape[:2], np.int32).view(np.uint8), packed])
        cache.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(stored, **kept)
    return {Path(file).name: _unpacked(kept[Path(file).name]) for file in files}


def _unpacked(stored: np.ndarray) -> np.ndarray:
    height, width = stored[:8].copy().view(np.int32).tolist()
    return np.unpackbits(stored[8:])[: height * width].reshape(height, width) > 0


def drawn(python: Path, repository: Path, cache: Path, count: int, seed: int) -> list[Sample]:
    """Drawn garments with exact points; the product's Python draws those that are missing (about .05 s each)."""
    folder = cache / f"drawn-{seed}-{count}"
    if len(list(folder.glob("*.json"))) < count:
        size = [str(side) for side in DRAWN_SIZE]
        command = [python.as_posix(), "-m", "wardrobe", folder.as_posix(), "--count", str(count), "--seed", str(seed)]
        subprocess.run([*command, "--size", *size], check=True, cwd=repository)
    return [_drawing(path) for path in sorted(folder.glob("*.json"))]


def _drawing(path: Path) -> Sample:
    facts = json.loads(path.read_text())
    kind = DRAWN_KINDS[facts["category"]]
    image, mask = read_rgb(path.with_suffix(".jpg")), read_label(path.with_suffix(".mask.png")) > 127
    place, there = targets(facts["landmarks"], kind, "drawn")
    return Sample(path.stem, image, mask, KINDS.index(kind), place, there, "drawn", "train")


def box_of(mask: np.ndarray) -> tuple[float, float, float, float]:
    """Left, top, right and low edge of the largest part of a mask; of the whole picture if it is empty."""
    count, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    if count < 2:
        return 0.0, 0.0, float(mask.shape[1]), float(mask.shape[0])
    x, y, width, height, _ = stats[1 + stats[1:, cv2.CC_STAT_AREA].argmax()]
    return float(x), float(y), float(x + width), float(y + height)
