"""Drops through the whole system as they come in practice: in any order, twice, at the same time, by halves."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import requests
from azure.storage.blob import ContainerClient
from drawn import needs_model
from PIL import Image
from quick import eventually
from uploads import uploads
from vendor_uploads import garment_photo, metadata

from demo.client import Client
from emulators.stack import Stack
from shared import blobs

pytestmark = needs_model
NOTICE = {"aeg-event-type": "Notification"}


class Vendor:
    """A vendor of the running system and the folder of uploads."""

    def __init__(self, client: Client, stack: Stack) -> None:
        self.client = client
        self.id: str = client.user["id"]
        self.door = stack.blob_doors[blobs.VENDOR_UPLOADS]
        self._container: ContainerClient = uploads(stack)

    def upload(self, name: str, data: bytes) -> None:
        self._container.upload_blob(f"{self.id}/{name}", data, overwrite=True)

    def notify(self, name: str, times: int) -> None:
        """Deliver the event of a file once more, at the same time."""
        blob = self._container.get_blob_client(f"{self.id}/{name}")
        found = blob.get_blob_properties()
        event = {
            "id": "again", "eventType": "Microsoft.Storage.BlobCreated", "subject": "",
            "data": {"url": blob.url, "eTag": found.etag.strip('"')},
        }  # fmt: skip

        def deliver(_: int) -> int:
            answer = requests.post(self.door, data=json.dumps([event]), headers=NOTICE, timeout=60)
            return answer.status_code

        with ThreadPoolExecutor(times) as pool:
            assert {status // 100 for status in pool.map(deliver, range(times))} == {2}

    def products(self) -> list[dict[str, Any]]:
        return self.client.call("GET", "products")["items"]

    def drops(self) -> list[dict[str, Any]]:
        return self.client.call("GET", "drops")["items"]

    def product_when(self, status: str, *, settled: int, **fields: Any) -> dict[str, Any]:
        """The only product, once it has this status and these fields and as many files have ended."""

        def there() -> dict[str, Any] | None:
            ended = [drop for drop in self.drops() if drop["status"] not in ("queued", "processing", "retrying")]
            found = self.products()
            if len(ended) < settled or len(found) != 1:
                return None
            wanted = {"status": status, **fields}
            return found[0] if {name: found[0][name] for name in wanted} == wanted else None

        return eventually(there, f"a product that is {status}")


@pytest.fixture
def vendor(stack: Stack, sign_up: Callable[..., Client]) -> Vendor:
    return Vendor(sign_up("vendor"), stack)


def colour_of(product: dict[str, Any]) -> np.ndarray[Any, Any]:
    answer = requests.get(product["pictures"]["original"]["url"], timeout=60)
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB"), np.float32).mean((0, 1))


@pytest.mark.parametrize("order", [("json", "jpg"), ("jpg", "json")])
def test_the_halves_of_a_product_come_in_any_order(vendor: Vendor, order: tuple[str, str]) -> None:
    files = {"jpg": garment_photo(1), "json": metadata()}
    waiting = {"json": "awaiting_image", "jpg": "draft"}
    vendor.upload(f"A-1.{order[0]}", files[order[0]])
    half = vendor.product_when(waiting[order[0]], settled=1)
    if order[0] == "jpg":
        assert half["draft"]["code"] == "metadata_missing" and "A-1" not in half["draft"]["message"]
    vendor.upload(f"A-1.{order[1]}", files[order[1]])
    whole = vendor.product_when("active", settled=2, hasMetadata=True)
    assert (whole["sku"], whole["title"], whole["draft"], whole["id"]) == ("A-1", "Red shirt", None, half["id"])


def test_refused_metadata_leaves_a_draft_with_its_reason_until_it_is_right(vendor: Vendor) -> None:
    vendor.upload("B-1.json", metadata(price="12,50"))
    vendor.upload("B-1.jpg", garment_photo(2))
    draft = vendor.product_when("draft", settled=2)
    assert draft["draft"]["code"] == "metadata_refused" and "price" in draft["draft"]["message"]
    vendor.upload("B-1.json", metadata(price=12.5))
    whole = vendor.product_when("active", settled=3)
    assert whole["price"] == {"amount": "12.50", "currency": "EUR"} and whole["draft"] is None


def test_an_event_that_comes_many_times_is_one_file(vendor: Vendor) -> None:
    vendor.upload("C-1.jpg", garment_photo(3))
    vendor.upload("C-1.json", metadata())
    vendor.notify("C-1.jpg", 6)
    first = vendor.product_when("active", settled=2, hasMetadata=True)
    vendor.notify("C-1.json", 3)
    vendor.notify("C-1.jpg", 3)
    vendor.upload("C-2.jpg", b"nothing" * 100)
    eventually(lambda: [d for d in vendor.drops() if d["status"] == "rejected"], "the last file")
    assert sorted(drop["name"] for drop in vendor.drops()) == ["C-1.jpg", "C-1.json", "C-2.jpg"]
    (still,) = vendor.products()
    assert (still["revision"], still["imageId"]) == (first["revision"], first["imageId"])


def test_of_one_photo_uploaded_many_times_at_once_the_stored_one_is_offered(vendor: Vendor) -> None:
    photos = [_plain(colour) for colour in ((200, 40, 40), (40, 160, 60), (40, 60, 200), (180, 170, 40))]
    vendor.upload("D-1.json", metadata())
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda photo: vendor.upload("D-1.jpg", photo), photos))
    vendor.upload("D-1.jpg", photos[2])
    wanted = np.asarray(Image.open(io.BytesIO(photos[2])).convert("RGB"), np.float32).mean((0, 1))

    def offered() -> dict[str, Any] | None:
        found = [one for one in vendor.products() if one["status"] == "active" and one["hasMetadata"]]
        return found[0] if len(found) == 1 and np.abs(colour_of(found[0]) - wanted).max() < 6 else None

    eventually(offered, "the photo that was uploaded last")
    assert [one["sku"] for one in vendor.products()] == ["D-1"]


def test_two_photos_for_one_sku_at_once_are_one_product_and_a_named_refusal(vendor: Vendor) -> None:
    png = io.BytesIO()
    Image.open(io.BytesIO(garment_photo(5))).save(png, "PNG")
    files = {"E-1.jpg": garment_photo(4), "E-1.png": png.getvalue(), "E-1.json": metadata()}
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda file: vendor.upload(*file), files.items()))
    vendor.product_when("active", settled=3, hasMetadata=True)
    (refused,) = [drop for drop in vendor.drops() if drop["status"] == "rejected"]
    assert refused["error"]["code"] == "duplicate_file" and refused["name"] in ("E-1.jpg", "E-1.png")


def _plain(colour: tuple[int, int, int]) -> bytes:
    """A shirt of one colour on white."""
    shirt = Image.new("RGB", (128, 160), "white")
    shirt.paste(colour, (34, 30, 94, 130))
    shirt.paste(colour, (14, 34, 114, 62))
    out = io.BytesIO()
    shirt.save(out, "JPEG", quality=92)
    return out.getvalue()
