"""The flows and routes that `bench request_units` measures, as a shopper, a vendor and a merchant use them."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import requests
from azure.storage.blob import ContainerClient
from PIL import Image

from bench._common import jpeg, register
from bench._request_units_meter import Meter
from demo.accounts import confirm_email, confirm_phone
from demo.client import Client, Refused
from emulators.stack import Stack
from wardrobe import draw_garment, draw_posed_mannequin, garment_spec, garment_specs

PASSWORD = "correct horse battery staple"  # noqa: S105 - of made-up accounts
FIGURE, GARMENT = (448, 672), (448, 560)
WORD = "nordwind"
"""The name of every vendor, by which all products are found."""


def _anything() -> bool:
    return True


@dataclass(frozen=True)
class Act:
    """Something to measure; it is over once `is_done` and no job is open."""

    name: str
    act: Callable[[], object]
    is_done: Callable[[], bool] = _anything


class Shop:
    """A shopper, a vendor and a merchant of a running stack, and what they have made so far."""

    def __init__(self, stack: Stack, meter: Meter, number: int) -> None:
        self.stack, self.meter, self.number = stack, meter, number
        self.email = f"cost.{secrets.token_hex(4)}@example.com"
        self.shopper = Client(stack.url)
        self.vendor = register(stack, role="vendor", phone=f"+155501099{number:02d}", displayName=WORD)
        self.merchant = register(stack, role="merchant")
        self.made: dict[str, Any] = {}
        self.uploads = ContainerClient.from_connection_string(stack.storage, "vendor-uploads")
        if not self.uploads.exists():
            self.uploads.create_container()
        meter.settle()

    def sign_up(self) -> None:
        """Register the shopper, with all channels of notification."""
        self.shopper.register(self.email, PASSWORD, phone=f"+155501089{self.number:02d}")

    def confirm(self) -> None:
        """Confirm the address by the link and the phone number by the code that were sent."""
        confirm_email(self.stack, self.shopper)
        confirm_phone(self.stack, self.shopper)

    def upload(self, kind: str, image: Image.Image) -> None:
        """Upload an image through the API."""
        self.made[kind] = self.shopper.upload(jpeg(image), f"{kind}.jpg", kind)["id"]

    def convert(self) -> None:
        """Request a conversion."""
        body = {"personImageId": self.made["person"], "garmentImageId": self.made["garment"]}
        self.made["conversion"] = self.shopper.call("POST", "conversions", json=body)["id"]

    def try_on(self) -> None:
        """Try a garment on with the engine `compact`, as a job."""
        body = {
            "personImageId": self.made["person"], "garmentImageId": self.made["garment"], "category": "upper",
            "mode": "queued",
        }  # fmt: skip
        self.made["tryon"] = self.shopper.call("POST", "cv/tryon", json=body)["id"]

    def drop(self) -> None:
        """Put a product photo with its metadata into the vendor's folder."""
        photo = jpeg(draw_garment(garment_specs(12, 5)[self.number % 12], GARMENT).image)
        name = f"{self.vendor.user['id']}/C-{self.number}"
        self.uploads.upload_blob(f"{name}.json", json.dumps({"title": f"Product {self.number}", "price": 10}))
        self.uploads.upload_blob(f"{name}.jpg", photo)

    def is_dropped(self) -> bool:
        """Whether the product is on the shelf and in the index."""
        vendor = self.vendor.user["id"]
        active = self.meter.count("garments", type="product", status="active", tenantId=vendor)
        return bool(active) and self.meter.count("embeddings", tenantId=vendor) > 0

    def search(self) -> None:
        """Search by text and take the first product."""
        found = self.shopper.call("POST", "search/text", json={"query": WORD})
        self.made["product"], self.made["search"] = found["results"][0]["id"], found["searchId"]

    def buy(self) -> None:
        """Order a pack, approve it at the emulated PayPal, capture it."""
        paypal = self.stack.providers["paypal"]["url"]
        order = self.shopper.call("POST", "paypal/orders", json={"pack": "small"})["id"]
        approval = {"action": "approve", "outcome": "completed"}
        requests.post(f"{paypal}/_emulator/orders/{order}", json=approval, timeout=30).raise_for_status()
        self.shopper.call("POST", f"paypal/orders/{order}/capture")
        self.made["order"] = order

    def is_paid(self) -> bool:
        """Whether PayPal's events have arrived."""
        listed = requests.get(
            f"{self.stack.providers['paypal']['url']}/_emulator/events",
            params={"orderId": self.made["order"]},
            timeout=30,
        ).json()["events"]
        return len(listed) > 1 and all(any(d["status"] == 200 for d in event["deliveries"]) for event in listed)

    def predict(self) -> None:
        """Predict the sales of a garment."""
        image = self.merchant.upload(jpeg(draw_garment(garment_spec("dress", 21), GARMENT).image), "d.jpg", "garment")
        self.made["predicted"] = image["id"]
        self.merchant.call("POST", "analytics/predict", json={"imageId": image["id"]})

    def leave(self) -> None:
        """Delete the shopper's account."""
        try:
            self.shopper.call("DELETE", "auth/me", json={"password": PASSWORD})
        except Refused as refused:
            raise RuntimeError(f"the account can't be deleted: {refused}") from refused


def flows(shop: Shop) -> list[Act]:
    """Everything that goes on after its answer, in an order in which each finds what it needs."""
    number = shop.number
    person = draw_posed_mannequin(number + 1, FIGURE)
    garment = draw_garment(garment_spec("t-shirt", 21 + number), GARMENT).image.convert("RGB")
    return [
        Act("registration", shop.sign_up),
        Act("confirmation of address and phone", shop.confirm),
        Act("sign-in", lambda: shop.shopper.login(shop.email, PASSWORD)),
        Act("upload", lambda: shop.upload("person", person)),
        Act("upload of a garment", lambda: shop.upload("garment", garment)),
        Act("conversion", shop.convert),
        Act("try-on", shop.try_on),
        Act("vendor drop", shop.drop, shop.is_dropped),
        Act("search", shop.search),
        Act("purchase", shop.buy, shop.is_paid),
        Act("prediction with upload", shop.predict),
    ]


def routes(shop: Shop) -> list[Act]:
    """Single requests, after the flows."""
    made, user = shop.made, shop.shopper.call

    def get(path: str, template: str = "") -> Act:
        return Act(f"GET {template or path}", lambda: user("GET", path))

    def post(path: str, body: dict[str, Any]) -> Act:
        return Act(f"POST {path}", lambda: user("POST", path, json=body))

    feedback = {"searchId": made["search"], "productId": made["product"], "kind": "click"}
    return [
        get("auth/me"),
        get("images"),
        get(f"images/{made['person']}", "images/{id}"),
        get("conversions"),
        get(f"conversions/{made['conversion']}", "conversions/{id}"),
        get(f"jobs/{made['conversion']}", "jobs/{id}"),
        get("cv/tryon"),
        get(f"cv/tryon/{made['tryon']}", "cv/tryon/{id}"),
        get("notifications"),
        get("notifications/preferences"),
        get("paypal/packs"),
        get("paypal/payments"),
        post("search/text", {"query": WORD}),
        post("search/image", {"imageId": made["garment"]}),
        post("search/hybrid", {"imageId": made["garment"], "query": WORD, "alpha": 0.5}),
        get(f"search/products/{made['product']}/similar", "search/products/{id}/similar"),
        post("search/feedback", feedback),
        post("cv/segmentation", {"imageId": made["garment"]}),
        Act("GET products", lambda: shop.vendor.call("GET", "products")),
        Act("GET drops", lambda: shop.vendor.call("GET", "drops")),
        Act("POST analytics/predict", lambda: _predict_again(shop)),
    ]


def deletion(shop: Shop) -> Act:
    """The end of the shopper's account."""
    return Act("account deletion", shop.leave)


def _predict_again(shop: Shop) -> None:
    shop.merchant.call("POST", "analytics/predict", json={"imageId": shop.made["predicted"], "heatmap": False})
