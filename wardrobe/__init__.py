"""Synthetic test pictures: garments drawn like product photos and clothed mannequins, with exact masks and attributes.

Equal arguments give equal pixels: training and benchmarks depend on that, so a change here that alters a drawn picture
also changes their data. Product code never imports this package.

    from wardrobe import draw_garment, garment_specs

    for spec in garment_specs(count=15, seed=7):
        garment = draw_garment(spec, (512, 640))

`python -m wardrobe OUT --count 200 --seed 7` writes the same pictures as files.
"""

from wardrobe.backgrounds import BACKGROUNDS
from wardrobe.files import save_garment
from wardrobe.mannequin import Mannequin, draw_mannequin
from wardrobe.mannequin_parts import LABELS
from wardrobe.palette import COLOURS
from wardrobe.poses import POSES, draw_posed_mannequin
from wardrobe.render import Garment, draw_garment
from wardrobe.specs import CATEGORIES, GarmentSpec, garment_spec, garment_specs

__all__ = [
    "BACKGROUNDS",
    "CATEGORIES",
    "COLOURS",
    "LABELS",
    "POSES",
    "Garment",
    "GarmentSpec",
    "Mannequin",
    "draw_garment",
    "draw_mannequin",
    "draw_posed_mannequin",
    "garment_spec",
    "garment_specs",
    "save_garment",
]
