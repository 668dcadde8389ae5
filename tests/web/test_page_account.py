"""The account view: password, e-mail address and name are changed, and refusals say what to do."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest
from over_http import send
from page_steps import Audit, enter_as
from quick import eventually

from demo.accounts import create_account, link_in, outbox
from demo.client import Client
from emulators.stack import Stack

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.processes, pytest.mark.early]


def test_a_new_password_ends_the_sessions_elsewhere(page: Page, stack: Stack, admin: Client, audit: Audit) -> None:
    password, wanted = (secrets.token_urlsafe(12) for _ in range(2))
    client = create_account(stack, admin=admin, password=password)
    elsewhere = Client(stack.url).login(client.user["email"], password)
    enter_as(page, client)
    page.goto("/#/account")
    card = page.get_by_role("region", name="Password", exact=True)
    sessions = page.get_by_role("region", name="Where you are signed in")
    # That of the page, and the one elsewhere.
    sessions.get_by_role("listitem").nth(1).wait_for()
    change, refusal = card.get_by_role("button", name="Change the password"), card.get_by_role("alert")
    card.get_by_label("Current password").fill(password)
    card.get_by_label("New password").fill("password1234")
    change.click()
    refusal.get_by_text("among the most common").wait_for()
    card.get_by_label("Current password").fill("not the password")
    card.get_by_label("New password").fill(wanted)
    change.click()
    refusal.get_by_role("link", name="Reset your password").wait_for()
    audit(page)
    card.get_by_label("Current password").fill(password)
    change.click()
    card.get_by_role("status").get_by_text("Your password is changed").wait_for()
    sessions.get_by_text("You are signed in nowhere else.").wait_for()
    eventually(lambda: send(elsewhere, "GET", "auth/me").status_code == 401, "it has ended")
    page.reload()
    page.get_by_role("heading", name="Account", exact=True).wait_for()
    assert Client(stack.url).login(client.user["email"], wanted).user["id"] == client.user["id"]


def test_an_address_changes_by_the_link_that_is_sent_to_it(
    page: Page, stack: Stack, admin: Client, audit: Audit
) -> None:
    password, wanted = secrets.token_urlsafe(12), f"{secrets.token_hex(6)}@example.com"
    client = create_account(stack, admin=admin, password=password)
    before = client.user["email"]
    enter_as(page, client)
    page.goto("/#/account")
    card = page.get_by_role("region", name="Another e-mail address")
    address, proof = card.get_by_label("New e-mail address"), card.get_by_label("Your password")
    go, refusal = card.get_by_role("button", name="Send the link"), card.get_by_role("alert")
    address.fill(before.upper())
    proof.fill(password)
    go.click()
    refusal.get_by_text("is your address already").wait_for()
    address.fill(wanted)
    proof.fill("not the password")
    go.click()
    refusal.get_by_role("link", name="Reset your password").wait_for()
    proof.fill(password)
    go.click()
    card.get_by_role("status").get_by_text(f"A link is on its way to {wanted}").wait_for()
    audit(page)
    assert client.call("GET", "auth/me")["email"] == before
    page.goto(f"/account/confirm-email#token={link_in(outbox(stack, 'email', wanted, 'Confirm'))}")
    page.get_by_role("button", name="Confirm").click()
    page.get_by_text(f"You sign in with {wanted}.").wait_for()
    assert Client(stack.url).login(wanted, password).user["id"] == client.user["id"]


def test_a_name_is_changed(page: Page, stack: Stack, admin: Client, audit: Audit) -> None:
    client = create_account(stack, admin=admin)
    enter_as(page, client)
    page.goto("/#/account")
    card = page.get_by_role("region", name="Name", exact=True)
    name, save = card.get_by_label("Name"), card.get_by_role("button", name="Save")
    name.fill("\u0410da")
    save.click()
    card.get_by_role("alert").get_by_text("letters of one alphabet").wait_for()
    audit(page)
    name.fill("Ada Lovelace")
    save.click()
    card.get_by_text("Saved.").wait_for()
    page.get_by_role("heading", name="Ada Lovelace").wait_for()
    assert client.call("GET", "auth/me")["displayName"] == "Ada Lovelace"
    name.fill("")
    save.click()
    page.get_by_role("heading", name="Ada Lovelace").wait_for(state="detached")
    assert client.call("GET", "auth/me")["displayName"] is None


def test_an_address_of_no_view_says_so(page: Page, audit: Audit) -> None:
    page.goto("/#/no-such-view")
    page.get_by_role("heading", name="There is no such page").wait_for()
    audit(page)
    page.get_by_role("link", name="Go to the start").click()
    page.get_by_role("heading", name="Shop", exact=True).wait_for()
