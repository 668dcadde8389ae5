"""Draw the example sheet of the model card: `python -m training.tryon.sheet models_onnx/tryon.sheet.jpg`.

Runs in the product's own environment, without torch.
"""

from __future__ import annotations

import sys

import numpy as np
from PIL import Image

from emulators.functions_host.settings import local_values
from emulators.stack import ROOT
from shared.engines.base import Category
from vto_container.engines.compact import Compact
from wardrobe import draw_garment, draw_posed_mannequin, garment_specs

TILE = (150, 200)
PAIRS: tuple[tuple[int, str, Category], ...] = (
    (0, "t-shirt", "upper"),
    (1, "hoodie", "upper"),
    (2, "coat", "upper"),
    (4, "shirt", "upper"),
    (3, "trousers", "lower"),
    (5, "jeans", "lower"),
    (6, "skirt", "lower"),
    (7, "dress", "dress"),
    (9, "dress", "dress"),
)


def main() -> None:
    """Draw mannequins and garments, run the engine, and write person, garment and result, three to a row."""
    local_values(ROOT)
    engine = Compact()
    engine.load()
    sheet = Image.new("RGB", (TILE[0] * 9, TILE[1] * (len(PAIRS) // 3)), "white")
    for number, (seed, kind, category) in enumerate(PAIRS):
        specs = [one for one in garment_specs(240, 5) if one.category == kind]
        person = draw_posed_mannequin(seed, (384, 512))
        garment = draw_garment(specs[seed % len(specs)], (384, 480)).image.convert("RGB")
        result = engine.generate(np.asarray(person), np.asarray(garment), category, 1, 1)
        for column, picture in enumerate((person, garment, Image.fromarray(result.image))):
            small = picture.copy()
            small.thumbnail(TILE, Image.Resampling.LANCZOS)
            sheet.paste(small, (TILE[0] * (3 * (number % 3) + column), TILE[1] * (number // 3)))
    sheet.save(sys.argv[1], quality=86)


if __name__ == "__main__":
    main()
