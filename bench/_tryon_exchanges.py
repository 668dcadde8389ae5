"""Sheets of try-ons with other people's garments, for review by eye: no person was photographed in both garments.

People are the validation photos of CCP, upright, cut off at the thighs, and cropped to portraits; garments are the
validation photos of the other data set. With `split` `train`, both are training photos. The sheets show identifiable
people: they stay out of the repository.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from emulators.stack import ROOT
from shared.engines.base import Category, Engine
from shared.errors import StudioError

SEED: Final = 1
KINDS: Final[tuple[tuple[str, Category], ...]] = (
    ("t-shirt", "upper"), ("longsleeve", "upper"), ("shirt", "upper"), ("outwear", "upper"), ("t-shirt", "upper"),
    ("dress", "dress"), ("pants", "lower"), ("skirt", "lower"), ("longsleeve", "upper"), ("shorts", "lower"),
)  # fmt: skip
FRAMINGS: Final = {"upright": (0.0, 0.0, 1.0, 1.0), "half": (0.1, 0.0, 0.9, 0.62), "portrait": (0.2, 0.0, 0.8, 0.45)}
"""Left, top, right and low edge as shares of the photo."""
ORDER: Final = ("upright", "half", "portrait", "upright")
HEIGHT, CELL, COLUMNS, ROWS = 560, 300, 4, 3
"""Height of a person's image, and height of a cell, columns and rows of a sheet."""


@dataclass(frozen=True)
class Exchange:
    """A person and another person's garment."""

    person_id: str
    person: NDArray[Any]
    garment: NDArray[Any]
    kind: str
    category: Category
    framing: str


def exchanges(data: Path, count: int, seed: int = SEED, split: str = "val") -> Iterator[Exchange]:
    """Pairs drawn from a seed; a longer list begins with the shorter one.

    Args:
        split: `val` or `train`, of both data sets.
    """
    rng = random.Random(seed)
    with (data / "ccp" / "labelled.csv").open(newline="") as file:
        people = [row["id"] for row in csv.DictReader(file) if row["split"] == split]
    garments: dict[str, list[str]] = {}
    with (data / "garments" / "labels.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["split"] == {"val": "validation"}.get(split, split):
                garments.setdefault(row["label"], []).append(row["file"])
    for number in range(count):
        person_id = rng.choice(people)
        kind, category = KINDS[number % len(KINDS)]
        garment = Image.open(data / "garments" / rng.choice(garments[kind])).convert("RGB")
        framing = ORDER[number % len(ORDER)] if category == "upper" else "upright"
        photo = Image.open(data / "ccp" / "photos" / f"{person_id}.jpg").convert("RGB")
        left, top, right, low = FRAMINGS[framing]
        width, height = photo.size
        photo = photo.crop((round(left * width), round(top * height), round(right * width), round(low * height)))
        photo = photo.resize((round(photo.width * HEIGHT / photo.height), HEIGHT), Image.Resampling.LANCZOS)
        yield Exchange(person_id, np.asarray(photo), np.asarray(garment), kind, category, framing)


def write(
    engine: Engine, data: Path, count: int, out: Path | None, seed: int = SEED, split: str = "val"
) -> dict[str, Any]:
    """Write the sheets; returns their paths and what was refused.

    Raises:
        SystemExit: no folder is given, or it is in the repository.
    """
    if out is None or out.resolve().is_relative_to(ROOT):
        raise SystemExit("give --out, a folder outside the repository: the sheets show photographed people")
    out.mkdir(parents=True, exist_ok=True)
    cells: list[Image.Image] = []
    refused: dict[str, str] = {}
    for number, one in enumerate(exchanges(data, count, seed, split)):
        try:
            result = engine.generate(one.person, one.garment, one.category, 1, 1)
            image, note = result.image, f"{result.report.notes['confidence']:.2f} {result.report.notes['quality']}"
        except StudioError as error:
            image, note = np.full_like(one.person, 60), error.code
            refused[str(number)] = error.code
        cells.append(_cell(one, image, f"{number} {one.kind} {one.framing} {note}"))
    sheets: list[str] = []
    for start in range(0, len(cells), COLUMNS * ROWS):
        path = out / f"exchanges.{start // (COLUMNS * ROWS)}.png"
        _sheet(cells[start : start + COLUMNS * ROWS]).save(path)
        sheets.append(path.as_posix())
    return {"count": count, "seed": seed, "split": split, "refused": refused, "sheets": sheets}


def _cell(one: Exchange, result: NDArray[Any], note: str) -> Image.Image:
    """Person, result, and the garment in a corner."""
    person, made = (Image.fromarray(image) for image in (one.person, result))
    size = (round(person.width * CELL / person.height), CELL)
    garment = Image.fromarray(one.garment)
    garment.thumbnail((110, 110))
    cell = Image.new("RGB", (2 * size[0], CELL + 14))
    cell.paste(person.resize(size), (0, 0))
    cell.paste(made.resize(size), (size[0], 0))
    cell.paste(garment, (0, CELL - garment.height))
    ImageDraw.Draw(cell).text((2, CELL + 1), note, fill=(255, 255, 255))
    return cell


def _sheet(cells: list[Image.Image]) -> Image.Image:
    width = max(cell.width for cell in cells)
    rows = -(-len(cells) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * width, rows * (CELL + 14)))
    for number, cell in enumerate(cells):
        sheet.paste(cell, (number % COLUMNS * width, number // COLUMNS * (CELL + 14)))
    return sheet
