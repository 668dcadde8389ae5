"""Answers that come late, in another order, or after a change of account: the page shows what was asked for last."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from page_steps import FailedOnce, Held, become, drop, enter_as, file, sign_in
from pictures import person_photo

from demo.client import Client

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

pytestmark = [pytest.mark.processes, pytest.mark.early]

type SignUp = Callable[..., Client]


def test_two_photos_chosen_at_once_are_both_uploaded_and_the_later_one_is_used(page: Page, sign_up: SignUp) -> None:
    client = sign_up()
    enter_as(page, client)
    page.goto("/#/try-on")
    uploads = Held(page, "**/api/images/upload", "POST")
    for name, seed in (("first.jpg", 5), ("second.jpg", 6)):
        drop(page, "upright", file(name, person_photo(seed)))
    uploads.wait_for(1)
    uploads.let_go()
    uploads.wait_for(1)
    uploads.let_go()
    chosen = page.get_by_role("group", name="Earlier person photos").get_by_role("button", pressed=True)
    chosen.wait_for()
    assert chosen.get_attribute("aria-label") == "Use second.jpg"
    assert len(client.call("GET", "images")["items"]) == 2


def test_an_earlier_photo_chosen_during_an_upload_stays_chosen(page: Page, sign_up: SignUp) -> None:
    client = sign_up()
    client.upload(person_photo(7), "before.jpg", "person")
    enter_as(page, client)
    page.goto("/#/try-on")
    strip = page.get_by_role("group", name="Earlier person photos")
    uploads = Held(page, "**/api/images/upload", "POST")
    drop(page, "upright", file("late.jpg", person_photo(8)))
    uploads.wait_for(1)
    strip.get_by_role("button", name="Use before.jpg").click()
    uploads.let_go()
    strip.get_by_role("button", name="Use late.jpg", pressed=False).wait_for()
    strip.get_by_role("button", name="Use before.jpg", pressed=True).wait_for()


def test_a_search_that_was_left_does_not_come_back(page: Page) -> None:
    page.goto("/#/shop")
    page.get_by_label("Words").fill("shirt")
    button = page.get_by_role("button", name="Search", exact=True)
    button.click()
    page.get_by_role("region", name="Search results").wait_for()
    searches = Held(page, "**/api/shops/default/search?*")
    button.click()
    searches.wait_for(1)
    page.get_by_role("button", name="Back to all products").click()
    page.get_by_role("region", name="Products").wait_for()
    searches.let_go()
    button.wait_for()
    assert page.get_by_role("region", name="Search results").count() == 0


def test_a_search_whose_connection_fails_is_sent_again(page: Page) -> None:
    page.goto("/#/shop")
    page.get_by_label("Words").fill("shirt")
    failed = FailedOnce(page, "**/api/shops/default/search?*")
    page.get_by_role("button", name="Search", exact=True).click()
    page.get_by_role("region", name="Search results").wait_for()
    assert failed.sent == 2
    assert page.get_by_role("alert").count() == 0


def test_reading_again_and_again_still_shows_an_answer(page: Page) -> None:
    sign_in(page, "admin")
    lists = Held(page, "**/api/admin/jobs?*")
    page.goto("/#/operate/jobs")
    lists.wait_for(1)
    for _ in range(3):
        # While it reads, the button says so.
        page.get_by_role("button", name=re.compile(r"^Read(ing…| again)$")).click()
    lists.let_go()
    page.get_by_role("region", name="Jobs").or_(page.get_by_text("No jobs.")).first.wait_for()
    lists.wait_for(1)
    assert lists.count == 1, "what was asked for three times meanwhile is asked once"
    lists.end()


def test_nothing_of_one_account_is_shown_to_the_next(page: Page) -> None:
    page.on("dialog", lambda dialog: dialog.accept())
    sign_in(page, "vendor")
    page.goto("/#/keys")
    page.get_by_label("Name").fill("Of the vendor")
    page.get_by_role("button", name="Make the key").click()
    page.get_by_role("heading", name="The key Of the vendor").wait_for()
    page.get_by_role("listitem").filter(has_text="Of the vendor").wait_for()
    keys = Held(page, "**/api/api-keys")
    become(page, "shopper")
    keys.wait_for(1)
    assert page.get_by_text("Of the vendor").count() == 0
    keys.end()
    become(page, "vendor")
    page.get_by_role("button", name="Revoke Of the vendor").click()
    page.get_by_role("listitem").filter(has_text="Of the vendor").wait_for(state="detached")


def test_who_signs_out_while_the_session_is_renewed_stays_out(page: Page, sign_up: SignUp) -> None:
    enter_as(page, sign_up())
    page.goto("/#/account")
    page.get_by_role("heading", name="Tell me about results").wait_for()
    expire = """() => {
      const session = JSON.parse(sessionStorage.getItem("studio.session"));
      sessionStorage.setItem("studio.session", JSON.stringify({ ...session, accessToken: "expired" }));
    }"""
    page.evaluate(expire)
    renewals = Held(page, "**/api/auth/refresh", "POST")
    page.reload()
    renewals.wait_for(1)
    page.get_by_role("button", name="Sign out").click()
    renewals.let_go()
    page.get_by_role("link", name="Sign in", exact=True).wait_for()
    assert page.evaluate("sessionStorage.getItem('studio.session')") is None


def test_a_renewal_that_is_refused_for_now_ends_no_session(page: Page, sign_up: SignUp) -> None:
    enter_as(page, sign_up())
    page.evaluate("""() => {
      const session = JSON.parse(sessionStorage.getItem("studio.session"));
      sessionStorage.setItem("studio.session", JSON.stringify({ ...session, accessToken: "expired" }));
    }""")
    page.route("**/api/auth/refresh", lambda route: route.fulfill(status=503, body="{}"))
    page.goto("/#/credits")
    page.get_by_role("alert").first.wait_for()
    page.get_by_role("button", name="Sign out").wait_for()


class LostOnce:
    """The server carries out the first request to a route; its answer is lost."""

    def __init__(self, page: Page, pattern: str) -> None:
        self._lost = False
        page.route(pattern, self._take)

    def _take(self, route: Route) -> None:
        if route.request.method == "POST" and not self._lost:
            self._lost = True
            route.fetch()
            route.abort("connectionreset")
        else:
            route.continue_()


def test_a_key_whose_answer_was_lost_is_neither_doubled_nor_useless(page: Page, sign_up: SignUp) -> None:
    client = sign_up()
    page.on("dialog", lambda dialog: dialog.accept())
    enter_as(page, client)
    page.goto("/#/keys")
    LostOnce(page, "**/api/api-keys")
    page.get_by_label("Name").fill("Server")
    page.get_by_role("button", name="Make the key").click()
    page.get_by_role("button", name="Try again").click()
    shown = page.get_by_role("region", name="The key Server").locator("pre").first
    made = shown.inner_text()
    (listed,) = client.call("GET", "api-keys")["items"]
    assert made.endswith(listed["hint"])
    rotations: list[str] = []
    page.on("request", lambda one: rotations.append(one.headers["idempotency-key"]) if "rotate" in one.url else None)
    LostOnce(page, "**/api/api-keys/*/rotate")
    page.get_by_role("button", name="Rotate Server").click()
    page.get_by_role("button", name="Try again").click()
    page.wait_for_function("before => document.querySelector('.made pre').innerText !== before", arg=made)
    assert len(rotations) == 2
    assert len(set(rotations)) == 1
    (listed,) = client.call("GET", "api-keys")["items"]
    assert shown.inner_text().endswith(listed["hint"])


def test_a_late_sign_in_does_not_take_its_user_elsewhere(page: Page) -> None:
    page.goto("/#/sign-in")
    answers = Held(page, "**/api/auth/login", "POST")
    page.get_by_role("button", name="Sign in as shopper").click()
    answers.wait_for(1)
    page.goto("/#/shop")
    page.get_by_role("heading", name="Shop", level=1).wait_for()
    answers.end()
    page.get_by_role("button", name="Sign in as shopper", pressed=True).wait_for()
    page.get_by_role("heading", name="Shop", level=1).wait_for()
    assert page.evaluate("location.hash") == "#/shop"
