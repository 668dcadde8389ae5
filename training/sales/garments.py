"""The drawn garments that the generated table sells: drawn once, kept as JPEG in `training/.cache/sales`."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from wardrobe import GarmentSpec, draw_garment, garment_specs

SEED = 4107
"""No other data set of this repository is drawn from it."""
SIZE = (160, 200)
"""Width, height: a little above what an image tower sees."""
SHARD = 250


def specs(count: int) -> list[GarmentSpec]:
    """What is true of the first `count` garments."""
    return garment_specs(count, SEED)


def pictures(count: int, cache: Path, say: Callable[[str], None]) -> list[np.ndarray]:
    """The photos (200, 160, 3) uint8 of the first `count` garments; those not in the cache yet are drawn."""
    cache.mkdir(parents=True, exist_ok=True)
    told = specs(-(-count // SHARD) * SHARD)
    found: list[np.ndarray] = []
    for start in range(0, count, SHARD):
        path = cache / f"drawn-{SEED}-{SIZE[0]}x{SIZE[1]}-{start:05d}.npz"
        if not path.is_file():
            say(f"drawing garments {start} to {start + SHARD}")
            _keep(path, [_jpeg(draw_garment(one, SIZE).image) for one in told[start : start + SHARD]])
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
