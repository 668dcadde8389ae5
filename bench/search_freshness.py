"""How soon a dropped product is found, and what the whole of a text search costs over its tower and index alone."""

from __future__ import annotations

import io
import json
import os
import secrets
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import requests
from azure.storage.blob import BlobServiceClient

from demo.client import Client
from demo.wardrobe import catalogue, draw
from emulators.stack import ROOT, Stack

DROPS = 12
PRODUCTS = 10_000
CALLS = 200
QUERIES = ("red dress", "striped shirt", "blue jeans", "warm winter coat", "white trainers")
SETTINGS = {"RATE_LIMIT_SCALE": "100000", "ACCOUNT_CACHE_S": "60"}
DEADLINE_S = 60


def main() -> dict[str, Any]:
    """Freshness in seconds and latencies in milliseconds."""
    with Stack(settings=SETTINGS) as stack:
        return {"ok": True, "freshness": freshness(stack), "text": text_latency(stack)}


def freshness(stack: Stack, drops: int = DROPS) -> dict[str, Any]:
    """Seconds from a dropped photo, and from the end of its ingestion, until a search finds it; and until a search
    misses it after its removal. One product at a time."""
    vendor = _user(stack, "vendor")
    container = BlobServiceClient.from_connection_string(stack.storage).get_container_client("vendor-uploads")
    _until(container.exists)
    found: list[float] = []
    indexed: list[float] = []
    own: list[float] = []
    gone: list[float] = []
    for number in range(drops):
        word, photo = f"zq{secrets.token_hex(4)}", io.BytesIO()
        draw(catalogue(drops, 41)[number], (256, 320)).image.save(photo, "JPEG", quality=90)
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
        "drop_to_hit_s": _spread(found),
        "ingested_to_hit_s": _spread(indexed),
        "ingested_to_seq_s": _spread(own),
        "delete_to_miss_s": _spread(gone),
        "note": "the emulated blob trigger scans once a second, and idle queues are polled every two at most",
    }


def text_latency(stack: Stack, products: int = PRODUCTS, calls: int = CALLS) -> dict[str, Any]:
    """Milliseconds of `POST /api/search/text` beside the text tower and the index alone, on the same products."""
    _enter(stack)
    from functions.search.engine import index
    from functions.search.engine.port import VectorQuery, Weights
    from shared.documents import store
    from shared.vision import embedding

    shop = f"bench-{secrets.token_hex(3)}"
    client = _user(stack, "vendor")
    vendor = client.user["id"]
    store().patch("accounts", vendor, vendor, set={"shop": shop})
    _plant(vendor, shop, products)
    ask = requests.Session()
    ask.headers.update(client._session.headers)

    def alone(query: str) -> None:
        told = embedding.embed_text(query)
        index().search(VectorQuery(shop=shop, text=told.vector, words=query, weights=Weights.hybrid(0), k=20))

    inner: list[float] = []

    def whole(query: str) -> None:
        answer = ask.post(f"{stack.url}/api/search/text", json={"query": query}, timeout=30)
        answer.raise_for_status()
        body = answer.json()
        assert len(body["results"]) == 20, (len(body["results"]), body["total"])
        inner.append(body["tookMs"])

    def bare(query: str) -> None:
        ask.get(f"{stack.url}/api/health", timeout=30).raise_for_status()

    timed: dict[str, list[float]] = {"tower_and_index": [], "text_search": [], "health": []}
    runs: dict[str, Callable[[str], None]] = {"tower_and_index": alone, "text_search": whole, "health": bare}
    for query in QUERIES:
        for run in runs.values():
            run(query)
    inner.clear()
    for number in range(calls):
        for name, run in runs.items():
            started = time.perf_counter()
            run(QUERIES[number % len(QUERIES)])
            timed[name].append((time.perf_counter() - started) * 1000)
    figures: dict[str, Any] = {name: _spread(values) for name, values in timed.items()}
    figures["took_ms"] = _spread(inner)
    figures["ratio"] = figures["text_search"]["p50"] / figures["tower_and_index"]["p50"]
    figures["ratio_inside"] = figures["took_ms"]["p50"] / figures["tower_and_index"]["p50"]
    figures["products"] = products
    return figures


def _plant(vendor: str, shop: str, products: int) -> None:
    """Products with vectors of no picture, published as one version."""
    from functions.search import records
    from functions.search.engine import index
    from shared.documents import Create, store
    from shared.vision import embedding

    dim = embedding.identity().dim
    random = np.random.default_rng(3)
    build = index().begin(shop)
    blob = {"container": "thumbnails", "name": "bench/none.webp", "contentType": "image/webp"}
    for start in range(0, products, 100):
        made: list[dict[str, Any]] = []
        for number in range(start, min(products, start + 100)):
            words = QUERIES[number % len(QUERIES)]
            made.append(
                {"id": f"b{number:08}", "tenantId": vendor, "type": "product", "status": "active", "sku": f"B-{number}",
                 "title": f"{words} {number}", "revision": 1, "category": words.split()[-1], "garmentClass": None,
                 "colour": words.split()[0], "colours": [], "tags": ["bench"], "settleDue": None, "sources": {},
                 "price": {"amount": "10.00", "currency": "EUR"},
                 "image": {"prefix": "none", "blobs": {"cutoutThumbnail": blob}}}
            )  # fmt: skip
        store().batch("garments", vendor, [Create(one) for one in made])
        vectors = random.standard_normal((len(made), dim)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        model = embedding.identity().model_id
        docs = [records.make(one, {}, shop, model, row) for one, row in zip(made, vectors, strict=True)]
        build.add([records.item(doc) for doc in docs])
    index().publish(build)


def _enter(stack: Stack) -> None:
    """This process becomes one more worker of the stack."""
    common = json.loads((ROOT / "local.settings.example.json").read_text())["Values"]
    os.environ.update({**common, **stack.settings})


def _user(stack: Stack, role: str) -> Client:
    email = f"bench.{secrets.token_hex(4)}@example.com"
    return Client(stack.url).register(email, secrets.token_urlsafe(12), role=role)


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


def _spread(values: Sequence[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {
        "p50": round(statistics.median(ordered), 3),
        "p95": round(ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))], 3),
    }
