"""The drawn garments of the generated sales table, cached as JPEG in `training/.cache/sales`."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from wardrobe import GarmentSpec, draw_garment, garment_specs

SEED = 4107
"""No other data set in this repository uses this seed."""
SIZE = (160, 200)
"""Width and height in pixels, slightly above the input of the image tower."""
SHARD = 250


def specs(count: int) -> list[GarmentSpec]:
    """Specifications of the first `count` garments."""
    return garment_specs(count, SEED)


def pictures(count: int, cache: Path, say: Callable[[str], None]) -> list[np.ndarray]:
    """Pictures (200, 160, 3) uint8 of the first `count` garments; missing ones are drawn."""
    cache.mkdir(parents=True, exist_ok=True)
    described = specs(-(-count // SHARD) * SHARD)
    found: list[np.ndarray] = []
    for start in range(0, count, SHARD):
        path = cache / f"drawn-{SEED}-{SIZE[0]}x{SIZE[1]}-{start:05d}.npz"
        if not path.is_file():
            say(f"drawing garments {start} to {start + SHARD}")
            _keep(path, [_jpeg(draw_garment(one, SIZE).image) for one in described[start : start + SHARD]])
        with np.load(path) as shard:
            data, ends = shard["data"].tobytes(), shard["ends"].tolist()
        for begin, end in zip([0, *ends[:-1]], ends, strict=True):
            with Image.open(io.BytesIO(data[begin:end])) as image:
                found.append(np.asarray(image.convert("RGB")))
    return found[:count]


def _jpeg(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.convert("RGB").save(out, "JPEG", quality=92)
    return out.getvalue()


def _keep(path: Path, files: list[bytes]) -> None:
    whole = path.with_suffix(".part.npz")
    ends = np.cumsum([len(one) for one in files])
    np.savez(whole, data=np.frombuffer(b"".join(files), np.uint8), ends=ends)
    whole.replace(path)
