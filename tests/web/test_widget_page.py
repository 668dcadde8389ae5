"""The widget on a shop's page at another origin, in Chromium, against the shared stack."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from page_steps import Held
from pictures import garment_photo, person_photo
from quick import eventually
from stores import store_of

from cli import web
from demo.accounts import create_account
from demo.client import Client
from emulators.launch import launch
from emulators.stack import Stack
from shared.documents import Where

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

pytestmark = [pytest.mark.processes, pytest.mark.early]

WIDGET = web.WEB / "widget"
SETTINGS = "staticwebapp.config.json"
MAX_BYTES = 30_000
PHOTO = {"name": "me.jpg", "mimeType": "image/jpeg", "buffer": person_photo()}


class Shop:
    """The sample page, served at an origin of its own."""

    def __init__(self, folder: Path, url: str, stack: Stack, admin: Client) -> None:
        self.folder, self.url, self.stack = folder, url, stack
        self.owner = create_account(stack, "vendor", admin=admin, shop=f"widget-{secrets.token_hex(6)}")
        self.sku = f"SHIRT-{secrets.token_hex(3)}"
        self._sell()

    def _sell(self) -> None:
        about = json.dumps({"title": "Blue shirt", "price": "29.90", "category": "top"}).encode()
        for name, data in ((f"{self.sku}.jpg", garment_photo()), (f"{self.sku}.json", about)):
            where = self.owner.call("POST", "drops", json={"name": name})
            requests.put(where["url"], data=data, headers=where["headers"], timeout=60).raise_for_status()
        on_sale = lambda: [p for p in self.owner.call("GET", "products")["items"] if p["status"] == "active"]  # noqa: E731
        eventually(on_sale, "the product on sale")

    def list_origin(self, origin: str) -> None:
        """Put a key for pages at `origin` into the sample page."""
        wanted = {"name": "Page", "kind": "publishable", "scopes": ["tryon"], "origins": [origin]}
        key = self.owner.call("POST", "api-keys", json=wanted)["key"]
        page = (WIDGET / "sample.html").read_text()
        for blank, value in {"pk_YOUR_KEY": key, "http://localhost:7071": self.stack.url, "YOUR-SKU": self.sku}.items():
            assert blank in page
            page = page.replace(blank, value)
        (self.folder / "sample.html").write_text(page)

    def blobs_of_visitors(self) -> list[Any]:
        """Documents of pictures of visits to this shop."""
        with_visits = store_of(self.stack.settings)
        try:
            found = with_visits.query("studio", Where("type", "=", "visit")).items
            mine = [visit for visit in found if visit["ownerId"] == self.owner.user["id"]]
            return [file for v in mine for file in with_visits.query("studio", partition=v["userId"]).items]
        finally:
            with_visits.close()


@pytest.fixture
def shop(stack: Stack, admin: Client, page_config: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop for each test: its owner's try-ons of the month are few, and every one of them counts."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "widget.js").write_bytes((web.DIST / "widget.js").read_bytes())
    (folder / SETTINGS).write_bytes((web.DIST / SETTINGS).read_bytes())
    (folder / "sample.css").write_bytes((WIDGET / "sample.css").read_bytes())
    with launch("site", "--folder", str(folder), "--config", str(folder / "none.json")) as site:
        yield Shop(folder, site["url"], stack, admin)


def test_the_script_is_small_and_asks_the_api_alone(page_config: Path) -> None:
    script = (web.DIST / "widget.js").read_text()
    assert len(script.encode()) < MAX_BYTES
    assert "http://" not in script
    assert "https://" not in script


def test_a_visitor_tries_on_and_leaves_nothing(page: Page, shop: Shop, audit: Callable[[Page], None]) -> None:
    shop.list_origin(shop.url)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{shop.url}/sample.html")
    opener = page.get_by_role("button", name="Try it on", exact=True)
    opener.focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Try it on").wait_for()
    page.get_by_text("Otherwise it is deleted after 1 hour.").wait_for()
    page.get_by_label("Keep my photo for later visits, for 30 days").wait_for()
    for _ in range(6):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.shadowRoot?.activeElement?.closest('dialog') != null")
    audit(page)
    page.get_by_label("Choose a photo of yourself").set_input_files([PHOTO])
    result = page.get_by_alt_text("You in the product")
    result.wait_for()
    picture = str(result.get_attribute("src"))
    assert requests.get(picture, timeout=30).status_code == 200
    audit(page)
    page.get_by_role("button", name="Delete my photo").click()
    page.get_by_text("Your photo and everything made of it are deleted.").wait_for()
    assert requests.get(picture, timeout=30).status_code == 404
    eventually(lambda: not shop.blobs_of_visitors(), "the visit to be deleted")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.shadowRoot?.activeElement?.textContent") == "Try it on"
    known = (shop.url, shop.stack.url, picture[: picture.index("/", 8)], "data:")
    assert [url for url in asked if not url.startswith(known)] == []


def test_a_visit_goes_on_at_the_next_product(page: Page, shop: Shop) -> None:
    shop.list_origin(shop.url)
    for first in (True, False):
        page.goto(f"{shop.url}/sample.html")
        page.get_by_role("button", name="Try it on", exact=True).click()
        if first:
            page.get_by_label("Choose a photo of yourself").set_input_files([PHOTO])
        else:
            page.get_by_role("button", name="Try it on with my photo").click()
        page.get_by_text("Here you are.").wait_for()
    page.get_by_role("button", name="Delete my photo").click()
    page.get_by_text("Your photo and everything made of it are deleted.").wait_for()


def test_a_photo_that_meets_too_many_others_is_sent_again(page: Page, shop: Shop) -> None:
    shop.list_origin(shop.url)
    refusals = 2

    def answer(route: Route) -> None:
        nonlocal refusals
        if route.request.method != "POST" or not refusals:
            return route.fallback()
        refusals -= 1
        shown = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Retry-After", "Retry-After": "0"}
        return route.fulfill(status=429, headers=shown, json={"code": "too_many_at_once", "detail": "too many calls"})

    page.route("**/api/widget/photo", answer)
    page.goto(f"{shop.url}/sample.html")
    page.get_by_role("button", name="Try it on", exact=True).click()
    page.get_by_label("Choose a photo of yourself").set_input_files([PHOTO])
    page.get_by_text("Here you are.").wait_for()
    assert refusals == 0
    page.get_by_role("button", name="Delete my photo").click()
    page.get_by_text("Your photo and everything made of it are deleted.").wait_for()


def test_a_photo_is_deleted_while_a_try_on_is_awaited(page: Page, shop: Shop) -> None:
    shop.list_origin(shop.url)
    page.goto(f"{shop.url}/sample.html")
    page.get_by_role("button", name="Try it on", exact=True).click()
    polls = Held(page, "**/api/widget/visit")
    page.get_by_label("Choose a photo of yourself").set_input_files([PHOTO])
    polls.wait_for(1)
    page.get_by_role("button", name="Delete my photo").click()
    page.get_by_text("Your photo and everything made of it are deleted.").wait_for()
    polls.let_go()
    page.get_by_label("Choose a photo of yourself").wait_for()
    assert page.get_by_text("Your photo and everything made of it are deleted.").is_visible()
    assert page.get_by_role("alert").count() == 0, "what was given up is no error"
    polls.end()
    page.get_by_label("Choose a photo of yourself").set_input_files([PHOTO])
    page.get_by_text("Here you are.").wait_for()
    page.get_by_role("button", name="Delete my photo").click()
    page.get_by_text("Your photo and everything made of it are deleted.").wait_for()


def test_an_unlisted_page_gets_the_reason(page: Page, shop: Shop) -> None:
    shop.list_origin("https://another-shop.example.com")
    page.goto(f"{shop.url}/sample.html")
    page.get_by_role("button", name="Try it on", exact=True).click()
    page.get_by_label("Choose a photo of yourself").set_input_files([PHOTO])
    page.get_by_role("alert").filter(has_text=f"this key does not work at {shop.url}").wait_for()
    page.get_by_role("button", name="Close").click()
