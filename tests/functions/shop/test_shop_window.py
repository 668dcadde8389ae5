"""The shop window: what anyone may see of the products on sale."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from account_factory import add_account
from http_calls import App, fresh_store

from functions.shop.blueprint import bp
from functions.shop.shelf import shelf
from shared import clock
from shared.accounts.cache import account_cache
from shared.accounts.documents import AccountDocument, accounts
from shared.catalogue.documents import (
    MeasuredColour,
    Price,
    ProductDocument,
    ProductId,
    ProductImage,
    ProductRenditions,
    ProductStatus,
    products,
)
from shared.documents.fields import assign
from shared.images.documents import StoredRendition


@pytest.fixture
def call(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    """The window over an empty store; what changes is seen at once."""
    with fresh_store(tmp_path, monkeypatch, SHELF_REFRESH_S="0"):
        shelf.forget()
        add_account("ada", "vendor", display_name="Ada's")
        yield App(bp)
        shelf.forget()


def add(sku: str, vendor: str = "ada", **fields: Any) -> ProductDocument:
    """A product on sale."""
    rendition = StoredRendition(
        container="thumbnails", name=f"{vendor}/{sku}.webp", width=240, height=320, content_type="image/webp", bytes=9
    )
    renditions = ProductRenditions(**dict.fromkeys(ProductRenditions.model_fields, rendition))
    image = ProductImage(prefix=f"{vendor}/{sku}/1", renditions=renditions, width=600, height=800, sha256="0", bytes=9)
    known: dict[str, Any] = {"status": ProductStatus.ACTIVE, "revision": 1, "image": image, "title": sku}
    known |= {"created_at": clock.iso(), "updated_at": clock.iso()}
    return products.create(ProductDocument(id=ProductId(f"p-{sku}"), vendor_id=vendor, sku=sku, **known | fields))


def euros(amount: str) -> Price:
    return Price(amount=amount, currency="EUR")


def listed(call: App, shop: str = "default", **query: str) -> Any:
    answer = call("shop_products_list", query=query, route={"shop": shop})
    assert answer.status == 200, answer.raw
    return answer.body


def skus(page: Any) -> list[str]:
    return [item["sku"] for item in page["items"]]


def test_anyone_sees_what_is_on_sale(call: App) -> None:
    add("shirt", price=euros("29.90"), category="top", colour="Blue", description="Soft")
    add("sold-out", status=ProductStatus.RETIRED)
    add("waiting", status=ProductStatus.AWAITING_IMAGE, image=None)
    page = listed(call)
    (item,) = page["items"]
    assert page["total"] == 1
    assert item["title"] == "shirt"
    assert item["price"] == {"amount": "29.90", "currency": "EUR"}
    assert item["colours"] == ["blue"]
    assert item["vendorName"] == "Ada's"
    assert set(item["pictures"]) == {"thumbnail", "optimised", "cutoutThumbnail", "cutout"}
    assert call("shop_products_get", route={"shop": "default", "id": item["id"]}).body == item


def test_products_of_other_shops_and_closed_vendors_are_not_shown(call: App) -> None:
    add_account("bob", "vendor", shop="other")
    add_account("eve", "vendor", disabled=True)
    add("shirt")
    add("hat", "bob")
    add("scarf", "eve")
    assert skus(listed(call)) == ["shirt"]
    assert skus(listed(call, "other")) == ["hat"]
    assert call("shop_products_get", route={"shop": "default", "id": "p-hat"}).code == "product_not_found"
    assert call("shop_products_get", route={"shop": "default", "id": "p-scarf"}).code == "product_not_found"


@pytest.mark.parametrize("shop", ["nowhere", "UPPER", "../x", "a" * 200])
def test_a_shop_that_does_not_exist(call: App, shop: str) -> None:
    answer = call("shop_products_list", route={"shop": shop})
    assert (answer.status, answer.code) == (404, "shop_not_found")


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("newest", ["c", "a", "d", "b"]),
        ("price", ["b", "d", "a", "c"]),
        ("-price", ["a", "d", "b", "c"]),
        ("title", ["a", "b", "c", "d"]),
    ],
)
def test_every_order_pages_through_each_product_once(call: App, sort: str, expected: list[str]) -> None:
    add("b", price=euros("5.00"), created_at="2026-01-01T00:00:00.000Z", title="Bag")
    add("d", price=euros("20.00"), created_at="2026-01-02T00:00:00.000Z", title="dress")
    add("a", price=euros("100.00"), created_at="2026-01-03T00:00:00.000Z", title="Apron")
    add("c", created_at="2026-01-04T00:00:00.000Z", title="Coat")
    assert skus(listed(call, sort=sort)) == expected
    seen: list[str] = []
    query = {"sort": sort, "limit": "1"}
    while True:
        page = listed(call, **query)
        seen += skus(page)
        if page["continuation"] is None:
            break
        query["continuation"] = page["continuation"]
    assert seen == expected


def test_filters_combine_and_a_facet_leaves_its_own_filter_out(call: App) -> None:
    add("1", category="Top", colour="red", price=euros("10.00"))
    add("2", category="top", colour="blue", price=euros("20.00"))
    add("3", category="dress", colour="red", price=euros("30.00"))
    add("4", garment_class="lower", colours=(MeasuredColour(name="Blue", hex="#0000ff", share=0.9),))
    page = listed(call, category="top,dress", colour="red", facets="category,colour")
    assert sorted(skus(page)) == ["1", "3"]
    assert page["facets"]["category"] == [{"value": "dress", "count": 1}, {"value": "top", "count": 1}]
    assert page["facets"]["colour"] == [{"value": "red", "count": 2}, {"value": "blue", "count": 1}]
    assert sorted(skus(listed(call, minPrice="15", maxPrice="30"))) == ["2", "3"]
    assert skus(listed(call, category="lower", colour="BLUE")) == ["4"]
    assert listed(call, minPrice="1", currency="USD")["total"] == 0


def test_changes_are_seen_without_reading_everything_again(call: App) -> None:
    add("a")
    assert skus(listed(call)) == ["a"]
    add("b")
    assert sorted(skus(listed(call))) == ["a", "b"]
    retired = (assign(ProductDocument.status, ProductStatus.RETIRED), assign(ProductDocument.updated_at, clock.iso()))
    products.patch("p-a", "ada", *retired)
    assert skus(listed(call)) == ["b"]
    # Deleted without a trace, as with the vendor's account: the page is checked against the documents.
    products.delete("p-b", "ada")
    assert skus(listed(call)) == []


def test_a_disabled_vendor_leaves_the_window(call: App) -> None:
    add("a")
    assert skus(listed(call)) == ["a"]
    accounts.patch("ada", "ada", assign(AccountDocument.disabled, True))
    account_cache.clear()
    assert skus(listed(call)) == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"sort": "cheapest"}, "sort"),
        ({"limit": "0"}, "limit"),
        ({"minPrice": "-1"}, "minPrice"),
        ({"minPrice": "NaN"}, "minPrice"),
        ({"currency": "euro"}, "currency"),
        ({"facets": "price"}, "facets"),
        ({"continuation": "garbage"}, "continuation"),
        ({"continuation": "WzFd"}, "continuation"),
        ({"page": "2"}, "page"),
    ],
)
def test_a_wrong_parameter_is_named(call: App, query: dict[str, str], field: str) -> None:
    add("a")
    answer = call("shop_products_list", query=query, route={"shop": "default"})
    assert answer.status in (400, 422)
    assert field in str(answer.body.get("field")) or field in answer.body["detail"]


def test_a_cursor_of_another_order_is_refused(call: App) -> None:
    for sku in "abc":
        add(sku, price=euros("1.00"))
    cursor = listed(call, sort="price", limit="1")["continuation"]
    answer = call("shop_products_list", query={"sort": "title", "continuation": cursor}, route={"shop": "default"})
    assert (answer.status, answer.code) == (422, "bad_cursor")


def test_the_window_is_empty_and_not_missing_before_the_first_product(call: App) -> None:
    assert listed(call) == {"items": [], "total": 0, "facets": {}, "continuation": None}


def picture_address(call: App, name: str, version: Callable[[str], str] = lambda given: given) -> dict[str, str]:
    url = listed(call)["items"][0]["pictures"]["thumbnail"]["url"]
    *_, given, _ = url.split("/")
    return {"shop": "default", "id": "p-a", "version": version(given), "name": name}


def test_a_picture_is_public_and_kept(local: dict[str, str], call: App, monkeypatch: pytest.MonkeyPatch) -> None:
    from shared import blobs

    monkeypatch.setenv("Storage", local["Storage"])
    from shared.settings import forget

    forget()
    add("a")
    blobs.put("thumbnails", "ada/a.webp", b"webp", content_type="image/webp")
    address = picture_address(call, "thumbnail")
    answer = call("shop_pictures_get", route=address)
    assert (answer.status, answer.raw, answer.headers["Content-Type"]) == (200, b"webp", "image/webp")
    assert answer.headers["Cache-Control"].startswith("public, max-age=604800")
    again = call("shop_pictures_get", route=address, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status, again.raw) == (304, b"")


@pytest.mark.parametrize("name", ["original", "mask", "nothing", "../thumbnail"])
def test_other_pictures_are_not_public(call: App, name: str) -> None:
    add("a")
    assert call("shop_pictures_get", route=picture_address(call, name)).code == "picture_not_found"


def test_a_picture_of_another_version_is_missing(call: App) -> None:
    add("a")
    wrong = picture_address(call, "thumbnail", lambda given: given[::-1])
    assert call("shop_pictures_get", route=wrong).code == "picture_not_found"
