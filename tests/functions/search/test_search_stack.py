"""Search through the whole system: a file is dropped, found over HTTP, and gone when it is deleted."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import requests
from drawn import needs_model
from quick import eventually
from uploads import uploads

from demo.client import Client
from emulators.stack import Stack
from wardrobe import draw_garment, garment_specs

pytestmark = needs_model


def found(client: Client, path: str, body: dict[str, Any]) -> list[str]:
    return [result["id"] for result in client.call("POST", f"search/{path}", json=body)["results"]]


def test_what_is_dropped_is_found_and_what_is_deleted_is_not(
    stack: Stack, sign_up: Callable[..., Client], admin: Client
) -> None:
    vendor, shopper, stranger = sign_up("vendor"), sign_up(), sign_up()
    shop = f"boutique-{vendor.user['id'][-6:]}"
    for client in (vendor, shopper):
        body = {"shop": shop, "reason": "a test of search"}
        assert admin.call("PATCH", f"admin/users/{client.user['id']}", json=body)["shop"] == shop
    eventually(lambda: shopper.call("GET", "auth/me")["shop"] == shop, "the shopper's move")
    container = uploads(stack)
    photo = io.BytesIO()
    draw_garment(garment_specs(1, 7)[0], (160, 200)).image.save(photo, "JPEG", quality=90)
    product = {"title": "Zanzibar wrap", "category": "dress", "price": 49.5, "colour": "red"}
    container.upload_blob(f"{vendor.user['id']}/Z-1.json", json.dumps(product))
    container.upload_blob(f"{vendor.user['id']}/Z-1.jpg", photo.getvalue())

    def indexed() -> dict[str, Any] | None:
        items = vendor.call("GET", "products", params={"status": "active"})["items"]
        whole = items and items[0]["hasMetadata"] and items[0]["indexSeq"] is not None
        return items[0] if whole else None

    product = eventually(indexed, "the product in the index")
    after = {"after": product["indexSeq"]}
    answer = shopper.call("POST", "search/text", json={"query": "zanzibar", "facets": ["category"], **after})
    (result,) = answer["results"]
    assert (result["id"], result["title"], result["vendor"]) == (product["id"], "Zanzibar wrap", vendor.user["id"])
    assert result["price"] == {"amount": "49.50", "currency": "EUR"}
    assert answer["facets"] == {"category": [{"value": "dress", "count": 1}]}
    assert abs(sum(result["why"].values()) - result["score"]) < 1e-6
    upload = shopper.upload(photo.getvalue(), "seen.jpg", "garment")
    for crop in ("auto", "none"):
        assert found(shopper, "image", {"imageId": upload["id"], "crop": crop, **after}) == [product["id"]]
    by_url = {"imageUrl": upload["original"]["url"], "query": "red dress", "alpha": 0.5, "negative": "blue", **after}
    assert found(shopper, "hybrid", by_url) == [product["id"]]
    for alpha, pure in ((1, ("image", {"imageId": upload["id"]})), (0, ("text", {"query": "red dress"}))):
        ends = {"imageId": upload["id"], "query": "red dress", "alpha": alpha}

        def same_version(asked: Any = (("hybrid", ends), pure)) -> list[Any] | None:
            """Both answers, once they come from one version of the index: instances take up a new one separately."""
            answers = [shopper.call("POST", f"search/{path}", json=body) for path, body in asked]
            return answers if answers[0]["indexVersion"] == answers[1]["indexVersion"] else None

        blended, alone = eventually(same_version, "two answers of one index version")
        assert [r["id"] for r in blended["results"]] == [r["id"] for r in alone["results"]]
        assert abs(blended["results"][0]["score"] - alone["results"][0]["score"]) < 1e-6
    assert found(stranger, "text", {"query": "zanzibar"}) == []
    visitor = Client(stack.url)
    window = f"shops/{shop}/search"
    listed = eventually(lambda: visitor.call("GET", f"shops/{shop}/products")["items"], "the product on the shelf")

    def as_shopper() -> bool:
        """Whether both get one score: instances take up a new version of the index, which changes it, separately."""
        seen = visitor.call("GET", window, params={"q": "zanzibar"})["results"]
        theirs = shopper.call("POST", "search/text", json={"query": "zanzibar"})["results"]
        assert all(one["product"] in listed for one in seen)
        return bool(seen) and [one["score"] for one in seen] == [one["score"] for one in theirs]

    eventually(as_shopper, "one score for visitor and shopper")
    by_photo = {"data": photo.getvalue(), "headers": {"Content-Type": "image/jpeg"}}
    (seen,) = eventually(lambda: visitor.call("POST", window, **by_photo)["results"], "it by its photo")
    assert seen["product"]["id"] == product["id"]
    cutout = requests.get(f"{stack.url}{seen['product']['pictures']['cutout']['url']}", timeout=60)
    assert (cutout.status_code, cutout.headers["Content-Type"]) == (200, "image/webp")

    def not_sent_again() -> bool:
        first = requests.get(f"{stack.url}/api/{window}", {"q": "zanzibar"}, timeout=60)
        held = {"If-None-Match": first.headers["ETag"], "Origin": "https://any.example"}
        again = requests.get(f"{stack.url}/api/{window}", {"q": "zanzibar"}, headers=held, timeout=60)
        assert again.headers["Access-Control-Allow-Origin"] == "*"
        return again.status_code == 304

    eventually(not_sent_again, "an answer that has not changed")
    assert visitor.call("GET", "shops/default/search", params={"q": "zanzibar"})["results"] == []
    shopper.call("POST", "search/feedback", json={"searchId": answer["searchId"], "productId": product["id"]})
    job = admin.call("POST", "search/rebuild", json={"shop": shop})["jobId"]
    eventually(lambda: admin.call("GET", f"admin/jobs/{job}")["status"] == "completed", "the rebuild")

    def from_the_newest() -> bool:
        """Whether the answer is of the current version, which is the first listed: instances take it up separately."""
        kept = admin.call("GET", "admin/index-versions", params={"shop": shop})
        version = shopper.call("POST", "search/text", json={"query": "hat"})["indexVersion"]
        return version == kept["current"] == kept["items"][0]["version"]

    eventually(from_the_newest, "the rebuilt version")
    container.delete_blob(f"{vendor.user['id']}/Z-1.jpg")
    eventually(lambda: not found(shopper, "text", {"query": "zanzibar"}), "its disappearance")
    eventually(lambda: shopper.call("POST", "search/text", json={"query": "hat"})["total"] == 0, "the index without it")
