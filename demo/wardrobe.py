"""A wardrobe to test with: garments drawn like product photos, with exact masks and attributes.

    python -m demo.wardrobe OUT --count 200 --seed 7

writes for every garment `SKU.jpg` (the photo), `SKU.mask.png` (0 or 255) and `SKU.json` (what is true of it).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from demo.garments.catalogue import CATEGORIES, GarmentSpec, catalogue, spec
from demo.garments.draw import Garment, draw
from demo.garments.mannequin import Figure, mannequin

__all__ = ["CATEGORIES", "Figure", "Garment", "GarmentSpec", "catalogue", "draw", "mannequin", "save", "spec"]


def save(garment: Garment, folder: Path, *, mask: bool = True) -> Path:
    """Write photo, facts and mask to a folder; returns the path of the photo."""
    sku = str(garment.attributes["sku"])
    photo = folder / f"{sku}.jpg"
    garment.image.save(photo, quality=90)
    (folder / f"{sku}.json").write_text(json.dumps(garment.attributes, indent=2) + "\n")
    if mask:
        garment.mask.save(folder / f"{sku}.mask.png", optimize=True)
    return photo


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m demo.wardrobe", description="Draw garments like product photos.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--size", type=int, nargs=2, default=(512, 640), metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--no-masks", action="store_true")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    for described in catalogue(given.count, given.seed):
        save(draw(described, tuple(given.size)), given.out, mask=not given.no_masks)
    print(f"{given.count} garments in {given.out}")


if __name__ == "__main__":
    main()
