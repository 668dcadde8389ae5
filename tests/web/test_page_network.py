"""A slow network, one that goes away, one that is silent: what was begun goes on, nothing typed or chosen is lost."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from line import Line, line_to
from page_steps import Audit, Held, drop, enter_as, file, sign_in
from pictures import garment_photo, person_photo
from PIL import Image
from quick import PATIENCE_S

from cli.logins import PASSWORD
from demo.client import Client

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

    from emulators.stack import Stack

pytestmark = [pytest.mark.processes, pytest.mark.early]

type SignUp = Callable[..., Client]
EMAIL = "shopper@example.com"
BYTES_A_SECOND = 400_000 / 8
"""Of a phone in a train."""


class Network:
    """The network of a page, as Chromium emulates it."""

    def __init__(self, page: Page) -> None:
        self._session = page.context.new_cdp_session(page)
        self._session.send("Network.enable")

    def _be(self, *, offline: bool, latency_ms: float, rate: float) -> None:
        conditions = {"offline": offline, "latency": latency_ms, "downloadThroughput": rate, "uploadThroughput": rate}
        self._session.send("Network.emulateNetworkConditions", conditions)

    def slow(self) -> None:
        self._be(offline=False, latency_ms=400, rate=BYTES_A_SECOND)

    def away(self) -> None:
        self._be(offline=True, latency_ms=0, rate=0)

    def back(self) -> None:
        self._be(offline=False, latency_ms=0, rate=-1)


@pytest.fixture
def network(page: Page) -> Network:
    return Network(page)


def large_photo() -> bytes:
    """A drawn person on noise: a megabyte that no encoder makes small, and that takes a slow network half a minute."""
    with Image.open(io.BytesIO(person_photo())) as drawn:
        pixels = np.asarray(drawn.convert("RGB").resize((960, 1440)), np.int16)
    noise = np.random.default_rng(1).integers(-40, 41, pixels.shape)
    buffer = io.BytesIO()
    Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


@contextmanager
def gone(page: Page, network: Network) -> Generator[None]:
    """Without a network, which the page says; back afterwards."""
    network.away()
    page.get_by_text("No connection.").wait_for()
    yield
    network.back()
    page.get_by_text("No connection.").wait_for(state="detached")


@pytest.fixture
def line(page: Page, stack: Stack) -> Iterator[Line]:
    """The line that the page reaches the API by."""
    with line_to(stack.url) as made:

        def lead(route: Route) -> None:
            config = route.fetch().json()
            route.fulfill(json={**config, "apiUrl": made.url})

        page.route("**/config.json", lead)
        yield made


def test_an_upload_that_breaks_off_says_how_far_it_was_and_is_sent_again_with_the_same_file(
    page: Page, network: Network, line: Line, sign_up: SignUp, audit: Audit
) -> None:
    enter_as(page, sign_up())
    page.goto("/#/try-on")
    page.get_by_text("No try-ons yet.").wait_for()
    network.slow()
    drop(page, "upright", file("me.jpg", large_photo()))
    page.get_by_text(re.compile(r"Uploading: \d+ %")).wait_for()
    line.cut()
    network.back()
    page.get_by_role("alert").get_by_text("can't be reached").wait_for()
    audit(page)
    line.restore()
    page.get_by_role("alert").get_by_role("button", name="Try again").click()
    page.get_by_alt_text("Person: chosen picture").wait_for()
    assert page.get_by_role("alert").count() == 0


def test_files_of_a_vendor_show_how_much_of_them_is_sent(page: Page, network: Network, sign_up: SignUp) -> None:
    enter_as(page, sign_up("vendor"))
    page.goto("/#/vendor")
    page.get_by_text("No files yet.").wait_for()
    network.slow()
    drop(page, "Photos and descriptions", [file("NET-1.jpg", large_photo()), file("NET-2.jpg", large_photo())])
    page.get_by_role("progressbar", name="Uploads").wait_for()
    page.wait_for_function("() => document.querySelector('progress[aria-label=Uploads]').value % 1 > 0")
    network.back()
    page.get_by_text("2 of 2 uploaded.").wait_for()


def test_a_followed_try_on_is_shown_once_the_network_is_back(page: Page, network: Network, sign_up: SignUp) -> None:
    client = sign_up()
    person, garment = (
        client.upload(photo, f"{kind}.jpg", kind)["id"]
        for kind, photo in (("person", person_photo()), ("garment", garment_photo()))
    )
    enter_as(page, client)
    page.goto("/#/try-on")
    page.get_by_role("group", name="Earlier person photos").get_by_role("button").first.click()
    page.get_by_role("group", name="Earlier garment photos").get_by_role("button").first.click()
    status = Held(page, re.compile(r"/api/cv/tryon/[0-9a-z]+$"))
    page.get_by_role("button", name="Try it on").click()
    status.wait_for(1)
    (made,) = client.call("GET", "cv/tryon")["items"]
    assert (made["personImageId"], made["garments"][0]["imageId"]) == (person, garment)
    with gone(page, network):
        status.end()
        page.get_by_role("region", name="Result").get_by_role("alert").get_by_text("can't be reached").wait_for()
        client.wait(made["jobId"], seconds=PATIENCE_S)
    page.get_by_alt_text("Try-on: after").wait_for()
    page.wait_for_function("() => [...document.querySelectorAll('.pictures img')].every((one) => one.naturalWidth > 0)")
    assert page.get_by_role("region", name="Result").get_by_role("alert").count() == 0


def test_a_sign_in_without_a_network_keeps_what_was_typed(page: Page, network: Network) -> None:
    page.goto("/#/sign-in")
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    button = page.locator("form").get_by_role("button", name="Sign in")
    with gone(page, network):
        button.click()
        page.get_by_role("alert").get_by_text("can't be reached").wait_for()
    assert page.get_by_label("E-mail").input_value() == EMAIL
    button.click()
    page.get_by_role("button", name="Sign out").wait_for()


def test_what_a_dead_connection_owes_is_asked_for_again(own_page: Page, sign_up: SignUp) -> None:
    page = own_page
    enter_as(page, sign_up())
    page.clock.install()
    keys = Held(page, "**/api/api-keys")
    page.goto("/#/keys")
    keys.wait_for(1)
    page.clock.fast_forward("01:30")
    page.get_by_role("alert").get_by_role("button", name="Try again").wait_for()
    page.unroute("**/api/api-keys")
    page.get_by_role("button", name="Try again").click()
    page.get_by_text("No keys yet.").wait_for()


def test_pictures_that_the_network_lost_come_back(page: Page, network: Network, sign_up: SignUp) -> None:
    client = sign_up()
    client.upload(person_photo(), "me.jpg", "person")
    enter_as(page, client)
    page.route(re.compile(r"/devstoreaccount1/"), lambda route: route.abort())
    page.goto("/#/try-on")
    lost = "() => [...document.images].filter((one) => one.complete && !one.naturalWidth && one.src).length"
    page.wait_for_function(f"() => ({lost})() > 0")
    page.unroute(re.compile(r"/devstoreaccount1/"))
    with gone(page, network):
        pass
    page.wait_for_function(f"() => ({lost})() === 0")


def test_another_list_is_said_to_be_awaited(page: Page) -> None:
    sign_in(page, "admin")
    page.goto("/#/operate/jobs")
    jobs = page.get_by_role("region", name="Jobs").first
    jobs.get_by_text("Loading").wait_for(state="detached")
    lists = Held(page, "**/api/admin/jobs?*")
    jobs.get_by_label("State").select_option("dead")
    jobs.get_by_text("Loading jobs…").wait_for()
    lists.wait_for(1)
    lists.end()
    jobs.get_by_text("Loading jobs…").wait_for(state="detached")
    lists = Held(page, "**/api/admin/jobs?*")
    jobs.get_by_role("button", name="Read again").click()
    jobs.get_by_role("button", name="Reading…").wait_for()
    lists.end()
    jobs.get_by_role("button", name="Read again").wait_for()


def test_a_person_stays_chosen_after_a_look_into_the_shop_and_a_reload(page: Page, sign_up: SignUp) -> None:
    enter_as(page, sign_up())
    page.goto("/#/try-on")
    drop(page, "upright", file("me.jpg", person_photo()))
    chosen = page.get_by_alt_text("Person: chosen picture")
    chosen.wait_for()
    page.get_by_role("link", name="shop", exact=True).click()
    page.get_by_role("heading", name="Shop", exact=True).wait_for()
    page.go_back()
    chosen.wait_for()
    page.reload()
    chosen.wait_for()


def test_a_page_that_can_not_start_says_so_and_starts_again(page: Page) -> None:
    page.route("**/config.json", lambda route: route.abort())
    page.goto("/")
    page.get_by_role("alert").get_by_text("can't be reached").wait_for()
    page.unroute("**/config.json")
    page.get_by_role("button", name="Try again").click()
    page.get_by_role("heading", name="Shop", exact=True).wait_for()


def plant(client: Client, type: str, prefix: str, **fields: Any) -> str:
    """A document of a job that runs until the test ends it; returns its id as clients know it."""
    from shared import clock
    from shared.documents import store

    id, at = clock.new_id(), clock.iso()
    common = {"id": f"{prefix}:{id}", "userId": client.user["id"], "type": type, "jobId": f"job:{id}", "createdAt": at}
    store().create("studio", {**common, "updatedAt": at, "status": "processing", "error": None, **fields})
    return id


def end(client: Client, prefix: str, id: str) -> None:
    from shared.documents import store

    store().patch("studio", f"{prefix}:{id}", client.user["id"], set={"status": "completed"})


@pytest.mark.usefixtures("inside")
def test_a_running_training_is_followed_after_a_reload(page: Page, sign_up: SignUp, audit: Audit) -> None:
    merchant = sign_up("merchant")
    figures = {"rows": 77, "badRows": 0, "reportBlob": None, "ignoredColumns": [], "figures": None}
    id = plant(merchant, "sales_training", "sales_training", model=None, modelVersion=None, **figures)
    enter_as(page, merchant)
    page.goto("/#/merchant")
    page.get_by_role("progressbar", name="Training").wait_for()
    assert page.url.endswith(f"#/merchant?training={id}")
    audit(page)
    page.reload()
    train = page.get_by_role("region", name="Train on your own sales")
    train.get_by_role("progressbar", name="Training").wait_for()
    end(merchant, "sales_training", id)
    train.get_by_role("status").get_by_text("completed").wait_for()
    train.get_by_role("listitem").filter(has_text="77 rows").get_by_text("completed").wait_for()


@pytest.mark.usefixtures("inside")
def test_a_running_import_is_followed_after_a_reload(page: Page, sign_up: SignUp, audit: Audit) -> None:
    vendor = sign_up("vendor")
    counts = {"created": 7, "updated": 0, "unchanged": 0, "refused": 0, "awaitingPhoto": 0, "photosFetched": 0}
    about = {"kind": "own", "products": 1500, "fileBlob": "x/x/file", "reportBlob": None, "counts": counts}
    id = plant(vendor, "product_import", "import", **about)
    enter_as(page, vendor)
    page.goto("/#/vendor")
    page.get_by_text("7 of 1500 products").wait_for()
    assert page.url.endswith(f"#/vendor?import={id}")
    audit(page)
    page.reload()
    page.get_by_text("7 of 1500 products").wait_for()
    end(vendor, "import", id)
    imports = page.get_by_role("region", name="Import a table or a feed")
    imports.get_by_role("status").get_by_text("completed").wait_for()
    imports.get_by_role("listitem").filter(has_text="1500 products").get_by_text("completed").wait_for()
