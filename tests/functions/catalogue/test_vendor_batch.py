"""A vendor's drop through the whole system: the real trigger, the real queue, workers that are killed."""

from __future__ import annotations

import io
import os
import random
import secrets
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest
import requests
from azure.storage.blob import BlobServiceClient, ContainerClient
from drawn import catalogue, draw, needs_model
from PIL import Image
from quick import QUICK, eventually
from shop import told

from demo.client import Client
from emulators.stack import Stack
from shared.documents import Where
from shared.documents.sqlite import SqliteStore

pytestmark = needs_model
PRODUCTS, BAD, KILLS, WORKERS = 60, 6, 6, 2
DEADLINE_S = 150


def uploads(stack: Stack) -> ContainerClient:
    container = BlobServiceClient.from_connection_string(stack.storage).get_container_client("vendor-uploads")
    eventually(container.exists, "the container")
    return container


def garment(seed: int) -> bytes:
    buffer = io.BytesIO()
    draw(catalogue(1, seed)[0], (96, 120)).image.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def pages(client: Client, path: str, **params: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        page = client.call("GET", path, params={"limit": 100, **params})
        found += page["items"]
        if not page["continuation"]:
            return found
        params["continuation"] = page["continuation"]


def test_what_is_dropped_is_on_the_shelf_and_can_be_tried_on(stack: Stack, sign_up: Callable[..., Client]) -> None:
    vendor, shopper = sign_up("vendor"), sign_up()
    container = uploads(stack)
    container.upload_blob(f"{vendor.user['id']}/A-1.jpg", garment(1))
    container.upload_blob(f"{vendor.user['id']}/A-1.json", told())
    container.upload_blob(f"{vendor.user['id']}/A-2.jpg", b"no picture at all" * 9)
    (product,) = eventually(
        lambda: [p for p in pages(vendor, "products", status="active") if p["hasMetadata"]], "the product"
    )
    assert (product["sku"], product["title"]) == ("A-1", "Red shirt")
    white = Image.open(io.BytesIO(requests.get(product["pictures"]["cutout"]["url"], timeout=20).content))
    assert white.size == (product["pictures"]["cutout"]["width"], product["pictures"]["cutout"]["height"])
    assert min(white.convert("RGB").getpixel((0, 0))) >= 250  # type: ignore[type-var]
    eventually(lambda: [d for d in pages(vendor, "drops", status="rejected") if d["name"] == "A-2.jpg"], "the refusal")
    news = eventually(
        lambda: [n for n in vendor.call("GET", "notifications")["items"] if n["event"] == "drops.rejected"],
        "the digest",
    )
    assert "A-2.jpg" in news[0]["text"]
    mask = shopper.call("POST", "cv/segmentation", json={"imageId": product["imageId"]})
    assert mask["imageId"] == product["imageId"]
    container.delete_blob(f"{vendor.user['id']}/A-1.jpg")
    eventually(lambda: vendor.call("GET", f"products/{product['id']}")["status"] == "retired", "its retirement")


@pytest.fixture
def cluster() -> Iterator[Stack]:
    settings = {**QUICK, "JOB_LEASE_S": "4", "JOB_MAX_ATTEMPTS": "12", "VENDOR_DIGEST_S": "20"}
    with Stack(workers=WORKERS, settings=settings, blob_poll=0.5) as running:
        yield running


@pytest.mark.timeout(DEADLINE_S + 90)
def test_a_batch_is_processed_to_the_end_whatever_is_killed(cluster: Stack) -> None:
    vendor = Client(cluster.url).register(
        f"vendor.{secrets.token_hex(4)}@example.com", secrets.token_urlsafe(12), role="vendor", phone="+15550107799"
    )
    id = vendor.user["id"]
    container = uploads(cluster)
    photos = [garment(seed) for seed in range(8)]
    for number in range(PRODUCTS):
        container.upload_blob(f"{id}/P-{number:03}.jpg", photos[number % len(photos)] + bytes([number]))
        container.upload_blob(f"{id}/P-{number:03}.json", told(title=f"Product {number}"))
    for number in range(BAD):
        container.upload_blob(f"{id}/bad-{number}.jpg", secrets.token_bytes(400))
    store = SqliteStore(cluster.settings["DOCUMENTS"].removeprefix("sqlite:"))
    drops = Where("type", "=", "vendor_drop")
    ended = Where("status", "in", ["completed", "rejected", "failed", "superseded", "gone"])
    rng, killed, until = random.Random(7), 0, time.monotonic() + DEADLINE_S
    while store.count("studio", drops, ended, partition=id) < 2 * PRODUCTS + BAD:
        assert time.monotonic() < until, Counter(
            drop["status"] for drop in store.query("studio", drops, partition=id, limit=1000).items
        )
        if killed < KILLS and store.count("studio", drops, ended, partition=id) > 12 * killed:
            victims = psutil.Process(cluster.host_pid).children()
            if len(victims) == WORKERS:
                os.kill(rng.choice(victims).pid, signal.SIGKILL)
                killed += 1
        time.sleep(0.3)
    outcomes = Counter(drop["status"] for drop in store.query("studio", drops, partition=id, limit=1000).items)
    assert outcomes == {"completed": 2 * PRODUCTS, "rejected": BAD}
    assert killed == KILLS
    products = store.query("garments", partition=id, limit=1000).items
    assert {product["title"] for product in products} == {f"Product {number}" for number in range(PRODUCTS)}
    assert Counter((product["status"], product["revision"]) for product in products) == {("active", 2): PRODUCTS}
    settled = lambda: store.count("garments", Where("settleDue", "=", None), partition=id) == PRODUCTS  # noqa: E731
    eventually(settled, "every product to be settled", 60)
    digests = lambda: store.query("studio", Where("event", "=", "drops.rejected"), partition=id).items  # noqa: E731
    eventually(lambda: sum(one["data"]["count"] for one in digests()) == BAD, "the digest of all that was refused", 60)
    assert len(digests()) <= 3
    eventually(lambda: not list(container.list_blobs(name_starts_with=f"{id}/bad")), "the bad files to be moved", 30)
    store.close()
