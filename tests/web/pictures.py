"""Drawn photos as JPEG: a garment and a person."""

from __future__ import annotations

import io
from functools import cache

from PIL import Image

from wardrobe import draw_garment, draw_mannequin, garment_spec


def _jpeg(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.convert("RGB").save(out, "JPEG", quality=90)
    return out.getvalue()


@cache
def garment_photo(seed: int = 3) -> bytes:
    """A drawn t-shirt, flat."""
    return _jpeg(draw_garment(garment_spec("t-shirt", seed), (480, 640)).image)


@cache
def person_photo(seed: int = 5) -> bytes:
    """A drawn person, standing."""
    return _jpeg(draw_mannequin(seed, (480, 720), upper="longsleeve", lower="trousers").image)
