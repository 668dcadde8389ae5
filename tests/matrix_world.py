"""The actors of the role matrix, and how each comes to own one object of every kind that a route can name."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from azure.storage.blob import BlobServiceClient
from over_http import fault, photo
from quick import QUICK, eventually

from demo.accounts import create_account
from demo.client import Client
from emulators.stack import ROOT, Stack
from shared import clock
from shared.catalogue.documents import (
    EmbeddingDocument,
    ProductDocument,
    ProductId,
    ProductImage,
    ProductRenditions,
    ProductStatus,
)
from shared.documents.sqlite import SqliteStore
from shared.http.routes import Route
from shared.images.documents import StoredRendition

QUERIES: dict[str, dict[str, str]] = {"window_search_words": {"q": "shirt"}}
"""What routes need in their query."""

ACTORS = {"anonymous": None, "shopper A": "shopper", "shopper B": "shopper", "vendor": "vendor", "merchant": "merchant",
          "admin": "admin"}  # fmt: skip
OWNERS = {**ACTORS, "vendor B": "vendor", "merchant B": "merchant"}
"""The actors, and who else may own what is foreign to them."""
NOT_KEPT = {"shop/members/{id}"}
"""Kinds of objects that are made for each call: a product of search moves its owner to another shop."""
MISSING = "01JZZZZZZZZZZZZZZZZZZZZZZZ"
BODIES: dict[str, Any] = {
    "notifications_update": {"read": True},
    "refund_paypal_capture": {},
    "dead_letters_discard": {"reason": "the role matrix"},
    "webhooks_update": {},
    "products_change": {"title": "Hat"},
    "index_versions_rollback": {"reason": "the role matrix", "shop": "matrix"},
    "admin_spending_change": {"paused": False, "reason": "the role matrix"},
    "admin_users_change": {"disabled": False, "reason": "the role matrix"},
}
"""What a route with an id needs as its body, so that it comes to look at the object."""


@dataclass
class World:
    """The actors, and one object of each kind for each of them, made when it is first asked for."""

    stack: Stack
    admin: Client
    clients: dict[str, Client] = field(default_factory=dict[str, Client])
    objects: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])

    def sign_up(self, role: str) -> Client:
        """A client of a new account."""
        # Each merchant has a shop of its own.
        shop = {"shop": f"matrix-{secrets.token_hex(6)}"} if role == "merchant" else {}
        return create_account(self.stack, role, admin=self.admin, **shop)

    def client(self, actor: str) -> Client:
        """The actor's own client."""
        role = OWNERS[actor]
        if actor not in self.clients:
            made = Client(self.stack.url) if role is None else self.admin if role == "admin" else self.sign_up(role)
            self.clients[actor] = made
        return self.clients[actor]

    def spare(self, actor: str) -> Client:
        """A client of the same role for acts that end sessions or accounts."""
        role = OWNERS[actor]
        return self.sign_up(role) if role not in (None, "admin") else Client(self.stack.url)

    def own(self, actor: str, route: Route) -> str:
        """The id of an object of the kind the route is about, one that the actor may act on."""
        kind = kind_of(route)
        # Each DELETE removes an object that no other route uses.
        key = (actor, kind if route.method != "DELETE" else route.name)
        if key not in self.objects or kind in NOT_KEPT:
            self.objects[key] = MAKERS[kind](self, actor)
        return self.objects[key]

    def plant(self, document: dict[str, Any], container: str = "studio") -> None:
        """Put a document where the app would have: for what takes a model or the public internet to come about."""
        store = SqliteStore(Path(self.stack.settings["DOCUMENTS"].removeprefix("sqlite:")))
        try:
            store.create(container, document)
        finally:
            store.close()


_worlds: dict[str, World] = {}


def world_of(stack: Stack, admin: Client) -> World:
    """The world on a stack, made once: its objects take far longer to make than most tests with them."""
    return _worlds.setdefault(stack.url, World(stack, admin))


def kind_of(route: Route) -> str:
    """What the first id of a route's path names: `conversions/{id}`."""
    return route.path[: route.path.index("}") + 1]


def another_user(route: Route, actor: str) -> str:
    """Another actor whom the route is for."""
    return next(name for name, role in OWNERS.items() if role in route.access.roles and name != actor)


def image(world: World, actor: str, kind: str = "person") -> str:
    return world.client(actor).upload(photo(), "photo.jpg", kind)["id"]


def conversion(world: World, actor: str) -> str:
    """A conversion that has ended."""
    client = world.client(actor)
    wanted = {"personImageId": image(world, actor), "garmentImageId": image(world, actor, "garment")}
    made = client.call("POST", "conversions", json=wanted)
    client.wait(made["jobId"])
    world.objects.setdefault((actor, "jobs/{id}"), made["jobId"])
    return made["id"]


def job(world: World, actor: str) -> str:
    conversion(world, actor)
    return world.objects[actor, "jobs/{id}"]


def dead_letter(world: World, actor: str) -> str:
    """A conversion's job that was given up: the model was out of order for as long as it was tried."""
    client, word = world.client("shopper A"), secrets.token_hex(6)
    wanted = {"personImageId": image(world, "shopper A"), "garmentImageId": image(world, "shopper A", "garment")}
    with fault(world.stack, "gemini", match=word, mode="503", times=50):
        made = client.call("POST", "conversions", json={**wanted, "options": {"prompt": word}})
        assert client.wait(made["jobId"])["status"] == "dead"
    return made["jobId"]


def notification(world: World, actor: str) -> str:
    conversion(world, actor)
    found = eventually(lambda: world.client(actor).call("GET", "notifications")["items"], "a notification")
    return found[0]["id"]


def upload(world: World, actor: str) -> str:
    """A file uploaded by SAS that waits for its completion."""
    where = world.client(actor).call("POST", "files/presign", json={"contentType": "image/jpeg"})
    requests.put(where["url"], data=photo(), headers=where["headers"], timeout=30).raise_for_status()
    return where["id"]


def order(world: World, actor: str) -> str:
    return world.client(actor).call("POST", "paypal/orders", json={"pack": "small"})["id"]


def capture(world: World, actor: str) -> str:
    """A payment that has been made."""
    made = order(world, actor)
    approve = {"action": "approve", "outcome": "completed"}
    url = f"{world.stack.providers['paypal']['url']}/_emulator/orders/{made}"
    requests.post(url, json=approve, timeout=10).raise_for_status()
    return world.client(actor).call("POST", f"paypal/orders/{made}/capture")["captureId"]


def dropped(world: World, actor: str, name: str, data: bytes) -> None:
    service = BlobServiceClient.from_connection_string(world.stack.storage)
    user = world.client(actor).user["id"]
    service.get_blob_client("vendor-uploads", f"{user}/{name}").upload_blob(data)


def drop(world: World, actor: str) -> str:
    """A file that was dropped, and refused."""
    dropped(world, actor, "notes.txt", b"not a product")
    found = eventually(lambda: world.client(actor).call("GET", "drops")["items"], "the drop")
    return found[0]["id"]


def product(world: World, actor: str) -> str:
    """A product that has its description and waits for its photo."""
    dropped(world, actor, f"sku-{secrets.token_hex(3)}.json", b'{"title": "Hat"}')
    found = eventually(lambda: world.client(actor).call("GET", "products")["items"], "the product")
    return found[0]["id"]


def product_import(world: World, actor: str) -> str:
    """An import that a job does."""
    file = {"data": b"sku,title\nA,Hat\n", "headers": {"Content-Type": "text/csv"}, "params": {"pictures": "fetch"}}
    return world.client(actor).call("POST", "products/imports", **file)["id"]


def webhook(world: World, actor: str) -> str:
    wanted = {"url": "https://93.184.215.14:8443/hook", "events": ["conversion.failed"]}
    return world.client(actor).call("POST", "webhooks", json=wanted)["id"]


def delivery(world: World, actor: str) -> str:
    id, at = f"matrix-{secrets.token_hex(6)}", "2026-01-01T00:00:00Z"
    planted = {"id": f"delivery:{id}", "userId": world.client(actor).user["id"], "type": "delivery", "eventId": id,
               "webhookId": "webhook:gone", "event": "conversion.failed", "body": "{}", "status": "failed",
               "responseStatus": 500, "attempts": [], "error": None, "createdAt": at, "updatedAt": at,
               "jobId": f"job:{id}"}  # fmt: skip
    world.plant(planted)
    return id


def segmentation(world: World, actor: str) -> str:
    id = secrets.token_hex(16)
    planted = {"id": f"segmentation:{id}", "userId": world.client(actor).user["id"], "type": "segmentation_result",
               "imageId": None, "source": {"container": "images", "name": "gone"}, "inputSha256": "0" * 64,
               "output": "mask", "target": "garment", "width": 96, "height": 128, "blobs": {}, "classes": [],
               "areaShare": 0.5, "worn": False, "confidence": 0.9, "quality": "good", "modelVersion": "none",
               "createdAt": "2026-01-01T00:00:00Z"}  # fmt: skip
    world.plant(planted)
    return id


def tryon(world: World, actor: str) -> str:
    """A try-on that has failed: the person image shows no person."""
    client = world.client(actor)
    body = {"personImageId": image(world, actor), "garmentImageId": image(world, actor, "garment"), "mode": "queued"}
    made = client.call("POST", "cv/tryon", json=body)
    client.wait(made["jobId"])
    return made["id"]


def tryon_batch(world: World, actor: str) -> str:
    """A batch whose try-ons were not created."""
    id, at = f"matrix-{secrets.token_hex(6)}", "2026-01-01T00:00:00Z"
    source = {"container": "images", "name": "gone"}
    garment = {"image": source, "productId": "gone"}
    planted = {"id": f"tryon_batch:{id}", "userId": world.client(actor).user["id"], "type": "tryon_batch",
               "engine": "e", "status": "completed", "jobId": f"job:{id}", "person": source, "garments": [garment],
               "createdAt": at, "updatedAt": at}  # fmt: skip
    world.plant(planted)
    return id


def planted_analytics(type: str, fields: dict[str, Any]) -> Callable[[World, str], str]:
    """Makes a document of analytics, planted: a real one takes an image and a model."""

    def make(world: World, actor: str) -> str:
        id, at = secrets.token_hex(16), "2026-01-01T00:00:00Z"
        shared = {"id": f"{type}:{id}", "userId": world.client(actor).user["id"], "type": type, "createdAt": at,
                  "updatedAt": at, "status": "completed", "jobId": f"job:{id}", "model": None, "modelVersion": None,
                  "error": None}  # fmt: skip
        world.plant(shared | fields)
        return id

    return make


PREDICTION: dict[str, Any] = {
    "imageId": None, "inputSha256": "0" * 64, "heatmapBlob": None, "heatmap": None, "category": None, "price": None,
    "score": 1.0,
    "errLow": 0.0, "errHigh": 2.0, "unit": "units", "coverage": 0.9, "coverageBand": [0.8, 1.0], "calibration": "low",
    "nCalibration": 9, "method": "split-abs", "data": "own", "model": "x", "modelVersion": "x@1", "distance": 0.1,
    "explanation": {"mid": 0.7, "contributions": []}, "comparables": [], "warnings": [],
}  # fmt: skip
SALES_MODEL: dict[str, Any] = {
    "version": "sales_own@1", "categories": ["hat"], "weightsBlob": "x/x/w.npz", "rowsBlob": "x/x/r.npz",
    "facts": {"nCalibration": 9, "unit": "units", "rows": {"train": 1}, "method": "split-abs", "band": [0.8, 1.0],
              "tower": "0", "joint": 8, "pictures": 1, "penalties": [1.0], "heatScale": 1.0, "priceRange": [1.0, 2.0],
              "days": [1, 2], "widths": {}, "level": 0.9},
}  # fmt: skip


def member(world: World, actor: str) -> str:
    """A vendor of the actor's shop."""
    shop = world.client(actor).call("GET", "auth/me")["shop"]
    return create_account(world.stack, "vendor", admin=world.admin, shop=shop).user["id"]


def shelved(world: World, actor: str) -> str:
    """A product in a shop that only the actor belongs to."""
    import numpy as np

    from functions.search import embeddings

    id, owner = secrets.token_hex(13), world.client(actor).user["id"]
    model = world.admin.call("POST", "search/text", json={"query": "hat"})["modelId"]
    dim = json.loads((ROOT / "models_onnx/fashion_image.manifest.json").read_text())["dim"]
    blob = StoredRendition(
        container="thumbnails", name=f"{owner}/{id}.webp", width=1, height=1, content_type="image/webp", bytes=1
    )
    renditions = ProductRenditions(
        original=blob, optimised=blob, thumbnail=blob, mask=blob, cutout=blob, cutout_thumbnail=blob
    )
    product = ProductDocument(
        id=ProductId(id), vendor_id=owner, status=ProductStatus.ACTIVE, sku="A", title="Hat", revision=1,
        category="hat", image=ProductImage(prefix="p", renditions=renditions, width=1, height=1, sha256="0", bytes=1),
        created_at=clock.iso(), updated_at=clock.iso(),
    )  # fmt: skip
    embedding = EmbeddingDocument(
        id=product.id, vendor_id=owner, shop=f"shop-{id}", revision=1, seq=1, model_id=model, picture="p",
        vector=embeddings.pack_vector(np.ones(dim) / dim**0.5), words="hat", pending_since=0,
    )  # fmt: skip
    world.plant(product.to_item(), ProductDocument.container)
    world.plant(embedding.to_item(), EmbeddingDocument.container)
    store = SqliteStore(Path(world.stack.settings["DOCUMENTS"].removeprefix("sqlite:")))
    store.patch("accounts", owner, owner, set={"shop": f"shop-{id}"})
    store.close()
    world.client(actor).call("GET", "auth/me")
    time.sleep(float(QUICK["ACCOUNT_CACHE_S"]) + 0.1)
    return id


def index_version(world: World, actor: str) -> str:
    """A version of the index of a shop without products."""
    made = world.admin.call("POST", "search/rebuild", json={"shop": "matrix"})
    found = lambda: world.admin.call("GET", "admin/index-versions", params={"shop": "matrix"})["current"]  # noqa: E731
    assert made["jobId"]
    return eventually(found, "a version")


MAKERS: dict[str, Callable[[World, str], str]] = {
    "images/{id}": image,
    "conversions/{id}": conversion,
    "jobs/{id}": job,
    "notifications/{id}": notification,
    "files/{id}": upload,
    "paypal/orders/{id}": order,
    "products/{id}": product,
    "products/imports/{id}": product_import,
    "drops/{id}": drop,
    "webhooks/{id}": webhook,
    "webhooks/deliveries/{id}": delivery,
    "cv/segmentations/{id}": segmentation,
    "cv/tryon/{id}": tryon,
    "cv/tryon/batches/{id}": tryon_batch,
    "v1/status/{id}": tryon,
    "admin/dead-letters/{id}": dead_letter,
    "admin/jobs/{id}": job,
    "admin/users/{id}": lambda world, actor: world.client("shopper B").user["id"],
    "admin/paypal/captures/{id}": lambda world, actor: capture(world, "shopper A"),
    "analytics/predictions/{id}": planted_analytics("prediction", PREDICTION),
    "analytics/batches/{id}": planted_analytics(
        "prediction_batch", {"rows": 1, "predicted": 1, "badRows": 0, "listBlob": "x/x/list.csv", "resultBlob": None}
    ),
    "analytics/trainings/{id}": planted_analytics(
        "sales_training", {"rows": 9, "badRows": 0, "reportBlob": None, "ignoredColumns": [], "figures": None}
    ),
    "analytics/models/{id}": planted_analytics("sales_model", SALES_MODEL),
    "search/products/{id}": shelved,
    "admin/index-versions/{version}": index_version,
    "api-keys/{id}": lambda world, actor: world.client(actor).call(
        "POST", "api-keys", json={"name": "Server", "scopes": ["tryon"]}
    )["id"],
    "shops/{shop}": lambda world, actor: "default",
    "shop/members/{id}": member,
    "admin/spending/{kind}": lambda world, actor: "conversion",
    "docs/{file}": lambda world, actor: "docs.js",
}
"""How to make an object of each kind that a route can name."""
