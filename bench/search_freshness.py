"""Time from an uploaded product photo to a search result, and from a deletion to its absence."""

from __future__ import annotations

import io
import json
import os
import secrets
import time
from collections.abc import Callable
from typing import Any

from azure.storage.blob import BlobServiceClient

from bench import _search_whole as whole
from bench._common import register, spread
from demo.client import Client
from emulators.stack import ROOT, Stack
from wardrobe import draw_garment, garment_specs

DROPS = 12
SETTINGS = {"RATE_LIMIT_SCALE": "100000", "ACCOUNT_CACHE_S": "60"}
DEADLINE_S = 60


def main() -> dict[str, Any]:
    """Measure freshness in seconds, and latencies of text search in milliseconds."""
    with Stack(settings=SETTINGS) as stack:
        found = freshness(stack)
        enter(stack)
        return {"ok": True, "freshness": found, "text": whole.measure(stack, register(stack, role="vendor"))}


def freshness(stack: Stack, drops: int = DROPS) -> dict[str, Any]:
    """Measure one product at a time.

    Returns:
        Seconds from the upload of a photo, and from the end of its processing, to its first search result; and from its
        deletion to its absence.
    """
    vendor = register(stack, role="vendor")
    container = BlobServiceClient.from_connection_string(stack.storage).get_container_client("vendor-uploads")
    if not container.exists():
        container.create_container()
    found: list[float] = []
    indexed: list[float] = []
    own: list[float] = []
    gone: list[float] = []
    for number in range(drops):
        word, photo = f"zq{secrets.token_hex(4)}", io.BytesIO()
        draw_garment(garment_specs(drops, 41)[number], (256, 320)).image.save(photo, "JPEG", quality=90)
        name = f"{vendor.user['id']}/F-{number:03}"
        container.upload_blob(f"{name}.json", json.dumps({"title": word, "price": 10}))
        _until(lambda word=word: _product(vendor, word) is not None)
        dropped = time.perf_counter()
        container.upload_blob(f"{name}.jpg", photo.getvalue())
        _until(lambda word=word: _product(vendor, word)["status"] == "active")
        ingested = time.perf_counter()
        _until(lambda word=word: _product(vendor, word)["indexSeq"] is not None)
        own.append(time.perf_counter() - ingested)
        _until(lambda word=word: _first(vendor, word) == word)
        found.append(time.perf_counter() - dropped)
        indexed.append(time.perf_counter() - ingested)
        vendor.call("DELETE", f"products/{_product(vendor, word)['id']}")
        removed = time.perf_counter()
        _until(lambda word=word: _first(vendor, word) != word)
        gone.append(time.perf_counter() - removed)
    return {
        "drops": drops,
        "drop_to_hit_s": spread(found),
        "ingested_to_hit_s": spread(indexed),
        "ingested_to_seq_s": spread(own),
        "delete_to_miss_s": spread(gone),
        "note": "the emulated blob trigger scans every second, and idle queues are polled at least every two seconds",
    }


def enter(stack: Stack) -> None:
    """Configure this process as another worker of the stack."""
    common = json.loads((ROOT / "local.settings.example.json").read_text())["Values"]
    os.environ.update({**common, **stack.settings})


def _product(vendor: Client, title: str) -> Any:
    items = vendor.call("GET", "products", params={"limit": 1})["items"]
    return items[0] if items and items[0]["title"] == title else None


def _first(client: Client, word: str) -> str | None:
    results = client.call("POST", "search/text", json={"query": word, "topK": 1})["results"]
    return results[0]["title"] if results else None


def _until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.02)
