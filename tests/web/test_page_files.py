"""A vendor drops many files at once: each is answered by itself, and what got lost is sent again."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from page_steps import Audit, drop, enter_as, file
from pictures import garment_photo
from quick import eventually

from demo.client import Client

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.processes, pytest.mark.early]

LOST = re.compile(r"/TS-7\.json\?")
"""The upload of one file: a signature behind it may contain slashes, which no `*` of a glob matches."""


def test_each_of_many_files_is_taken_or_refused_by_itself(
    page: Page, sign_up: Callable[..., Client], audit: Audit
) -> None:
    vendor = sign_up("vendor")
    enter_as(page, vendor)
    page.goto("/#/vendor")
    asked: list[int] = []
    page.on("request", lambda one: asked.append(1) if one.url.endswith("/api/drops/batch") else None)
    page.route(LOST, lambda route: route.abort())
    described = [
        file(f"TS-{number}.json", json.dumps({"title": f"Shirt {number}"}).encode(), "application/json")
        for number in range(22)
    ]
    drop(page, "Photos and descriptions", [file("my photo.jpg", garment_photo()), *described])
    page.get_by_text("21 of 23 uploaded.").wait_for()
    missed = page.get_by_role("alert").get_by_role("listitem")
    missed.filter(has_text="my photo.jpg").get_by_text("The name must be").wait_for()
    missed.filter(has_text="TS-7.json").get_by_text("broke off").wait_for()
    assert sum(asked) == 2, "twenty names a call"
    audit(page)
    page.unroute(LOST)
    page.get_by_role("button", name="Try it again").click()
    page.get_by_text("1 of 1 uploaded.").wait_for()
    wanted = {f"TS-{number}.json" for number in range(22)}
    names = lambda: {one["name"] for one in vendor.call("GET", "drops", params={"limit": 100})["items"]}  # noqa: E731
    eventually(lambda: names() == wanted, "all are drops")
    # The button moves down until the page shows all files that fit on it: below the heads there are twenty.
    page.get_by_role("region", name="Latest files").get_by_role("row").nth(20).wait_for()
    page.get_by_role("button", name="Older files").click()
    page.get_by_role("button", name="Newer files").wait_for()
    # The first row is the heads. How many follow depends on when the page asked for its files last.
    page.get_by_role("region", name="Latest files").get_by_role("row").nth(1).wait_for()


def test_files_that_no_answer_came_for_are_named(page: Page, sign_up: Callable[..., Client]) -> None:
    enter_as(page, sign_up("vendor"))
    page.goto("/#/vendor")
    page.route("**/api/drops/batch", lambda route: route.abort())
    drop(page, "Photos and descriptions", [file(f"TS-{number}.jpg", garment_photo()) for number in range(2)])
    page.get_by_text("0 of 2 uploaded.").wait_for()
    page.get_by_role("alert").get_by_text("can't be reached").first.wait_for()
    page.unroute("**/api/drops/batch")
    page.get_by_role("button", name="Try 2 of them again").click()
    page.get_by_text("2 of 2 uploaded.").wait_for()


def test_a_currency_that_is_none_is_not_sent(page: Page, sign_up: Callable[..., Client], audit: Audit) -> None:
    enter_as(page, sign_up("vendor"))
    page.goto("/#/vendor")
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url) if "/api/products/imports?" in one.url else None)
    table = file("products.csv", b"sku,title,price\nCU-1,Shirt,12.50\n", "text/csv")
    card = page.get_by_role("region", name="Import a table or a feed")
    card.get_by_label("Currency").fill("E1")
    drop(page, "Table or feed", table)
    card.get_by_role("alert").get_by_text("Write the three letters of the currency").wait_for()
    audit(page)
    assert not [url for url in asked if "currency=" in url]
    card.get_by_label("Currency").fill("chf")
    drop(page, "Table or feed", table)
    page.get_by_role("region", name="Rows of the import").get_by_text("created").wait_for()
    assert [url for url in asked if "currency=CHF" in url]
