"""A vendor's batch of 500 files through the whole system while workers are killed; every file must be processed."""

from __future__ import annotations

import io
import json
import os
import random
import secrets
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psutil
from azure.storage.blob import BlobServiceClient

from bench._common import register
from emulators.stack import Stack
from shared.documents import Where
from shared.documents.sqlite import SqliteStore
from wardrobe import draw_garment, garment_specs

PRODUCTS, BAD, KILLS, WORKERS, PHOTOS = 240, 20, 8, 2, 24
DEADLINE_S = 900
SETTINGS = {
    "JOB_LEASE_S": "6",
    "JOB_GRACE_S": "1",
    "JOB_ORPHAN_S": "5",
    "JOB_MAX_ATTEMPTS": "12",
    "SWEEP_SCHEDULE": "*/2 * * * * *",
    "CATALOGUE_SWEEP_S": "5",
    "CATALOGUE_ORPHAN_S": "5",
}


def main() -> dict[str, Any]:
    """Measure outcomes and files per second; `ok` if every file reached the expected state."""
    photos = [_photo(number) for number in range(PHOTOS)]
    with Stack(workers=WORKERS, settings=SETTINGS, blob_poll=0.5) as stack:
        vendor = register(stack, role="vendor", phone="+15550109998")
        id = vendor.user["id"]
        container = BlobServiceClient.from_connection_string(stack.storage).get_container_client("vendor-uploads")
        if not container.exists():
            container.create_container()
        files = {f"bad-{number}.jpg": secrets.token_bytes(500) for number in range(BAD)}
        for number in range(PRODUCTS):
            files[f"P-{number:03}.jpg"] = photos[number % PHOTOS]
            files[f"P-{number:03}.json"] = json.dumps({"title": f"Product {number}", "price": 10}).encode()

        def upload(name: str) -> None:
            container.upload_blob(f"{id}/{name}", files[name])

        started = time.perf_counter()
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(upload, files))
        uploaded = time.perf_counter() - started
        store = SqliteStore(stack.settings["DOCUMENTS"].removeprefix("sqlite:"))
        killed = _follow(stack, store, id, len(files))
        seconds = time.perf_counter() - started
        drops = store.query("studio", Where("type", "=", "vendor_drop"), partition=id, limit=1000).items
        outcomes = Counter(drop["status"] for drop in drops)
        products = store.query("garments", partition=id, limit=1000).items
        whole = sum(product["status"] == "active" and product["title"] is not None for product in products)
        store.close()
    return {
        "ok": outcomes == {"completed": 2 * PRODUCTS, "rejected": BAD} and whole == PRODUCTS,
        "files": len(files),
        "workers": WORKERS,
        "killed": killed,
        "outcomes": dict(outcomes),
        "products": whole,
        "upload_seconds": round(uploaded, 1),
        "seconds": round(seconds, 1),
        "files_per_second": round(len(files) / seconds, 2),
    }


def _follow(stack: Stack, store: SqliteStore, vendor: str, files: int) -> int:
    """Kill random workers during the batch until all files have ended; returns the number of kills."""
    rng, killed, until = random.Random(5), 0, time.monotonic() + DEADLINE_S
    ended = (
        Where("type", "=", "vendor_drop"),
        Where("status", "in", ["completed", "rejected", "failed", "superseded"]),
    )
    while (done := store.count("studio", *ended, partition=vendor)) < files and time.monotonic() < until:
        victims = psutil.Process(stack.host_pid).children()
        if killed < KILLS and done > files * killed / (KILLS + 1) and len(victims) == WORKERS:
            os.kill(rng.choice(victims).pid, signal.SIGKILL)
            killed += 1
        time.sleep(0.3)
    return killed


def _photo(number: int) -> bytes:
    buffer = io.BytesIO()
    draw_garment(garment_specs(PHOTOS, 31)[number], (256, 320)).image.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()
