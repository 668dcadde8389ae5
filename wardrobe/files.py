"""Write drawn garments to a folder."""

from __future__ import annotations

import json
from pathlib import Path

from wardrobe.render import Garment


def save_garment(garment: Garment, folder: Path, *, mask: bool = True) -> Path:
    """Write `SKU.jpg`, `SKU.json` (attributes, landmarks) and, unless `mask` is false, `SKU.mask.png` (0 or 255).

    Returns:
        The path of the photo.
    """
    sku = str(garment.attributes["sku"])
    photo = folder / f"{sku}.jpg"
    garment.image.save(photo, quality=90)
    landmarks = {name: [round(value, 2) for value in place] for name, place in garment.landmarks.items()}
    (folder / f"{sku}.json").write_text(json.dumps({**garment.attributes, "landmarks": landmarks}, indent=2) + "\n")
    if mask:
        garment.mask.save(folder / f"{sku}.mask.png", optimize=True)
    return photo
