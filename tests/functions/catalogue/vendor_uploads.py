"""A vendor who uploads files, and the worker of the `drops` queue in this process."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Mapping
from typing import Any

from account_factory import add_account

from functions.catalogue.documents import DropDocument, DropId, drops
from functions.catalogue.vendor_files import VendorFile, on_blob_created, product_id, version_of
from functions.catalogue.worker import DropStep
from shared import blobs
from shared.catalogue.changes import ProductChange
from shared.catalogue.documents import ProductDocument, products
from shared.documents.fields import assign, where
from shared.jobs import queues
from shared.jobs.consumer import Pointer, consume
from shared.jobs.models import OPEN, Job, JobStatus
from shared.jobs.protocol import jobs
from wardrobe import draw_garment, garment_specs

METADATA: Mapping[str, Any] = {
    "title": "Red shirt",
    "category": "Shirt",
    "price": 19.9,
    "colour": "red",
    "tags": ["Summer"],
}


def garment_photo(seed: int = 1, size: tuple[int, int] = (128, 160)) -> bytes:
    """A drawn product photo."""
    buffer = io.BytesIO()
    draw_garment(garment_specs(1, seed)[0], size).image.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def metadata(**changes: Any) -> bytes:
    """A product's JSON."""
    return json.dumps({**METADATA, **changes}).encode()


def create_account(role: str = "vendor", **fields: Any) -> str:
    """Id of a new account."""
    return add_account(role=role, **fields).id


def upload_unnoticed(vendor: str, name: str, data: bytes) -> VendorFile:
    """Upload a file; its trigger does not run."""
    blobs.put(blobs.VENDOR_UPLOADS, f"{vendor}/{name}", data, content_type="application/octet-stream")
    found = blobs.info(blobs.VENDOR_UPLOADS, f"{vendor}/{name}")
    assert found
    return VendorFile(vendor, name, version_of(found))


def upload(vendor: str, name: str, data: bytes) -> VendorFile:
    """Upload a file and run its trigger."""
    file = upload_unnoticed(vendor, name, data)
    on_blob_created(f"{vendor}/{name}")
    return file


def run_worker() -> int:
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


def run_again(file: VendorFile) -> None:
    """Run a file's job once more, as if its commit had been lost."""
    revived = jobs.patch(file.job_id, file.vendor_id, assign(Job.status, JobStatus.QUEUED), assign(Job.attempt, 0))
    pointer = Pointer(jobId=revived.id, userId=file.vendor_id, generation=revived.generation, attempt=1)
    consume(pointer.model_dump_json(), DropStep())


def drop_of(file: VendorFile) -> DropDocument:
    """The document of an uploaded file."""
    return drops.get(DropId.of(file.id), file.vendor_id)


def job_of(file: VendorFile) -> Job:
    """The job of an uploaded file."""
    return jobs.get(file.job_id, file.vendor_id)


def product_of(vendor: str, sku: str) -> ProductDocument:
    """The product document."""
    return products.get(product_id(vendor, sku), vendor)


def take_index_messages() -> list[ProductChange]:
    """The messages of the `index` queue, which is empty afterwards."""
    found: list[ProductChange] = []
    while batch := list(queues.client(queues.INDEX).receive_messages(max_messages=32)):
        for message in batch:
            found.append(ProductChange.model_validate_json(message.content))
            queues.client(queues.INDEX).delete_message(message)
    return found


def blob_names(container: str, prefix: str) -> list[str]:
    """Names of blobs below a prefix, without it."""
    return [blob.name.removeprefix(prefix) for blob in blobs.listing(container, prefix)]


def open_jobs(vendor: str) -> int:
    """Jobs of a vendor that have not ended."""
    return jobs.count(where(Job.status, "in", OPEN), partition=vendor)
