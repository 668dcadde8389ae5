"""What dropping a product costs: processor time by process, calls of storage, seconds until all are on sale."""

from __future__ import annotations

import io
import json
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from azure.storage.blob import ContainerClient

from bench._common import register
from bench._processes import cpu_seconds, ms_each, storage_log
from emulators.stack import Stack
from shared.documents import Where
from shared.documents.sqlite import SqliteStore
from shared.jobs.models import OPEN
from wardrobe import draw_garment, garment_specs

PRODUCTS, FEW = 48, 12
SIZE: Final = (448, 560)
PATIENCE_S: Final = 600


def main(quick: bool = False) -> dict[str, Any]:
    """Drop products, a photo and its metadata each, after one that loads the models; `ok` if all are on sale."""
    number = FEW if quick else PRODUCTS
    photos = [_photo(n, number + 1) for n in range(number + 1)]
    with (
        tempfile.TemporaryDirectory(prefix="studio-drop-cost-") as folder,
        storage_log(Path(folder) / "log") as calls,
        Stack() as stack,
    ):
        vendor = register(stack, role="vendor", phone="+15550109998").user["id"]
        uploads = ContainerClient.from_connection_string(stack.storage, "vendor-uploads")
        if not uploads.exists():
            uploads.create_container()
        store = SqliteStore(stack.settings["DOCUMENTS"].removeprefix("sqlite:"))

        def drop(n: int) -> None:
            uploads.upload_blob(f"{vendor}/P-{n:03}.jpg", photos[n])
            uploads.upload_blob(f"{vendor}/P-{n:03}.json", json.dumps({"title": f"Product {n}", "price": 10}))

        drop(number)
        _settle(store, vendor, 1)
        before, started = cpu_seconds(), time.perf_counter()
        calls.clear()
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(drop, range(number)))
        on_sale = _settle(store, vendor, number + 1)
        figures = {"cpu_ms_each": ms_each(before, number), "storage_calls_each": calls.each(number)}
        store.close()
    return {
        "ok": on_sale is not None,
        "products": number,
        "photo": f"{SIZE[0]} x {SIZE[1]} px",
        "seconds_to_sale": None if on_sale is None else round(on_sale - started, 1),
        **figures,
    }


def _settle(store: SqliteStore, vendor: str, number: int) -> float | None:
    """Wait until this number of products is on sale, in the index and without open jobs; when they were on sale."""
    until, on_sale = time.monotonic() + PATIENCE_S, None
    while time.monotonic() < until:
        active = (Where("type", "=", "product"), Where("status", "=", "active"))
        if on_sale is None and store.count("garments", *active, partition=vendor) >= number:
            on_sale = time.perf_counter()
        indexed = store.count("embeddings", Where("seq", ">", 0), partition=vendor)
        jobs = store.count("studio", Where("type", "=", "job"), Where("status", "in", list(OPEN)))
        if on_sale is not None and indexed >= number and not jobs:
            return on_sale
        time.sleep(0.1)
    return None


def _photo(number: int, of: int) -> bytes:
    buffer = io.BytesIO()
    draw_garment(garment_specs(of, 31)[number], SIZE).image.convert("RGB").save(buffer, "JPEG", quality=88)
    return buffer.getvalue()
