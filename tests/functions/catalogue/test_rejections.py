"""Every reason for which a file is rejected: it is moved, reported once for the batch, and not tried again."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import pytest
from drawn import needs_model
from over_http import photo
from PIL import Image
from vendor_uploads import (
    blob_names,
    create_account,
    drop_of,
    garment_photo,
    job_of,
    metadata,
    product_of,
    run_worker,
    upload,
    upload_unnoticed,
)

from functions.catalogue import reconcile, rejections
from functions.catalogue.documents import DropDocument, DropId, DropStatus, drops
from functions.catalogue.vendor_files import on_blob_created
from functions.catalogue.worker import DropStep
from shared import blobs
from shared.catalogue.documents import products
from shared.documents import Where, store
from shared.documents.fields import assign, where
from shared.jobs.consumer import Pointer, consume, handle_poison_message
from shared.jobs.models import Job
from shared.jobs.protocol import jobs

pytestmark = [needs_model, pytest.mark.usefixtures("shop")]
type Change = Callable[..., None]


def animation() -> bytes:
    frames = [Image.new("RGB", (80, 80), colour) for colour in ("red", "blue")]
    buffer = io.BytesIO()
    frames[0].save(buffer, "WEBP", save_all=True, append_images=frames[1:])
    return buffer.getvalue()


BAD: dict[str, tuple[str, bytes, str]] = {
    "no picture": ("A.jpg", b"this is no picture, whatever its name says" * 4, "unsupported_type"),
    "empty": ("A.jpg", b"", "unsupported_type"),
    "cut off": ("A.jpg", garment_photo()[:900], "corrupt"),
    "tiny": ("A.jpg", photo(size=(20, 300)), "too_small"),
    "animated": ("A.webp", animation(), "animated"),
    "no garment in it": ("A.jpg", photo((240, 240, 240), (200, 200)), "no_garment"),
    "a name with a space": ("my shirt.jpg", garment_photo(), "bad_name"),
    "a folder": ("summer/A.jpg", garment_photo(), "bad_name"),
    "a name too long": (f"{'A' * 65}.jpg", garment_photo(), "bad_name"),
    "another kind of file": ("A.txt", b"hello", "unsupported_file"),
    "no ending": ("A", b"hello", "unsupported_file"),
    "not JSON": ("A.json", b"{title: no}", "bad_metadata"),
    "not UTF-8": ("A.json", b'{"title": "\xff"}', "bad_metadata"),
    "no title": ("A.json", b'{"price": 3}', "bad_metadata"),
    "a price below nothing": ("A.json", metadata(price=-1), "bad_metadata"),
    "a price that is no number": ("A.json", metadata(price="much"), "bad_metadata"),
    "no such currency": ("A.json", metadata(currency="euro"), "bad_metadata"),
    "a title of control characters": ("A.json", metadata(title="a\x00b"), "bad_metadata"),
    "too much JSON": ("A.json", metadata(description="x" * 70_000), "too_many_bytes"),
}


@pytest.mark.parametrize("why", BAD)
def test_a_bad_file_is_moved_to_vendor_rejected_with_the_reason(why: str) -> None:
    name, data, code = BAD[why]
    vendor = create_account()
    file = upload(vendor, name, data)
    assert run_worker() == 1
    found = drop_of(file)
    assert (found.status, found.error.code) == ("rejected", code)
    assert blob_names(blobs.VENDOR_UPLOADS, f"{vendor}/") == []
    assert blobs.get(blobs.VENDOR_REJECTED, found.rejected_blob) == data
    reason = json.loads(blobs.get(blobs.VENDOR_REJECTED, f"{vendor}/{file.id}.reason.json"))
    assert (reason["name"], reason["code"]) == (name, code)
    assert products.count(partition=vendor) == 0
    assert job_of(file).status == "completed"


def test_a_file_over_the_limit_is_rejected_unread(change: Change) -> None:
    change(FILE_MAX_BYTES="2000")
    vendor = create_account()
    file = upload(vendor, "A.jpg", garment_photo())
    run_worker()
    assert drop_of(file).error.code == "too_many_bytes"


@pytest.mark.parametrize("who", ["unknown", "shopper", "disabled"])
def test_only_vendors_have_products(who: str) -> None:
    owner = (
        "unknown"
        if who == "unknown"
        else create_account("shopper")
        if who == "shopper"
        else create_account(disabled=True)
    )
    file = upload(owner, "A.jpg", garment_photo())
    run_worker()
    assert drop_of(file).error.code == "unknown_vendor"
    assert jobs.count(where(Job.kind, "=", rejections.DIGEST), partition=owner) == 0


def test_a_rejected_file_leaves_the_product_unchanged() -> None:
    vendor = create_account()
    upload(vendor, "A.jpg", garment_photo())
    upload(vendor, "A.json", metadata())
    run_worker()
    before = product_of(vendor, "A")
    upload(vendor, "A.json", b"{}")
    run_worker()
    assert product_of(vendor, "A").title == before.title
    upload(vendor, "A.json", metadata(title="Blue shirt"))
    run_worker()
    assert product_of(vendor, "A").title == "Blue shirt"


def test_a_vendor_is_notified_once_of_a_whole_batch(change: Change) -> None:
    change(VENDOR_DIGEST_S="3600")
    vendor = create_account()
    for number in range(12):
        upload(vendor, f"bad-{number}.jpg", b"no picture" * 20)
    assert run_worker() == 12
    rejected = drops.iterate(where(DropDocument.status, "=", DropStatus.REJECTED), partition=vendor)
    windows = {drop.window for drop in rejected}
    digests = jobs.list(where(Job.kind, "=", rejections.DIGEST), partition=vendor).items
    assert len(digests) == len(windows) <= 2, "two when the hour changes meanwhile"
    for digest in digests:
        for _ in range(2):
            consume(Pointer(jobId=digest.id, userId=vendor, generation=1, attempt=1).model_dump_json(), DropStep())
    notified = store().query("studio", Where("type", "=", "notification"), partition=vendor).items
    assert len(notified) == len(windows)
    assert sum(one["data"]["count"] for one in notified) == 12
    assert "unsupported type" in str(notified[0]["text"])


def test_a_rejection_that_was_interrupted_is_finished(change: Change) -> None:
    """The process died after the commit: the record says rejected, the original is still there."""
    change(CATALOGUE_ORPHAN_S="0")
    vendor = create_account()
    file = upload(vendor, "A.txt", b"hello")
    run_worker()
    blobs.put(blobs.VENDOR_UPLOADS, file.blob, b"hello", content_type="text/plain")
    newer = upload_unnoticed(vendor, "A.txt", b"hello")
    drops.upsert(drop_of(file).model_copy(update={"id": DropId.of(newer.id)}))
    assert reconcile.reconcile().recorded == 0
    assert blob_names(blobs.VENDOR_UPLOADS, f"{vendor}/") == []


def test_a_file_that_crashes_its_workers_is_rejected() -> None:
    vendor = create_account()
    file = upload(vendor, "A.jpg", garment_photo())
    job = job_of(file)
    jobs.patch(job.id, vendor, assign(Job.attempt, job.max_attempts))
    pointer = Pointer(jobId=job.id, userId=vendor, generation=1, attempt=1)
    handle_poison_message(pointer.model_dump_json(), DropStep, "m1")
    assert drop_of(file).status == "rejected"
    assert drop_of(file).error.code == "host_crash"
    assert blob_names(blobs.VENDOR_UPLOADS, f"{vendor}/") == []
    assert job_of(file).status == "dead"


def test_events_without_a_file_are_ignored() -> None:
    for path in ("x", "unknown/none.jpg", ""):
        on_blob_created(path)
    assert run_worker() == 0
