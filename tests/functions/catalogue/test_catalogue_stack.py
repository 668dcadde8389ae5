"""A vendor's drop through the whole system: the real trigger and the real queue."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import requests
from drawn import needs_model
from PIL import Image
from quick import eventually
from uploads import uploads
from vendor_uploads import garment_photo, metadata

from demo.client import Client
from emulators.stack import Stack

pytestmark = needs_model


def test_uploaded_files_become_a_product_that_can_be_tried_on(stack: Stack, sign_up: Callable[..., Client]) -> None:
    vendor, shopper = sign_up("vendor"), sign_up()
    container = uploads(stack)
    container.upload_blob(f"{vendor.user['id']}/A-1.jpg", garment_photo(1))
    container.upload_blob(f"{vendor.user['id']}/A-1.json", metadata())
    container.upload_blob(f"{vendor.user['id']}/A-2.jpg", b"no picture at all" * 9)

    def listed(path: str, status: str) -> list[dict[str, Any]]:
        return vendor.call("GET", path, params={"status": status})["items"]

    (product,) = eventually(lambda: [p for p in listed("products", "active") if p["hasMetadata"]], "the product")
    assert (product["sku"], product["title"]) == ("A-1", "Red shirt")
    white = Image.open(io.BytesIO(requests.get(product["pictures"]["cutout"]["url"], timeout=20).content))
    assert white.size == (product["pictures"]["cutout"]["width"], product["pictures"]["cutout"]["height"])
    assert min(white.convert("RGB").getpixel((0, 0))) >= 250  # type: ignore[type-var]
    eventually(lambda: [d for d in listed("drops", "rejected") if d["name"] == "A-2.jpg"], "the refusal")
    news = eventually(
        lambda: [n for n in vendor.call("GET", "notifications")["items"] if n["event"] == "drops.rejected"],
        "the digest",
    )
    assert "A-2.jpg" in news[0]["text"]
    mask = shopper.call("POST", "cv/segmentation", json={"imageId": product["imageId"]})
    assert mask["imageId"] == product["imageId"]
    container.delete_blob(f"{vendor.user['id']}/A-1.jpg")
    eventually(lambda: vendor.call("GET", f"products/{product['id']}")["status"] == "retired", "its retirement")
