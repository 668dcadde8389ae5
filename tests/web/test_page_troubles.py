"""A network that fails, a reload, the way back, a second click: what was shown and asked for is not lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from page_steps import enter_as, sign_in
from pictures import garment_photo, person_photo
from quick import PATIENCE_S

from demo.client import Client

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.processes, pytest.mark.early]

type SignUp = Callable[..., Client]


def test_what_could_not_be_loaded_is_asked_for_again(page: Page, sign_up: SignUp) -> None:
    enter_as(page, sign_up())
    page.route("**/api/api-keys", lambda route: route.abort())
    page.goto("/#/keys")
    alert = page.get_by_role("alert")
    alert.get_by_text("can't be reached").wait_for()
    page.unroute("**/api/api-keys")
    alert.get_by_role("button", name="Try again").click()
    page.get_by_text("No keys yet.").wait_for()
    assert alert.count() == 0


def test_what_is_shown_stays_while_the_network_fails(page: Page) -> None:
    sign_in(page, "admin")
    page.goto("/#/operate")
    page.get_by_text("documents: ok").wait_for()
    page.route("**/api/health*", lambda route: route.abort())
    page.get_by_role("button", name="Probe again").click()
    alert = page.get_by_role("alert")
    alert.get_by_text("can't be reached").wait_for()
    assert page.get_by_text("documents: ok").is_visible()
    page.unroute("**/api/health*")
    page.evaluate("window.dispatchEvent(new Event('online'))")
    alert.wait_for(state="detached")


def test_a_refusal_that_stays_is_not_offered_again(page: Page) -> None:
    page.goto("/#/shop?product=01m8khv9kxj9q411888m5f5dqm")
    page.get_by_role("alert").wait_for()
    assert page.get_by_role("button", name="Try again").count() == 0


def test_a_second_click_makes_no_second_key(page: Page, sign_up: SignUp) -> None:
    client = sign_up()
    enter_as(page, client)
    page.goto("/#/keys")
    page.get_by_label("Name").fill("Once")
    page.get_by_role("button", name="Make the key").dblclick()
    page.get_by_role("region", name="The key Once").wait_for()
    page.get_by_role("listitem").filter(has_text="Once").wait_for()
    assert [key["name"] for key in client.call("GET", "api-keys")["items"]] == ["Once"]


def test_a_try_on_is_there_again_after_a_reload_and_on_the_way_back(page: Page, sign_up: SignUp) -> None:
    client = sign_up()
    person, garment = (
        client.upload(photo, f"{kind}.jpg", kind)["id"]
        for kind, photo in (("person", person_photo()), ("garment", garment_photo()))
    )
    made = client.call("POST", "cv/tryon", json={"personImageId": person, "garmentImageId": garment, "mode": "queued"})
    client.wait(made["jobId"], seconds=PATIENCE_S)
    enter_as(page, client)
    page.goto("/#/try-on")
    page.get_by_role("region", name="History").get_by_role("button").first.click()
    page.get_by_alt_text("Try-on: after").wait_for()
    page.reload()
    page.get_by_alt_text("Try-on: after").wait_for()
    page.get_by_role("link", name="Credits", exact=True).click()
    page.get_by_role("heading", name="Credits", exact=True).wait_for()
    page.go_back()
    page.get_by_alt_text("Try-on: after").wait_for()


def test_the_order_of_the_shop_stays_on_the_way_back_and_after_a_reload(page: Page) -> None:
    page.goto("/#/shop")
    order = page.get_by_label("Order")
    order.select_option("price, low to high")
    page.get_by_role("link", name="This machine", exact=True).click()
    page.get_by_role("heading", name="This machine", exact=True).wait_for()
    page.go_back()
    assert order.input_value() == "price"
    page.reload()
    order.wait_for()
    assert order.input_value() == "price"


def test_a_file_dropped_beside_a_drop_zone_does_not_replace_the_page(page: Page) -> None:
    page.goto("/#/shop")
    page.get_by_role("heading", name="Shop", exact=True).wait_for()
    for kind in ("dragover", "drop"):
        opened = "kind => document.body.dispatchEvent(new DragEvent(kind, { bubbles: true, cancelable: true }))"
        assert page.evaluate(opened, kind) is False, "the browser would open the file"
