"""A small shop of a merchant: generated images, stored as after an upload, and jobs run to completion."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from drawn import MODELS
from numpy.typing import NDArray
from PIL import Image

from functions.analytics.dataset import SalesDataset, split_by_date
from functions.analytics.worker import AnalyticsStep
from shared import blobs
from shared.accounts.documents import Role
from shared.http.auth import Principal
from shared.images.documents import ImageKind, StoredRenditions, Visibility, images, ready_image
from shared.jobs import protocol
from shared.jobs.consumer import consume
from shared.jobs.models import TERMINAL, Job, JobId
from shared.tables.upload import TableUpload

ADA = Principal("ada", Role.MERCHANT, "t", 0.0)
BOB = Principal("bob", Role.MERCHANT, "t", 0.0)
HEADER = "image,units,price,category,date"
SIZE = (120, 96)
needs_models = pytest.mark.skipif(
    not all((MODELS / f"{name}.onnx").is_file() for name in ("sales_quantiles", "fashion_image")),
    reason="models_onnx lacks the image tower or the sales model",
)


def draw_image(seed: int, patch: tuple[int, int] | None = None) -> NDArray[Any]:
    """A plain cloth with a little grain on a light background; with `patch` a magenta square at (row, column)."""
    rng = np.random.default_rng(seed)
    pixels = np.full((*SIZE, 3), 235.0)
    pixels[18:104, 20:76] = rng.uniform(40, 200, 3)
    pixels += rng.normal(0, 4, pixels.shape)
    if patch is not None:
        row, column = patch
        pixels[row : row + 26, column : column + 26] = (225, 20, 160)
    return pixels.clip(0, 255).astype(np.uint8)


def store_image(user_id: str, image_id: str, pixels: NDArray[Any], *, visibility: str = "private") -> str:
    """Store an image that is ready for use; returns its id."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    name = f"{user_id}/{image_id}/original.png"
    blobs.put(blobs.IMAGES, name, out.getvalue(), content_type="image/png")
    height, width = pixels.shape[:2]
    size = {"width": width, "height": height, "bytes": len(out.getvalue())}
    original = {"container": blobs.IMAGES, "name": name, "contentType": "image/png", **size}
    sha256 = hashlib.sha256(out.getvalue()).hexdigest()
    stored = StoredRenditions.model_validate({"blobs": {"original": original}, "sha256": sha256, **size})
    images.upsert(ready_image(image_id, user_id, stored, kind=ImageKind.GARMENT, visibility=Visibility(visibility)))
    return image_id


def store_images(user_id: str, count: int) -> list[str]:
    """Store images of a merchant; returns their ids."""
    return [store_image(user_id, f"{user_id}-{number}", draw_image(number)) for number in range(count)]


def sales_csv(images: Sequence[str], days: int, *, seed: int = 0, bad: Sequence[str] = ()) -> bytes:
    """A CSV with a row for every image and day; each image sells at its own level."""
    rng = np.random.default_rng(seed)
    level = rng.uniform(20, 200, len(images))
    lines = [HEADER]
    for day in range(days):
        when = date(2025, 1, 1) + timedelta(days=7 * day)
        for number, image in enumerate(images):
            units = round(level[number] * np.exp(0.3 * rng.standard_normal()))
            lines.append(f"{image},{units},{10 + number % 7 * 5}.50,{('hat', 'coat', 'Dress')[number % 3]},{when}")
    return "\n".join([*lines, *bad, ""]).encode()


def csv_upload(data: bytes) -> TableUpload:
    return TableUpload(data, "text/csv")


def run_job(id: str, user: Principal = ADA, tries: int = 3) -> Job:
    """Run a job as its queue would until it has ended."""
    for _ in range(tries):
        job = protocol.load(JobId.of(id), user.user_id)
        if job.status in TERMINAL:
            break
        consume(json.dumps(protocol.pointer(job)), AnalyticsStep())
    return protocol.load(JobId.of(id), user.user_id)


def simulated(n: int, seed: int, joint: int = 24, shares: tuple[float, float, float] = (0.3, 0.1, 0.3)) -> SalesDataset:
    """Rows whose noise depends on their category, four of them, over random embeddings."""
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((n, joint)) + 0.4
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    category = rng.integers(0, 4, n)
    price = np.exp(rng.normal(3, 0.4, n))
    spread = np.array([0.15, 0.3, 0.5, 0.8])[category]
    log = (
        4 + vectors @ rng.normal(0, 1.5, joint) + 0.3 * category - np.log(price / 20) + spread * rng.standard_normal(n)
    )
    day = rng.integers(730_000, 730_700, n)
    return SalesDataset(
        image_names=tuple(map(str, range(n))),
        vectors=vectors.astype(np.float32),
        colours=rng.standard_normal((n, 9)).astype(np.float32),
        categories=("a", "b", "c", "d"),
        image_index=np.arange(n),
        price=price.astype(np.float32),
        category=category,
        units=np.expm1(log).clip(0).astype(np.float32),
        day=day,
        fold=split_by_date(day, shares),
    )
