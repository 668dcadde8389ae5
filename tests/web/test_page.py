"""Each view's main path in Chromium, at the width of a phone and of a desktop."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from pictures import garment_photo, person_photo

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.processes, pytest.mark.long]

type Audit = Callable[[Page], None]


def sign_in(page: Page, role: str) -> None:
    page.goto("/#/sign-in")
    page.get_by_role("button", name=f"Sign in as {role}").click()
    page.get_by_text(f"{role}@example.com").wait_for(state="attached")


def drop(page: Page, where: str, files: Any) -> None:
    page.locator("label.dropzone").filter(has_text=where).locator("input").set_input_files(files)


def file(name: str, content: bytes, kind: str = "image/jpeg") -> Any:
    return {"name": name, "mimeType": kind, "buffer": content}


def test_a_visitor_sees_the_shop(page: Page, audit: Audit) -> None:
    page.goto("/")
    page.get_by_role("heading", name="Shop", exact=True).wait_for()
    page.get_by_role("status").filter(has_text="product").wait_for()
    audit(page)
    page.get_by_role("link", name="Operate").click()
    page.get_by_text("Sign in to continue.").wait_for()
    audit(page)


def test_a_shopper_tries_a_garment_on(page: Page, audit: Audit) -> None:
    sign_in(page, "shopper")
    page.get_by_role("link", name="Try on", exact=True).click()
    drop(page, "Person", file("me.jpg", person_photo()))
    page.get_by_alt_text("Person: chosen picture").wait_for()
    drop(page, "Garment", file("shirt.jpg", garment_photo()))
    page.get_by_alt_text("Garment: chosen picture").wait_for()
    page.get_by_role("button", name="Try it on").click()
    page.get_by_alt_text("Try-on: after").wait_for()
    page.get_by_text("preview by the built-in engine").first.wait_for()
    page.get_by_label("Before / after").fill("80")
    page.get_by_role("button", name="Show what was changed").click()
    page.get_by_alt_text("Mask: white where the photo was changed").wait_for()
    page.get_by_text("The same by program").click()
    page.get_by_role("button", name="Python").click()
    assert "personImageId" in page.locator("pre").inner_text()
    audit(page)


def test_a_vendor_adds_a_product_that_a_shopper_finds(page: Page, audit: Audit) -> None:
    sku = f"WEB-{page.viewport_size['width'] if page.viewport_size else 0}"
    sign_in(page, "vendor")
    page.goto("/#/vendor")
    about = {"title": f"Web shirt {sku}", "price": "29.90", "category": "top", "colour": "blue"}
    files = [
        file(f"{sku}.jpg", garment_photo()),
        file(f"{sku}.json", json.dumps(about).encode(), "application/json"),
        file(f"{sku}-broken.jpg", b"no picture at all"),
    ]
    drop(page, "Photos and descriptions", files)
    page.get_by_role("row").filter(has_text=f"{sku}-broken.jpg").get_by_text("rejected").wait_for()
    page.get_by_role("heading", name=f"Web shirt {sku}").wait_for()
    page.get_by_role("button", name=f"Edit Web shirt {sku}").click()
    page.get_by_label("Price in EUR").fill("24.50")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("€24.50").first.wait_for()
    audit(page)
    page.get_by_role("button", name="Sign out").click()
    page.goto("/#/shop")
    on_sale = page.get_by_role("heading", name=f"Web shirt {sku}")
    page.get_by_role("status").filter(has_text="product").wait_for()
    # Lists in the shop are as old as SHELF_REFRESH_S.
    while not on_sale.is_visible():
        page.wait_for_timeout(500)
        page.reload()
        page.get_by_role("status").filter(has_text="product").wait_for()
    audit(page)
    sign_in(page, "shopper")
    page.goto("/#/shop")
    page.get_by_label("Words").fill(f"shirt {sku}")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("region", name="Search results").get_by_text("score").first.wait_for()
    audit(page)


def test_a_merchant_sees_what_will_sell(page: Page, audit: Audit) -> None:
    sign_in(page, "merchant")
    page.goto("/#/merchant")
    drop(page, "Photo of the design", file("design.jpg", garment_photo()))
    page.get_by_alt_text("Photo of the design: chosen picture").wait_for()
    page.get_by_label("Price").fill("39.90")
    page.get_by_role("button", name="Predict").click()
    page.get_by_text("of 100 cases").wait_for()
    page.get_by_alt_text("Heat map over the design").wait_for()
    page.get_by_text("held-out rows").wait_for()
    audit(page)


def test_an_administrator_sees_jobs(page: Page, audit: Audit) -> None:
    sign_in(page, "admin")
    page.goto("/#/operate")
    page.get_by_role("heading", name="Health").wait_for()
    page.get_by_role("button", name="Open job").first.click()
    page.get_by_text("Payload and result").wait_for()
    page.get_by_role("cell", name="shopper@example.com").wait_for()
    audit(page)


def test_what_is_refused_is_said_in_words(page: Page) -> None:
    sign_in(page, "shopper")
    page.goto("/#/try-on")
    drop(page, "Person", file("me.jpg", b"no picture"))
    page.get_by_role("alert").first.wait_for()
    drop(page, "Person", file("me.jpg", person_photo()))
    page.get_by_alt_text("Person: chosen picture").wait_for()
