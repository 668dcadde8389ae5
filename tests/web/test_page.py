"""Each view's main path in Chromium; what a shopper does most also at the width of a desktop."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from browser import WIDTHS
from page_steps import Audit, drop, file, search, sign_in
from pictures import garment_photo, person_photo
from quick import PATIENCE_S, eventually

from cli import web
from demo.accounts import create_account, link_in, outbox
from demo.client import Client
from emulators.launch import launch
from emulators.stack import Stack

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.processes, pytest.mark.early]

at_both_widths = pytest.mark.parametrize("page", WIDTHS, indirect=True)


@at_both_widths
def test_a_visitor_sees_the_shop(page: Page, audit: Audit) -> None:
    page.goto("/")
    page.get_by_role("heading", name="Shop", exact=True).wait_for()
    page.get_by_role("status").filter(has_text="product").wait_for()
    audit(page)
    page.get_by_role("link", name="Operate").click()
    page.get_by_text("Sign in to continue.").wait_for()
    audit(page)


@at_both_widths
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
    sku = "WEB-1"
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
    page.get_by_role("link", name=f"Web shirt {sku}", exact=True).click()
    product = page.get_by_role("article", name=f"Web shirt {sku}")
    product.get_by_text("€24.50").wait_for()
    assert requests.get(str(product.get_by_alt_text(f"Web shirt {sku}").get_attribute("src")), timeout=60).ok
    audit(page)
    page.get_by_role("link", name="Back to the shop").click()
    search(page, f"shirt {sku}", f"Web shirt {sku}")
    page.get_by_text("is left out").wait_for()
    assert page.get_by_role("button", name="Similar").count() == 0, "similar products are for signed-in users"
    audit(page)
    page.get_by_role("link", name=f"Web shirt {sku}", exact=True).click()
    page.get_by_role("link", name="Back to the shop").click()
    assert page.get_by_label("Words").input_value() == f"shirt {sku}", "what was found still stands"
    drop(page, "Picture", file("seen.jpg", garment_photo()))
    search(page, "", f"Web shirt {sku}")
    sign_in(page, "shopper")
    page.goto("/#/shop")
    search(page, f"shirt {sku}", f"Web shirt {sku}")
    page.get_by_role("button", name="Similar").first.wait_for()
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
    with page.expect_response("**/api/analytics/eval*") as answered:
        page.reload()
    figures = answered.value.json()
    for plot, table, name in (
        ("Coverage reached by coverage asked for", "Coverage", "levels"),
        ("Units sold by units predicted", "Sales", "deciles"),
    ):
        drawn = page.get_by_role("img", name=plot)
        drawn.wait_for()
        assert drawn.locator("circle").count() == len(figures[name])
        page.get_by_text(f"{table} as a table").click()
        rows = page.get_by_role("region", name=table, exact=True).get_by_role("row")
        assert rows.count() == 1 + len(figures[name])
    reached = f"{figures['levels'][0]['inside'] * 100:.1f}\u00a0%"
    page.get_by_role("region", name="Coverage", exact=True).get_by_role("cell", name=reached).first.wait_for()
    ways = page.get_by_role("region", name="Ways to make intervals")
    ways.get_by_text(f"{figures['method']}, chosen").wait_for()
    audit(page)


def test_a_vendor_imports_a_table(page: Page, audit: Audit) -> None:
    sku = "ROW-1"
    table = f"sku;title;price;category\n{sku};Imported {sku};19,90;top\n{sku}-2;Without a price;cheap;top\n"
    sign_in(page, "vendor")
    page.goto("/#/vendor")
    drop(page, "Table or feed", file("products.csv", table.encode(), "text/csv"))
    rows = page.get_by_role("region", name="Rows of the import")
    rows.get_by_role("row").filter(has_text=f"{sku}-2").get_by_text("refused").wait_for()
    page.get_by_text("1 waits for a photo").wait_for()
    audit(page)
    page.get_by_label(f"Add photo of Imported {sku}").set_input_files([file("any name.jpg", garment_photo())])
    page.get_by_role("button", name=f"Take off sale Imported {sku}").wait_for()
    page.get_by_role("button", name=f"Retire Imported {sku}").click()
    page.get_by_label("State").select_option("retired")
    page.get_by_role("button", name=f"Bring back Imported {sku}").wait_for()


def test_an_administrator_sees_what_happens(page: Page, audit: Audit, stack: Stack, admin: Client) -> None:
    client = create_account(stack, "shopper", admin=admin)
    owner = client.user["email"]
    person, garment = (
        client.upload(photo, f"{kind}.jpg", kind)["id"]
        for kind, photo in (("person", person_photo()), ("garment", garment_photo()))
    )
    wanted = {"personImageId": person, "garmentImageId": garment, "mode": "queued"}
    job = client.wait(client.call("POST", "cv/tryon", json=wanted)["jobId"], seconds=PATIENCE_S)
    sent = {"kind": "notify.email", "userId": client.user["id"], "status": "completed"}
    eventually(lambda: admin.call("GET", "admin/jobs", params=sent)["items"], "the e-mail is sent")
    sign_in(page, "admin")
    page.goto("/#/operate")
    page.get_by_role("heading", name="Health").wait_for()
    page.get_by_text("documents: ok").wait_for()
    audit(page)
    page.get_by_role("link", name="Jobs").click()
    page.get_by_role("table").get_by_role("link").first.wait_for()
    page.goto(f"/#/operate/jobs?id={job['id']}")
    page.get_by_text("Payload and result").wait_for()
    page.get_by_role("list", name="Log lines").get_by_text("job.done").first.wait_for()
    audit(page)
    page.get_by_role("link", name="Messages").click()
    mail = page.get_by_role("article").filter(has_text=owner).filter(has_text="completed").first
    mail.get_by_role("link", name="Job notify-").wait_for()
    audit(page)
    page.get_by_role("link", name="Users").click()
    page.get_by_label("E-mail address").fill(owner)
    page.get_by_role("button", name="Find").click()
    page.get_by_role("link", name=owner).click()
    page.get_by_label("Reason, for the audit log").fill("left the shop")
    page.get_by_role("button", name="Disable the account").click()
    page.get_by_role("button", name="Enable the account").wait_for()
    page.get_by_role("cell", name="disabled").wait_for()
    audit(page)


def test_the_log_of_one_request_is_found(page: Page, stack: Stack, audit: Audit) -> None:
    refused = requests.get(f"{stack.url}/api/auth/me", timeout=60).headers["X-Request-Id"]
    sign_in(page, "admin")
    page.goto("/#/operate/logs")
    page.get_by_label("Request, job, user or trace").fill(refused)
    page.get_by_role("button", name="Find").click()
    page.get_by_role("heading", name="Log lines").wait_for()
    page.get_by_role("list", name="Log lines").get_by_role("listitem").filter(has_text="status=401").wait_for()
    audit(page)


def test_a_shopper_buys_credits_at_paypal(page: Page, audit: Audit) -> None:
    sign_in(page, "shopper")
    for choice, said in (
        ("Cancel", "Nothing was charged"),
        ("Approve", "credits were added to your account"),
        ("Approve, but the bank refuses", "PayPal did not take the payment"),
    ):
        page.goto("/#/credits")
        page.get_by_role("button", name="10 credits for").click()
        page.get_by_text("Emulated PayPal: no money moves.").wait_for()
        if "," in choice:
            page.get_by_text("Other outcomes").click()
        page.get_by_role("button", name=choice, exact=True).click()
        page.get_by_role("heading", name="Credits", exact=True).wait_for()
        page.get_by_text(said).first.wait_for()
        assert "token" not in page.url
        audit(page)
    page.get_by_role("link", name="Approve the payment").or_(
        page.get_by_role("link", name="Pay at PayPal")
    ).first.wait_for()


def test_a_payment_that_paypal_holds_is_followed_until_it_is_taken(page: Page, stack: Stack) -> None:
    emulator = stack.providers["paypal"]["url"]
    sign_in(page, "shopper")
    page.goto("/#/credits")
    page.get_by_role("button", name="10 credits for").click()
    page.get_by_text("Other outcomes").click()
    order = parse_qs(urlsplit(page.url).query)["token"][0]
    page.get_by_role("button", name="Approve, payment stays pending", exact=True).click()
    page.get_by_text("PayPal is still checking the payment.").wait_for()
    captures = requests.get(f"{emulator}/_emulator/state", timeout=60, verify=False).json()["captures"]
    (held,) = (key for key, capture in captures.items() if capture["orderId"] == order)
    url = f"{emulator}/_emulator/captures/{held}"
    requests.post(url, json={"status": "COMPLETED"}, timeout=60, verify=False).raise_for_status()
    page.get_by_text("credits were added to your account").wait_for()


def test_a_key_is_made_shown_once_rotated_and_revoked(page: Page, audit: Audit) -> None:
    page.on("dialog", lambda dialog: dialog.accept())
    sign_in(page, "merchant")
    page.goto("/#/keys")
    page.get_by_label("a shop's pages").check()
    page.get_by_label("Name").fill("Web shop")
    page.get_by_label("Origins of the pages").fill("https://shop.example.com")
    page.get_by_role("button", name="Make the key").click()
    made = page.get_by_role("region", name="The key Web shop")
    text = made.locator("pre").first.inner_text()
    assert text.startswith("pk_")
    assert f'data-key="{text}"' in made.locator("pre").nth(1).inner_text()
    audit(page)
    page.get_by_role("button", name="Rotate Web shop").click()
    page.wait_for_function("before => document.querySelector('.made pre').innerText !== before", arg=text)
    page.reload()
    page.get_by_text("never used").wait_for()
    assert page.get_by_role("region", name="The key Web shop").count() == 0
    page.get_by_role("button", name="Revoke Web shop").click()
    page.get_by_text("No keys yet.").wait_for()


def test_addresses_in_messages_are_views(page: Page) -> None:
    for address, heading in (
        ("/tryons/01m8khv9kxj9q411888m5f5dqm", "Try on"),
        ("/credits?paypal=cancelled&token=1", "Credits"),
        ("/drops?status=rejected", "Vendor"),
        ("/account/reset-password#token=a.b", "Choose a new password"),
        ("/account/invitation#token=a.b", "Accept the invitation"),
        ("/account/confirm-email#token=a.b", "Confirm your e-mail address"),
        ("/admin/system", "Operate"),
        ("/no/such/page", "Shop"),
    ):
        page.goto(address)
        page.get_by_role("heading", name=heading, exact=True).wait_for()


def test_a_visitor_makes_an_account_and_confirms_it(page: Page, stack: Stack, audit: Audit) -> None:
    email = f"page.{secrets.token_hex(6)}@example.com"
    page.goto("/#/sign-in")
    page.get_by_role("link", name="Create an account").click()
    # The form to sign in, which is shown until then, has the same fields.
    page.get_by_role("heading", name="Create an account").wait_for()
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(secrets.token_urlsafe(12))
    audit(page)
    page.get_by_role("button", name="Create the account").click()
    page.get_by_text("You are signed in.").wait_for()
    token = link_in(outbox(stack, "email", email, "Confirm"))
    page.goto(f"/account/confirm-email#token={token}")
    page.get_by_role("button", name="Confirm").click()
    page.get_by_text("Your e-mail address is confirmed.").wait_for()


def test_an_emulator_is_given_a_fault_and_works_again(
    page: Page, page_config: Path, audit: Audit, page_port: int
) -> None:
    config = json.loads(page_config.read_text())
    with launch("sms") as sms:
        # An emulator of the test alone: others use those of the stack.
        config["local"]["providers"]["sms"]["url"] = sms["url"]
        file = page_config.with_name("faults.json")
        file.write_text(json.dumps(config))
        with launch("site", "--folder", str(web.DIST), "--config", str(file)) as site:
            page.goto(f"{site['url']}/#/local")
            behaviour = page.get_by_label("Behaviour of sms")
            for chosen, modes, last in (("is away (503)", ["503"], "POST"), ("works", [], "DELETE")):
                with page.expect_response(lambda response, last=last: response.request.method == last):
                    behaviour.select_option(chosen)
                page.reload()
                page.wait_for_function(
                    "chosen => document.querySelectorAll('select').values().some(one => one.value === chosen)",
                    arg=chosen,
                )
                planned = requests.get(f"{sms['url']}/_emulator/faults", timeout=30).json()["faults"]
                assert [fault["mode"] for fault in planned] == modes
            audit(page)


def test_what_is_refused_is_said_in_words(page: Page) -> None:
    sign_in(page, "shopper")
    page.goto("/#/try-on")
    drop(page, "Person", file("me.jpg", b"no picture"))
    page.get_by_role("alert").first.wait_for()
    drop(page, "Person", file("me.jpg", person_photo()))
    page.get_by_alt_text("Person: chosen picture").wait_for()
