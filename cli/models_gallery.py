"""What an export is measured on: pictures and texts, as files that torch and the product read alike."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

FEWEST = 30
"""Pictures below which the ten nearest say little."""
MOST = 400
DRAWN = 32
SIZES = ((151, 200), (160, 109), (160, 200), (96, 96))
"""Most neither square nor even: a preparation that crops or rounds in another way answers differently."""
LONGEST_SIDE = 640
KINDS = {".jpg", ".jpeg", ".png", ".webp"}
COLOURS = ("red", "navy blue", "black", "white", "green", "yellow", "pink", "grey")
GARMENTS = ("dress", "t-shirt", "skirt", "trousers", "coat", "striped shirt")
TEXTS = tuple(f"{colour} {garment}" for colour, garment in product(COLOURS, GARMENTS))
GOLDEN_TEXTS = ("a red dress with long sleeves", "Women's T-shirt, navy blue!", "pantalon noir à rayures")


class GalleryError(Exception):
    """The pictures can't be used; the message says why."""


def prepare(work: Path, gallery: Path | None) -> None:
    """Write `gallery/*.png`, `golden/*.png` and `texts.json` below the folder of work.

    Args:
        gallery: a folder of pictures; garments are drawn without it.

    Raises:
        GalleryError: there are too few pictures.
    """
    for name in ("gallery", "golden"):
        (work / name).mkdir(parents=True, exist_ok=True)
    pictures = _drawn(DRAWN, 11) if gallery is None else _read(gallery)
    for number, picture in enumerate(pictures):
        picture.save(work / "gallery" / f"{number:04}.png", compress_level=1)
    for number, picture in enumerate((*_drawn(2, 5), _zone_plate(120, 97))):
        picture.save(work / "golden" / f"{number}.png", optimize=True)
    (work / "texts.json").write_text(json.dumps({"gallery": TEXTS, "golden": GOLDEN_TEXTS}))


def _drawn(count: int, seed: int) -> list[Image.Image]:
    from wardrobe import draw_garment, garment_specs

    described = enumerate(garment_specs(count, seed))
    return [draw_garment(garment, SIZES[at % len(SIZES)]).image.convert("RGB") for at, garment in described]


def _zone_plate(width: int, height: int) -> Image.Image:
    """Rings that get finer outwards, another phase in each channel: every way of resampling answers differently."""
    y, x = np.indices((height, width), np.float64)
    radii = ((x - width / 2) ** 2 + (y - height / 2) ** 2)[..., None] * np.pi / width
    return Image.fromarray(np.round(127.5 + 127.5 * np.sin(radii + np.arange(3) * 2)).astype(np.uint8))


def _read(folder: Path) -> list[Image.Image]:
    """At most `MOST` pictures, spread over the folder, upright and no longer than `LONGEST_SIDE`."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in KINDS) if folder.is_dir() else []
    if len(paths) < FEWEST:
        raise GalleryError(f"{folder} holds {len(paths)} pictures: at least {FEWEST} are needed to measure on")
    step = max(1, len(paths) // MOST)
    found: list[Image.Image] = []
    for path in paths[::step][:MOST]:
        try:
            with Image.open(path) as opened:
                picture = ImageOps.exif_transpose(opened).convert("RGB")
        except OSError as error:
            raise GalleryError(f"{path} is no picture: {error}") from None
        picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
        found.append(picture)
    return found
