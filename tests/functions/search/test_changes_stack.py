"""A change of a product is in the next search: by PATCH, by a table, by a new file, and by taking it off sale."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from drawn import needs_model
from quick import eventually
from uploads import uploads

from demo.client import Client
from emulators.stack import Stack
from wardrobe import draw_garment, garment_specs

pytestmark = needs_model


class Shop:
    """A vendor with one product and a shopper of one shop."""

    def __init__(self, stack: Stack, vendor: Client, shopper: Client) -> None:
        self.vendor, self.shopper = vendor, shopper
        self.container = uploads(stack)
        self.put("json", json.dumps({"title": "Zephyr cape", "price": 49.5, "category": "coat"}).encode())
        self.put("jpg", _photo())
        self.product = self.indexed(lambda one: one["status"] == "active" and one["hasMetadata"])

    def put(self, ending: str, data: bytes) -> None:
        self.container.upload_blob(f"{self.vendor.user['id']}/Z-1.{ending}", data, overwrite=True)

    def indexed(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The product, once it is as wanted and this revision of it is in the index."""

        def there() -> dict[str, Any] | None:
            items = self.vendor.call("GET", "products")["items"]
            return items[0] if items and items[0]["indexSeq"] is not None and wanted(items[0]) else None

        return eventually(there, "the product in the index")

    def search(self, query: str, after: int) -> list[dict[str, Any]]:
        """What a search finds that must know this much of the index."""
        return self.shopper.call("POST", "search/text", json={"query": query, "after": after})["results"]


@pytest.fixture
def shop(stack: Stack, sign_up: Callable[..., Client], admin: Client) -> Shop:
    vendor, shopper = sign_up("vendor"), sign_up()
    name = f"changes-{vendor.user['id'][-6:]}"
    for client in (vendor, shopper):
        admin.call("PATCH", f"admin/users/{client.user['id']}", json={"shop": name, "reason": "a test of search"})
    eventually(lambda: shopper.call("GET", "auth/me")["shop"] == name, "the shopper's move")
    return Shop(stack, vendor, shopper)


def by_patch(shop: Shop) -> None:
    change = {"title": "Mistral parka", "price": {"amount": "59.90", "currency": "EUR"}}
    shop.vendor.call("PATCH", f"products/{shop.product['id']}", json=change)


def by_table(shop: Shop) -> None:
    table = b"sku;title;PRICE (EUR)\nZ-1;Mistral parka;59,90\n"
    report = shop.vendor.call("POST", "products/imports", data=table, headers={"Content-Type": "text/csv"})
    assert report["updated"] == 1, report


def by_file(shop: Shop) -> None:
    shop.put("json", json.dumps({"title": "Mistral parka", "price": 59.9, "category": "coat"}).encode())


@pytest.mark.parametrize("change", [by_patch, by_table, by_file])
def test_a_new_title_and_price_are_found_and_the_old_ones_are_not(shop: Shop, change: Callable[[Shop], None]) -> None:
    (before,) = shop.search("zephyr", shop.product["indexSeq"])
    assert before["price"] == {"amount": "49.50", "currency": "EUR"}
    change(shop)
    after = shop.indexed(lambda one: one["title"] == "Mistral parka")["indexSeq"]
    (found,) = shop.search("mistral", after)
    assert (found["title"], found["price"]) == ("Mistral parka", {"amount": "59.90", "currency": "EUR"})
    assert shop.search("zephyr", after) == []


def test_what_is_taken_off_sale_is_not_found_and_comes_back(shop: Shop) -> None:
    def set_status(status: str) -> None:
        shop.vendor.call("PATCH", f"products/{shop.product['id']}", json={"status": status})

    set_status("draft")
    eventually(lambda: not shop.search("zephyr", shop.product["indexSeq"]), "its disappearance")
    set_status("active")
    after = shop.indexed(lambda one: one["status"] == "active" and one["revision"] > shop.product["revision"])
    assert [one["id"] for one in shop.search("zephyr", after["indexSeq"])] == [shop.product["id"]]


def _photo() -> bytes:
    out = io.BytesIO()
    draw_garment(garment_specs(1, 7)[0], (160, 200)).image.save(out, "JPEG", quality=90)
    return out.getvalue()
