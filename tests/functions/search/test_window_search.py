"""Searches of a shop window: the ranking of everybody's search, for visitors who are not signed in."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from account_factory import add_account
from drawn import needs_model
from http_calls import Answered, App
from market import EVERY, Market, drawing, ids
from PIL import Image

from functions.search import service
from functions.search.blueprint import bp
from functions.search.models import ImageSearch
from functions.search.window_models import WindowSearchAnswer
from shared import clock
from shared.accounts.cache import account_cache
from shared.accounts.documents import AccountDocument, accounts
from shared.catalogue.search_log import search_logs
from shared.documents.fields import assign
from shared.images.sanitizer import ImagePolicy

pytestmark = needs_model

PRODUCT = {
    "id", "sku", "title", "description", "category", "colours", "tags", "price", "vendorId", "vendorName", "pictures",
    "createdAt",
}  # fmt: skip
"""All that a visitor may learn of a product."""


@pytest.fixture
def call(market: Market, change: Any) -> App:
    change(TRUSTED_PROXY_HOPS="1", RATE_LIMIT_SCALE="1000", VISITOR_COSTLY_CALLS_AT_ONCE="100")
    return App(bp)


def words(call: App, shop: str, q: str = EVERY, ip: str = "203.0.113.7", **query: str) -> Answered:
    return call("window_search_words", query={"q": q, **query}, route={"shop": shop}, ip=ip)


def photo(seed: int, format: str = "JPEG", size: tuple[int, int] | None = None) -> bytes:
    image, buffer = drawing(seed).image.convert("RGB"), io.BytesIO()
    (image.resize(size) if size else image).save(buffer, format)
    return buffer.getvalue()


def picture(call: App, shop: str, data: bytes, ip: str = "203.0.113.7", **query: str) -> Answered:
    headers = {"Content-Type": "image/jpeg"}
    return call("window_search_picture", data, headers=headers, query=query, route={"shop": shop}, ip=ip)


def found(answer: Answered) -> list[str]:
    assert answer.status == 200, answer.raw
    return [result["product"]["id"] for result in answer.body["results"]]


def test_words_find_what_a_shopper_finds(market: Market, call: App) -> None:
    for seed in range(5):
        market.product(seed)
    for query in (market.made[0].name, EVERY, f"{EVERY} -{market.made[1].colour}", "xyzzy"):
        assert found(words(call, market.shop, query)) == ids(market.text(query))
    body = words(call, market.shop, market.made[0].name).body
    theirs = market.text(market.made[0].name)
    assert [r["score"] for r in body["results"]] == [r.score for r in theirs.results]
    assert body["total"] == theirs.total
    assert body["results"][0]["why"].keys() == {"image", "text", "words"}


def test_a_photo_finds_what_a_shopper_finds(market: Market, call: App) -> None:
    for seed in range(5):
        market.product(seed)
    for format in ("JPEG", "PNG", "WEBP"):
        answer = picture(call, market.shop, photo(2, format))
        assert found(answer)[0] == market.made[2].id
        shopper = ImageSearch(image_id=market.made[2].id)
        theirs = service.search_by_image(market.shopper, clock.new_id(), shopper)
        assert found(answer)[:1] == ids(theirs)[:1]
    blended = picture(call, market.shop, photo(2), q=EVERY, alpha="0.5", limit="1", facets="category")
    assert found(blended) == [market.made[2].id]
    assert blended.body["facets"]["category"]


def test_pages_filters_and_facets(market: Market, call: App) -> None:
    for seed in range(5):
        market.product(seed)
    seen: list[str] = []
    query: dict[str, str] = {"limit": "2"}
    while True:
        page = words(call, market.shop, **query)
        seen += found(page)
        if page.body["continuation"] is None:
            break
        query["continuation"] = page.body["continuation"]
    assert sorted(seen) == sorted(product.id for product in market.made)
    cheap = words(call, market.shop, maxPrice="11.5", facets="category,vendor")
    assert set(found(cheap)) == {market.made[0].id, market.made[1].id}
    assert cheap.body["facets"]["vendor"] == [{"value": market.vendor, "count": 2}]
    colour = str(market.made[0].colour)
    expected = {product.id for product in market.made if product.colour == colour}
    assert set(found(words(call, market.shop, colour=colour))) == expected
    assert found(words(call, market.shop, vendor="unknown")) == []


def test_a_word_that_no_product_has_is_corrected(market: Market, call: App) -> None:
    market.product(0)
    typed = "nordwimd qqqqqq"
    assert words(call, market.shop, typed).body["didYouMean"] == market.text(typed).did_you_mean
    assert words(call, market.shop, EVERY).body["unknownTerms"] == market.text(EVERY).unknown_terms


def test_only_live_products_of_that_shop(market: Market, call: App) -> None:
    other = Market()
    kept, retired = market.product(0), market.product(1)
    foreign = other.product(2)
    closed = market.account("vendor")
    gone = market.product(3, vendor=closed)
    market.retire(retired, index=False)
    accounts.patch(closed, closed, assign(AccountDocument.disabled, True))
    account_cache.clear()
    assert found(words(call, market.shop)) == [kept.id]
    for seed, product in ((1, retired), (2, foreign), (3, gone)):
        assert product.id not in found(picture(call, market.shop, photo(seed)))
    assert found(words(call, other.shop)) == [foreign.id]


def test_nothing_but_public_fields_leaves(market: Market, call: App) -> None:
    schema = WindowSearchAnswer.model_json_schema(by_alias=True)
    assert set(schema["$defs"]["WindowProduct"]["properties"]) == PRODUCT
    assert set(schema["$defs"]["WindowResult"]["properties"]) == {"product", "score", "why"}
    assert set(schema["properties"]) == {
        "results", "total", "facets", "didYouMean", "unknownTerms", "continuation",
    }  # fmt: skip
    product = market.product(0)
    vendor = accounts.get(market.vendor, market.vendor)
    for answer in (words(call, market.shop), picture(call, market.shop, photo(0))):
        (result,) = answer.body["results"]
        assert set(result["product"]) == PRODUCT
        assert set(result["product"]["pictures"]) == {"thumbnail", "optimised", "cutoutThumbnail", "cutout"}
        for shown in result["product"]["pictures"].values():
            assert shown["url"].startswith(f"/api/shops/{market.shop}/products/{product.id}/pictures/")
            assert set(shown) == {"url", "width", "height"}
        text = answer.raw.decode()
        for private in (vendor.email, str(product.image and product.image.prefix), "sig=", "original", "mask"):
            assert str(private) not in text


def test_nothing_of_a_visitor_is_kept(market: Market, call: App, local: dict[str, str]) -> None:
    from azure.storage.blob import BlobServiceClient

    storage = BlobServiceClient.from_connection_string(local["Storage"])

    def blobs() -> set[tuple[str, str]]:
        containers = [container.name for container in storage.list_containers()]
        return {(name, blob.name) for name in containers for blob in storage.get_container_client(name).list_blobs()}

    market.product(0)
    before = blobs()
    picture(call, market.shop, photo(0), q="nordwind")
    words(call, market.shop)
    assert blobs() == before
    assert not search_logs.list(limit=10).items


def test_the_same_answer_is_not_sent_twice(market: Market, call: App) -> None:
    market.product(0)
    first = words(call, market.shop)
    assert first.headers["Cache-Control"] == "private, no-cache"
    headers = {"If-None-Match": first.headers["ETag"]}
    sent = {"query": {"q": EVERY}, "route": {"shop": market.shop}, "headers": headers}
    again = call("window_search_words", **sent)
    assert (again.status, again.raw) == (304, b"")
    market.product(1)
    assert call("window_search_words", **sent).status == 200


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"q": ""}, "q"),
        ({"q": "   "}, "q"),
        ({"q": "a" * 301}, "q"),
        ({"q": "-red"}, "q"),
        ({"q": "red", "limit": "101"}, "limit"),
        ({"q": "red", "continuation": "x"}, "continuation"),
        ({"q": "red", "continuation": "x" * 3000}, "continuation"),
        ({"q": "red", "vendor": "../x"}, "vendor"),
        ({"q": "red", "facets": "price"}, "facets"),
        ({}, "q"),
    ],
)
def test_words_that_are_none_are_refused(market: Market, call: App, query: dict[str, str], field: str) -> None:
    market.product(0)
    answer = call("window_search_words", query=query, route={"shop": market.shop})
    assert answer.status == 422
    assert str(answer.body["field"]).startswith(field)


def test_what_is_no_photo_is_refused(market: Market, call: App) -> None:
    market.product(0)
    refused = {
        "no_image": (400, b""),
        "unsupported_type": (415, b"%PDF-1.7 nothing to see"),
        "corrupt": (422, photo(0)[:300]),
        "too_small": (422, photo(0, "PNG", (8, 8))),
        "too_many_bytes": (413, photo(0) + bytes(8 * 1024 * 1024)),
    }
    for code, (status, data) in refused.items():
        answer = picture(call, market.shop, data)
        assert (answer.status, answer.code) == (status, code)
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    body = b"--x\r\nContent-Disposition: form-data; name=file; filename=a\r\n\r\n" + photo(0) + b"\r\n--x--"
    answer = call("window_search_picture", body, headers=form, route={"shop": market.shop})
    assert answer.status == 415


def test_a_picture_of_many_pixels_is_refused(market: Market, call: App) -> None:
    market.product(0)
    buffer = io.BytesIO()
    Image.new("L", (5000, 4000)).save(buffer, "PNG")
    assert ImagePolicy().max_pixels > 5000 * 4000, "as an upload it would be taken"
    answer = picture(call, market.shop, buffer.getvalue())
    assert (answer.status, answer.code) == (422, "too_many_pixels")
    assert "16 megapixels" in answer.body["detail"]


@pytest.mark.parametrize("shop", ["nowhere", "UPPER", "../x", "a" * 200, "search:x"])
def test_a_shop_that_does_not_exist(call: App, shop: str) -> None:
    for answer in (words(call, shop), picture(call, shop, photo(0))):
        assert (answer.status, answer.code) == (404, "shop_not_found")


def test_a_shop_without_products_finds_nothing(market: Market, call: App) -> None:
    shop = f"{market.shop}-new"
    add_account(role="vendor", shop=shop)
    assert words(call, shop).body == {
        "results": [], "total": 0, "facets": {}, "didYouMean": None, "unknownTerms": [EVERY], "continuation": None,
    }  # fmt: skip


def test_an_address_has_limits_of_its_own_for_words_and_for_photos(market: Market, call: App, change: Any) -> None:
    market.product(0)
    limits = {"default": (600, 3600), "window-words": (3, 3600), "window-picture": (2, 3600)}
    change(RATE_LIMIT_SCALE="1", RATE_LIMITS=json.dumps(limits))

    def check(limit: int, send: Callable[[str], Answered]) -> None:
        answers = [send("203.0.113.50") for _ in range(limit + 1)]
        assert [answer.status for answer in answers] == [200] * limit + [429]
        assert int(answers[-1].headers["Retry-After"]) > 0
        assert answers[0].headers["RateLimit-Limit"] == str(limit)
        assert send("203.0.113.51").status == 200

    check(3, lambda ip: words(call, market.shop, ip=ip))
    check(2, lambda ip: picture(call, market.shop, photo(0), ip))
