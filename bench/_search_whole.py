"""What a whole search costs over its towers and index alone, by size: for text in this process and over HTTP, for a
picture over HTTP.

Products are made up and reach the index as a rebuild's do; only those that a query finds have documents.
"""

from __future__ import annotations

import io
import itertools
import json
import secrets
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import requests

from bench import search
from demo.client import Client
from emulators.stack import Stack
from wardrobe import draw_garment, garment_specs

SIZES = (10_000, 100_000, 1_000_000)
CALLS = 150
QUERIES = tuple(
    " ".join(words)
    for words in itertools.product(("red", "blue", "black"), ("striped", "plain"), ("dress", "shirt", "coat", "bag"))
)
PATIENCE_S = 600


def measure(stack: Stack, client: Client, sizes: Sequence[int] = SIZES) -> dict[str, Any]:
    """Milliseconds by size. This process must be a worker of the stack (`search_freshness.enter`).

    Args:
        client: a vendor, who is moved into a shop of each size in turn.
    """
    return {str(count): size(stack, client, count) for count in sizes}


def size(stack: Stack, client: Client, count: int) -> dict[str, Any]:
    """One row: p50 and p95 of wall time, p50 of this thread's CPU time where the work is done in it."""
    from functions.search import pictures
    from functions.search.engine import index
    from functions.search.engine.port import VectorQuery, Weights
    from shared.documents import store
    from shared.http import auth
    from shared.vision import embedding

    shop, vendor = f"bench-{secrets.token_hex(3)}", client.user["id"]
    store().patch("accounts", vendor, vendor, set={"shop": shop})
    auth.accounts.forget(vendor)
    dim = embedding.identity().dim
    build = index().begin(shop)
    build.take(search.columns(search.vectors(count, dim=dim), f"{vendor}_"))  # pyright: ignore[reportAttributeAccessIssue]
    index().publish(build)

    def query(said: str) -> VectorQuery:
        vector = embedding.embed_text(said).vector
        return VectorQuery(shop, text=vector, words=said, weights=Weights.hybrid(0), k=20)

    photo = _uploaded(client)

    def picture() -> VectorQuery:
        return VectorQuery(shop, image=pictures.of_query(None, photo, "auto", vendor), k=20)

    asked = [*(query(said) for said in QUERIES), picture()]
    _shelve(vendor, {hit.id for one in asked for hit in index().search(one).hits})
    handle = _handler(str(client._session.headers["Authorization"]))
    ask = requests.Session()
    ask.headers.update(client._session.headers)
    took: list[float] = []

    def whole(route: str, body: dict[str, str]) -> float:
        answer = ask.post(f"{stack.url}/api/search/{route}", json=body, timeout=PATIENCE_S)
        answer.raise_for_status()
        return _checked(answer.json())

    deadline = time.monotonic() + PATIENCE_S
    while ask.post(f"{stack.url}/api/search/text", json={"query": "dress"}, timeout=PATIENCE_S).json()["total"] < count:
        # The other process still takes the vendor for one of the shop before.
        assert time.monotonic() < deadline
        time.sleep(1)
    runs: dict[str, Callable[[str], Any]] = {
        "tower": embedding.embed_text,
        "tower_and_engine": lambda said: index().search(query(said)),
        "handler": lambda said: _checked(json.loads(handle(said))),
        "http": lambda said: took.append(whole("text", {"query": said})),
        "health": lambda said: ask.get(f"{stack.url}/api/health", timeout=PATIENCE_S).raise_for_status(),
        "picture_towers_and_engine": lambda _: index().search(picture()),
        "picture_http": lambda _: whole("image", {"imageUrl": photo}),
    }
    wall: dict[str, list[float]] = {name: [] for name in runs}
    cpu: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(-len(QUERIES), CALLS):
        for place, (name, run) in enumerate(runs.items()):
            # Each asks for something else, or it would find warm what the one before it has read.
            said = QUERIES[(number + 5 * place) % len(QUERIES)]
            at, used = time.perf_counter(), time.thread_time()
            run(said)
            if number >= 0:
                cpu[name].append((time.thread_time() - used) * 1000)
                wall[name].append((time.perf_counter() - at) * 1000)
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
    """A URL of a drawn photo: what is named by its id would be remembered."""
    photo = io.BytesIO()
    draw_garment(garment_specs(12, 41)[3], (900, 1200)).image.save(photo, "JPEG", quality=90)
    return client.upload(photo.getvalue(), "photo.jpg", kind="garment")["original"]["url"]


def _handler(authorization: str) -> Callable[[str], bytes]:
    """The route as the runtime calls it, in this process."""
    import azure.functions as func

    import function_app  # noqa: F401
    from functions.search import blueprint
    from shared.http import endpoint

    route = next(route for route in endpoint.ROUTES if route.name == "search_text")
    headers = {"Authorization": authorization, "Content-Type": "application/json"}

    class Context:
        trace_context = None

    def handle(said: str) -> bytes:
        body = json.dumps({"query": said}).encode()
        request = func.HttpRequest("POST", "/api/search/text", headers=headers, params={}, route_params={}, body=body)
        return endpoint._handle(route, blueprint.search_text, request, Context()).get_body()  # pyright: ignore[reportPrivateUsage, reportArgumentType]

    return handle


def _shelve(vendor: str, ids: set[str]) -> None:
    """Documents of products, as the catalogue leaves them."""
    from functions.search import records
    from shared.documents import Create, store

    blob = {"container": "thumbnails", "contentType": "image/webp"}
    made: list[dict[str, Any]] = [
        {"id": id, "tenantId": vendor, "type": "product", "status": "active", "sku": id, "title": f"Product {id}",
         "revision": 1, "category": "dress", "garmentClass": None, "colour": "red", "colours": [], "tags": ["bench"],
         "settleDue": None, "sources": {}, "price": {"amount": "10.00", "currency": "EUR"},
         "image": {"prefix": "none", "blobs": {"cutoutThumbnail": {**blob, "name": f"{vendor}/{id}/cutout.webp"}}}}
        for id in sorted(records.split(one)[1] for one in ids)
    ]  # fmt: skip
    known = store().find_many("garments", [(one["id"], vendor) for one in made])
    fresh = [one for one, there in zip(made, known, strict=True) if there is None]
    for start in range(0, len(fresh), 100):
        store().batch("garments", vendor, [Create(one) for one in fresh[start : start + 100]])


def _checked(answer: dict[str, Any]) -> float:
    assert len(answer["results"]) == 20, answer
    return answer["tookMs"]


def spread(values: Sequence[float]) -> dict[str, float]:
    """p50 and p95."""
    ordered = sorted(values)
    return {
        "p50": round(statistics.median(ordered), 3),
        "p95": round(ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))], 3),
    }
