"""Every reason for which a dropped file is refused: moved aside, told once for the batch, never tried for ever."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable

import pytest
from drawn import needs_model
from over_http import photo
from PIL import Image
from shop import account, drop, garment, names, open_jobs, product, put, record, told, work

from functions.catalogue import drops, reconcile, rejects
from functions.catalogue.worker import DropStep
from shared import blobs
from shared.documents import Where, store
from shared.jobs.consumer import Pointer, handle_poison_message

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
    "cut off": ("A.jpg", garment()[:900], "corrupt"),
    "tiny": ("A.jpg", photo(size=(20, 300)), "too_small"),
    "animated": ("A.webp", animation(), "animated"),
    "nothing on it": ("A.jpg", photo((240, 240, 240), (200, 200)), "no_garment"),
    "a name with a space": ("my shirt.jpg", garment(), "bad_name"),
    "a folder": ("summer/A.jpg", garment(), "bad_name"),
    "a name too long": (f"{'A' * 65}.jpg", garment(), "bad_name"),
    "another kind of file": ("A.txt", b"hello", "unsupported_file"),
    "no ending": ("A", b"hello", "unsupported_file"),
    "not JSON": ("A.json", b"{title: no}", "bad_metadata"),
    "not UTF-8": ("A.json", b'{"title": "\xff"}', "bad_metadata"),
    "no title": ("A.json", b'{"price": 3}', "bad_metadata"),
    "a price below nothing": ("A.json", told(price=-1), "bad_metadata"),
    "a price that is no number": ("A.json", told(price="much"), "bad_metadata"),
    "no such currency": ("A.json", told(currency="euro"), "bad_metadata"),
    "a title of control characters": ("A.json", told(title="a\x00b"), "bad_metadata"),
    "too much JSON": ("A.json", told(description="x" * 70_000), "too_many_bytes"),
}


@pytest.mark.parametrize("why", BAD)
def test_a_bad_file_is_moved_aside_with_its_reason(why: str) -> None:
    name, data, code = BAD[why]
    vendor = account()
    dropped = drop(vendor, name, data)
    assert work() == 1
    found = record(dropped)
    assert (found["status"], found["error"]["code"]) == ("rejected", code)
    assert names(blobs.VENDOR_UPLOADS, f"{vendor}/") == []
    assert blobs.get(blobs.VENDOR_REJECTED, found["rejectedBlob"]) == data
    reason = json.loads(blobs.get(blobs.VENDOR_REJECTED, f"{vendor}/{dropped.id}.reason.json"))
    assert (reason["name"], reason["code"]) == (name, code)
    assert store().count("garments", partition=vendor) == 0
    assert record(dropped, "job:drop-")["status"] == "completed"


def test_a_file_over_the_limit_is_refused_unread(change: Change) -> None:
    change(UPLOAD_MAX_BYTES="2000")
    vendor = account()
    dropped = drop(vendor, "A.jpg", garment())
    work()
    assert record(dropped)["error"]["code"] == "too_many_bytes"


@pytest.mark.parametrize("who", ["nobody", "shopper", "disabled"])
def test_only_vendors_have_products(who: str) -> None:
    owner = "nobody" if who == "nobody" else account("shopper") if who == "shopper" else account(disabled=True)
    dropped = drop(owner, "A.jpg", garment())
    work()
    assert record(dropped)["error"]["code"] == "unknown_vendor"
    assert store().count("studio", Where("kind", "=", rejects.DIGEST), partition=owner) == 0


def test_a_bad_file_leaves_the_product_as_it_was() -> None:
    vendor = account()
    drop(vendor, "A.jpg", garment())
    drop(vendor, "A.json", told())
    work()
    before = product(vendor, "A")
    drop(vendor, "A.json", b"{}")
    work()
    assert product(vendor, "A")["title"] == before["title"]
    drop(vendor, "A.json", told(title="Blue shirt"))
    work()
    assert product(vendor, "A")["title"] == "Blue shirt"


def test_a_vendor_is_told_once_of_a_whole_batch(change: Change) -> None:
    change(VENDOR_DIGEST_S="2")
    vendor = account()
    time.sleep(2 - time.time() % 2)
    for number in range(12):
        drop(vendor, f"bad-{number}.jpg", b"no picture" * 20)
    until = time.monotonic() + 20
    told_of: list[dict[str, object]] = []
    while open_jobs(vendor) - 3 * len(told_of) > 0 and time.monotonic() < until:
        work()
        told_of = [
            dict(one) for one in store().query("studio", Where("type", "=", "notification"), partition=vendor).items
        ]
    windows = {
        drop["window"] for drop in store().query("studio", Where("status", "=", "rejected"), partition=vendor).items
    }
    assert len(told_of) == len(windows) <= 2
    assert sum(one["data"]["count"] for one in told_of) == 12  # type: ignore[index]
    assert "unsupported type" in str(told_of[0]["text"])


def test_a_rejection_that_was_interrupted_is_finished(change: Change) -> None:
    """The process died after the commit: the record says rejected, the original is still there."""
    change(CATALOGUE_ORPHAN_S="0")
    vendor = account()
    dropped = drop(vendor, "A.txt", b"hello")
    work()
    store().patch("studio", f"drop:{dropped.id}", vendor, set={"etag": dropped.etag})
    blobs.put(blobs.VENDOR_UPLOADS, dropped.blob, b"hello", content_type="text/plain")
    newer = put(vendor, "A.txt", b"hello")
    store().upsert("studio", {**record(dropped), "id": f"drop:{newer.id}"})
    assert reconcile.reconcile().noticed == 0
    assert names(blobs.VENDOR_UPLOADS, f"{vendor}/") == []


def test_a_file_that_kills_its_workers_is_moved_aside() -> None:
    vendor = account()
    dropped = drop(vendor, "A.jpg", garment())
    job = record(dropped, "job:drop-")
    store().patch("studio", job["id"], vendor, set={"attempt": job["maxAttempts"]})
    pointer = Pointer(jobId=job["id"], userId=vendor, generation=1, attempt=1)
    handle_poison_message(pointer.model_dump_json(), DropStep)
    assert record(dropped)["status"] == "rejected"
    assert record(dropped)["error"]["code"] == "host_crash"
    assert names(blobs.VENDOR_UPLOADS, f"{vendor}/") == []
    assert record(dropped, "job:drop-")["status"] == "dead"


def test_events_that_name_nothing_are_nothing() -> None:
    for path in ("vendor-uploads/x", "vendor-uploads/nobody/none.jpg", "vendor-uploads/", "x"):
        drops.arrived(path)
    assert work() == 0
