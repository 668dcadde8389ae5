"""Cost of a complete search relative to its towers and index alone, by number of products.

Text search is measured in this process and over HTTP, picture search over HTTP. Products are generated and indexed as
in a rebuild; only those that a query finds have documents.
"""

from __future__ import annotations

import io
import itertools
import json
import secrets
import statistics
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import requests

from bench import search
from bench._common import elapsed_ms, spread
from demo.client import Client
from emulators.stack import Stack
from wardrobe import draw_garment, garment_specs

if TYPE_CHECKING:
    from shared.catalogue.documents import ProductDocument, ProductId
    from shared.images.documents import StoredRendition

SIZES = (10_000, 100_000, 1_000_000)
CALLS = 150
ALIKE = 200
"""Products that look like the photo."""
QUERIES = tuple(
    " ".join(words)
    for words in itertools.product(("red", "blue", "black"), ("striped", "plain"), ("dress", "shirt", "coat", "bag"))
)
TIMEOUT_S = 600


def measure(stack: Stack, client: Client, sizes: Sequence[int] = SIZES) -> dict[str, Any]:
    """Measure milliseconds by number of products.

    This process must be configured as a worker of the stack (`search_freshness.enter`).

    Args:
        client: a vendor, who is moved to a shop of each size in turn.
    """
    return {str(count): measure_size(stack, client, count) for count in sizes}


def measure_size(stack: Stack, client: Client, count: int) -> dict[str, Any]:
    """Measure median and 95th percentile of wall time, and median CPU time of work in this thread."""
    from functions.search import pictures
    from functions.search.engine import index
    from functions.search.engine.local import LocalIndex
    from functions.search.engine.query import Match, VectorQuery, Weights
    from functions.search.queries import COVERAGE, IMAGE_FLOOR, TEXT_FLOOR
    from shared.accounts.cache import account_cache
    from shared.accounts.documents import AccountDocument, accounts
    from shared.documents.fields import assign
    from shared.vision import embedding

    shop, vendor = f"bench-{secrets.token_hex(3)}", client.user["id"]
    accounts.patch(vendor, vendor, assign(AccountDocument.shop, shop))
    account_cache.invalidate(vendor)
    dim = embedding.identity().dim
    engine = index()
    assert isinstance(engine, LocalIndex)
    photo = _uploaded(client)
    rows = search.vectors(count, dim=dim)
    # Some products look like the photo; the others would be no results.
    seen = pictures.of_query(None, photo, "auto", vendor)
    near = seen + 0.3 * np.random.default_rng(2).standard_normal((ALIKE, dim)) / np.sqrt(dim)
    rows[:ALIKE] = near / np.linalg.norm(near, axis=1, keepdims=True)
    build = engine.begin(shop)
    build.take(search.columns(rows, f"{vendor}_"))
    version = engine.publish(build).version

    def query(text: str) -> VectorQuery:
        vector = embedding.embed_text(text).vector
        match = Match(COVERAGE, floor=Weights.hybrid(0).text * TEXT_FLOOR)
        return VectorQuery(shop, text=vector, words=text, weights=Weights.hybrid(0), match=match, k=20)

    def picture() -> VectorQuery:
        match = Match(by_words=False, floor=IMAGE_FLOOR)
        return VectorQuery(shop, image=pictures.of_query(None, photo, "auto", vendor), match=match, k=20)

    queries = [*(query(text) for text in QUERIES), picture()]
    _create_products(vendor, {hit.id for one in queries for hit in engine.search(one).hits})
    handle = _handler(str(client.session.headers["Authorization"]))
    session = requests.Session()
    session.headers.update(client.session.headers)
    took: list[float] = []

    def search_over_http(route: str, body: dict[str, str]) -> float:
        response = session.post(f"{stack.url}/api/search/{route}", json=body, timeout=TIMEOUT_S)
        response.raise_for_status()
        return _took_ms(response.json())

    def answering() -> str:
        response = session.post(f"{stack.url}/api/search/text", json={"query": "dress"}, timeout=TIMEOUT_S)
        return response.json()["indexVersion"]

    deadline = time.monotonic() + TIMEOUT_S
    while answering() != version:
        # The other process still has the vendor's previous shop in its cache.
        assert time.monotonic() < deadline
        time.sleep(1)
    runs: dict[str, Callable[[str], Any]] = {
        "tower": embedding.embed_text,
        "tower_and_engine": lambda text: engine.search(query(text)),
        "handler": lambda text: _took_ms(json.loads(handle(text))),
        "http": lambda text: took.append(search_over_http("text", {"query": text})),
        "health": lambda _: session.get(f"{stack.url}/api/health", timeout=TIMEOUT_S).raise_for_status(),
        "picture_towers_and_engine": lambda _: engine.search(picture()),
        "picture_http": lambda _: search_over_http("image", {"imageUrl": photo}),
    }
    wall: dict[str, list[float]] = {name: [] for name in runs}
    cpu: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(-len(QUERIES), CALLS):
        for place, (name, run) in enumerate(runs.items()):
            # Each run searches for another text; the same one would find the caches of the previous run warm.
            text = QUERIES[(number + 5 * place) % len(QUERIES)]
            cpu_start = time.thread_time()
            wall_ms = elapsed_ms(lambda run=run, text=text: run(text))
            if number >= 0:
                cpu[name].append((time.thread_time() - cpu_start) * 1000)
                wall[name].append(wall_ms)
    base, base_cpu = statistics.median(wall["tower_and_engine"]), statistics.median(cpu["tower_and_engine"])
    return {
        "ms": {name: spread(values) for name, values in wall.items()},
        "cpu_ms": {name: round(statistics.median(cpu[name]), 3) for name in ("tower", "tower_and_engine", "handler")},
        "took_ms": spread(took[-CALLS:]),
        "handler_over_tower_and_engine": round(statistics.median(wall["handler"]) / base, 2),
        "handler_over_tower_and_engine_cpu": round(statistics.median(cpu["handler"]) / base_cpu, 2),
        "http_over_tower_and_engine": round(statistics.median(wall["http"]) / base, 2),
    }


def _uploaded(client: Client) -> str:
    """Upload a drawn photo; returns its URL, because the vectors of an image named by its id would be cached."""
    photo = io.BytesIO()
    draw_garment(garment_specs(12, 41)[3], (900, 1200)).image.save(photo, "JPEG", quality=90)
    return client.upload(photo.getvalue(), "photo.jpg", kind="garment")["original"]["url"]


def _handler(authorization: str) -> Callable[[str], bytes]:
    """The text search route as the Functions runtime calls it, in this process."""
    import azure.functions as func

    from functions.search import blueprint
    from shared.http import endpoint, routes

    route = next(route for route in routes.ROUTES if route.name == "search_text")
    headers = {"Authorization": authorization, "Content-Type": "application/json"}

    class Context:
        trace_context = None

    def handle(text: str) -> bytes:
        body = json.dumps({"query": text}).encode()
        request = func.HttpRequest("POST", "/api/search/text", headers=headers, params={}, route_params={}, body=body)
        return endpoint._handle(route, blueprint.search_text, request, Context()).get_body()  # pyright: ignore[reportPrivateUsage, reportArgumentType]

    return handle


def _create_products(vendor: str, ids: set[str]) -> None:
    """Create product documents as the catalogue does."""
    from functions.search.embeddings import split_item_id
    from shared import clock
    from shared.catalogue.documents import ProductId, products
    from shared.documents import store

    known = [ProductId(split_item_id(id)[1]) for id in sorted(ids)]
    missing = [
        id for id, found in zip(known, products.find_many([(id, vendor) for id in known]), strict=True) if found is None
    ]
    made = [_product(vendor, id, clock.iso()) for id in missing]
    for start in range(0, len(made), 100):
        store().batch(products.container, vendor, [products.creation(one) for one in made[start : start + 100]])


def _product(vendor: str, id: ProductId, at: str) -> ProductDocument:
    from shared.catalogue.documents import (
        Price,
        ProductDocument,
        ProductImage,
        ProductRenditions,
        ProductStatus,
    )
    from shared.images.documents import StoredRendition

    def picture(container: str, name: str) -> StoredRendition:
        return StoredRendition(
            container=container, name=f"{vendor}/{id}/{name}", width=320, height=400, content_type="image/webp", bytes=1
        )

    renditions = ProductRenditions(
        original=picture("images", "original.jpg"),
        optimised=picture("images", "optimised.webp"),
        thumbnail=picture("thumbnails", "thumbnail.webp"),
        mask=picture("masks", "mask.png"),
        cutout=picture("images", "cutout.webp"),
        cutout_thumbnail=picture("thumbnails", "cutout.webp"),
    )
    return ProductDocument(
        id=id,
        vendor_id=vendor,
        sku=id,
        status=ProductStatus.ACTIVE,
        revision=1,
        title=f"Product {id}",
        category="dress",
        colour="red",
        tags=("bench",),
        price=Price(amount="10.00", currency="EUR"),
        image=ProductImage(prefix="none", renditions=renditions, width=320, height=400, sha256="0" * 64, bytes=1),
        created_at=at,
        updated_at=at,
    )


def _took_ms(response: dict[str, Any]) -> float:
    assert len(response["results"]) == 20, response
    return response["tookMs"]
