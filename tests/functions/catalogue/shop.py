"""A vendor who drops files, and the worker of the `drops` queue in this process."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Mapping
from typing import Any

from account_factory import add_account

from functions.catalogue import drops
from functions.catalogue.drops import Dropped, product_id
from functions.catalogue.worker import DropStep
from shared import blobs
from shared.documents import Document, Where, store
from shared.jobs import queues
from shared.jobs.consumer import Pointer, consume
from shared.jobs.models import OPEN
from wardrobe import draw_garment, garment_specs

TOLD: Mapping[str, Any] = {
    "title": "Red shirt",
    "category": "Shirt",
    "price": 19.9,
    "colour": "red",
    "tags": ["Summer"],
}


def garment(seed: int = 1, size: tuple[int, int] = (128, 160)) -> bytes:
    """A drawn product photo."""
    buffer = io.BytesIO()
    draw_garment(garment_specs(1, seed)[0], size).image.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def told(**changes: Any) -> bytes:
    """A product's JSON."""
    return json.dumps({**TOLD, **changes}).encode()


def account(role: str = "vendor", **fields: Any) -> str:
    """Somebody's id; the rest of an account does not matter here."""
    return add_account(role=role, **fields).id


def put(vendor: str, name: str, data: bytes) -> Dropped:
    """Drop a file, telling nobody."""
    blobs.put(blobs.VENDOR_UPLOADS, f"{vendor}/{name}", data, content_type="application/octet-stream")
    found = blobs.info(blobs.VENDOR_UPLOADS, f"{vendor}/{name}")
    assert found
    return Dropped(vendor, name, drops.version_of(found))


def drop(vendor: str, name: str, data: bytes) -> Dropped:
    """Drop a file; the trigger tells."""
    dropped = put(vendor, name, data)
    drops.arrived(f"vendor-uploads/{vendor}/{name}")
    return dropped


def work() -> int:
    """Run the worker until its queue holds nothing that is due; returns how many messages it took."""
    taken = 0
    quiet = time.monotonic() + 0.4
    while time.monotonic() < quiet:
        for message in queues.client(queues.DROPS).receive_messages(max_messages=32):
            consume(message.content, DropStep())
            queues.client(queues.DROPS).delete_message(message)
            taken += 1
            quiet = time.monotonic() + 0.4
        time.sleep(0.02)
    return taken


def again(dropped: Dropped) -> None:
    """Run a file's job once more, as if its commit had been lost."""
    job = record(dropped, "job:drop-")
    revived = store().patch("studio", job["id"], dropped.vendor, set={"status": "queued", "attempt": 0})
    pointer = Pointer(jobId=job["id"], userId=dropped.vendor, generation=revived["generation"], attempt=1)
    consume(pointer.model_dump_json(), DropStep())


def record(dropped: Dropped, prefix: str = "drop:") -> Document:
    """What is on record of a dropped file."""
    return store().read("studio", f"{prefix}{dropped.id}", dropped.vendor)


def product(vendor: str, sku: str) -> Document:
    """The product document."""
    return store().read("garments", product_id(vendor, sku), vendor)


def announced() -> list[dict[str, Any]]:
    """The messages of the `index` queue, which are gone afterwards."""
    found: list[dict[str, Any]] = []
    while batch := list(queues.client(queues.INDEX).receive_messages(max_messages=32)):
        for message in batch:
            found.append(json.loads(message.content))
            queues.client(queues.INDEX).delete_message(message)
    return found


def names(container: str, prefix: str) -> list[str]:
    """Names of blobs below a prefix, without it."""
    return [blob.name.removeprefix(prefix) for blob in blobs.listing(container, prefix)]


def open_jobs(vendor: str) -> int:
    """Jobs of a vendor that have not ended."""
    return store().count("studio", Where("type", "=", "job"), Where("status", "in", list(OPEN)), partition=vendor)
