"""The account view: sessions are listed and ended by the password; an authenticator app, a phone number."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest
from over_http import send
from page_steps import Audit, enter_as
from pyotp.totp import TOTP
from quick import eventually

from demo.accounts import CODE, create_account, outbox
from demo.client import Client
from emulators.stack import Stack

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.processes, pytest.mark.early]


def test_another_session_is_ended_by_the_password(page: Page, stack: Stack, admin: Client, audit: Audit) -> None:
    password = secrets.token_urlsafe(12)
    here = create_account(stack, admin=admin, password=password)
    elsewhere, third = (Client(stack.url).login(here.user["email"], password) for _ in range(2))
    enter_as(page, here)
    page.goto("/#/account")
    form = page.get_by_role("region", name="Where you are signed in")
    form.get_by_text("this session").wait_for()
    # Two sessions, and whether what was made in them ends, too.
    assert form.get_by_role("checkbox").count() == 3
    form.get_by_role("checkbox").first.check()
    form.get_by_label("Your password").fill("not the password")
    form.get_by_role("button", name="End the chosen session").click()
    form.get_by_role("alert").wait_for()
    audit(page)
    assert len(here.call("GET", "auth/sessions")["items"]) == 3
    form.get_by_role("button", name="Choose all others").click()
    form.get_by_label("Your password").fill(password)
    form.get_by_label("Also revoke API keys made in them").check()
    form.get_by_role("button", name="End 2 sessions").click()
    page.get_by_text("You are signed in nowhere else.").wait_for()
    page.get_by_text("2 sessions were ended.").wait_for()
    assert here.call("GET", "auth/me")["id"] == here.user["id"]
    for ended in (elsewhere, third):
        eventually(lambda ended=ended: send(ended, "GET", "auth/me").status_code == 401, "it has ended")


def test_a_session_that_has_ended_says_so(page: Page, stack: Stack, admin: Client) -> None:
    password = secrets.token_urlsafe(12)
    client = create_account(stack, admin=admin, password=password)
    enter_as(page, client)
    page.evaluate("""() => {
      const session = JSON.parse(sessionStorage.getItem("studio.session"));
      sessionStorage.setItem("studio.session", JSON.stringify({ ...session, accessToken: "expired" }));
    }""")
    page.goto("/#/credits")
    page.get_by_text("Your session has ended. Sign in to continue.").wait_for()
    page.get_by_label("E-mail").fill(client.user["email"])
    page.get_by_label("Password").fill(password)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Credits", exact=True).wait_for()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_text("Sign in to continue.", exact=True).wait_for()


def test_an_authenticator_app_is_connected_asked_for_and_removed(
    page: Page, stack: Stack, admin: Client, audit: Audit
) -> None:
    password = secrets.token_urlsafe(12)
    client = create_account(stack, admin=admin, password=password)
    enter_as(page, client)
    page.goto("/#/account")
    card = page.get_by_role("region", name="Second factor")
    card.get_by_label("Password").fill(password)
    card.get_by_role("button", name="Connect an app").click()
    key = card.locator("pre").inner_text()
    wrong = f"{(int(TOTP(key).now()) + 1) % 10**6:06}"
    card.get_by_label("Code that the app shows").fill(wrong)
    card.get_by_role("button", name="Switch it on").click()
    card.get_by_role("alert").wait_for()
    card.get_by_label("Code that the app shows").fill(TOTP(key).now())
    card.get_by_role("button", name="Switch it on").click()
    card.get_by_text("Keep these recovery codes").wait_for()
    first, second, *_ = card.locator("pre").inner_text().split()
    audit(page)
    page.get_by_role("button", name="Sign out").click()
    main = page.get_by_role("main")
    main.get_by_label("E-mail").fill(client.user["email"])
    main.get_by_label("Password").fill(password)
    main.get_by_role("button", name="Sign in").click()
    main.get_by_label("Code of your authenticator app").fill(first)
    main.get_by_role("button", name="Sign in").click()
    card.get_by_text("on", exact=True).wait_for()
    card.get_by_label("Password").fill(password)
    card.get_by_label("Code of the app").fill(second)
    card.get_by_role("button", name="Remove the second factor").click()
    card.get_by_text("off", exact=True).wait_for()
    assert Client(stack.url).login(client.user["email"], password).user["secondFactor"] is False


def test_a_phone_number_is_set_confirmed_and_removed(page: Page, stack: Stack, admin: Client, audit: Audit) -> None:
    client = create_account(stack, admin=admin)
    number = f"+447700{secrets.randbelow(10**6):06}"
    enter_as(page, client)
    page.goto("/#/account")
    page.get_by_text("once a phone number is confirmed").wait_for()
    card = page.get_by_role("region", name="Phone")
    field = card.get_by_label("Number")
    field.fill("07700 900123")
    card.get_by_role("button", name="Save the number").click()
    assert field.evaluate("one => one.validity.patternMismatch"), "without the country's code it is not sent"
    field.fill(f"{number[:3]} {number[3:7]} {number[7:]}")
    card.get_by_role("button", name="Save the number").click()
    card.get_by_text("not confirmed").wait_for()
    found = CODE.search(outbox(stack, "sms", number, "is your code")["body"])
    assert found
    card.get_by_label("Code from the SMS").fill(found[1])
    audit(page)
    card.get_by_role("button", name="Confirm").click()
    card.get_by_text("confirmed", exact=True).wait_for()
    page.get_by_text("once a phone number is confirmed").wait_for(state="detached")
    assert client.call("GET", "auth/me")["phone"] == number
    field.fill("")
    card.get_by_role("button", name="Remove the number").click()
    page.get_by_text("once a phone number is confirmed").wait_for()
    assert client.call("GET", "auth/me")["phone"] is None


def test_who_is_not_confirmed_is_shown_the_way(page: Page, stack: Stack) -> None:
    client = Client(stack.url).register(f"{secrets.token_hex(6)}@example.com", secrets.token_urlsafe(12))
    enter_as(page, client)
    page.goto("/#/keys")
    page.get_by_label("Name").fill("Server")
    page.get_by_role("button", name="Make the key").click()
    refusal = page.get_by_role("alert")
    refusal.get_by_role("link", name="Send the link again").click()
    page.get_by_role("button", name="Send the link again").wait_for()
