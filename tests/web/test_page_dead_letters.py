"""Failed and dead jobs are run again, by an administrator or by their owner; one is discarded."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from over_http import fault
from page_steps import Audit, enter_as, sign_in
from pictures import garment_photo, person_photo
from quick import PATIENCE_S, eventually

from demo.client import Client
from emulators.stack import Stack

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.processes, pytest.mark.early]

NOTE_SENT = """() => {
  const send = window.fetch;
  window.fetch = async (asked, ...more) => {
    if (asked instanceof Request && asked.url.endsWith("/redrive")) window.sent = await asked.clone().json();
    return send(asked, ...more);
  };
}"""
"""The body of a request is a stream, which Chromium shows to nothing outside of the page."""


def body_of(client: Client) -> tuple[dict[str, Any], str]:
    """A conversion of new photos, and the word that its requests to Gemini contain."""
    person, garment = (
        client.upload(photo, f"{kind}.jpg", kind)["id"]
        for kind, photo in (("person", person_photo()), ("garment", garment_photo()))
    )
    word = secrets.token_hex(6)
    return {"personImageId": person, "garmentImageId": garment, "options": {"prompt": word}}, word


def dead_letters(stack: Stack, client: Client, count: int) -> list[str]:
    """Jobs of conversions that were given up while Gemini was out of order, which it no longer is."""
    wanted, word = body_of(client)
    with fault(stack, "gemini", match=word, mode="503", times=50):
        made = [client.call("POST", "conversions", json=wanted)["jobId"] for _ in range(count)]
        for job in made:
            assert client.wait(job, seconds=PATIENCE_S)["status"] == "dead"
    return made


def test_a_failed_job_is_retried_by_an_administrator(
    page: Page, stack: Stack, sign_up: Callable[..., Client], admin: Client, audit: Audit
) -> None:
    client = sign_up()
    wanted, word = body_of(client)
    used = lambda: client.call("GET", "auth/me")["quota"]["used"]  # noqa: E731
    with fault(stack, "gemini", match=word, mode="image_safety", times=50):
        made = client.call("POST", "conversions", json=wanted)
        assert client.wait(made["jobId"], seconds=PATIENCE_S)["status"] == "failed"
    assert used() == 0
    sign_in(page, "admin")
    page.goto("/#/operate/jobs")
    jobs = page.get_by_role("region", name="Jobs").first
    jobs.get_by_label("State").select_option("failed")
    jobs.get_by_role("link", name=f"tryon job {made['jobId']}").click()
    details = page.get_by_role("region", name="tryon")
    details.get_by_text("It failed for good").wait_for()
    assert jobs.get_by_role("button", name="Retry all").count() == 0, "of all kinds, they are too different"
    jobs.get_by_label("Kind").fill("tryon")
    jobs.get_by_role("button", name="Retry all failed jobs of tryon").wait_for()
    audit(page)
    details.get_by_role("button", name="Retry", exact=True).click()
    details.get_by_text("completed", exact=True).first.wait_for()
    details.get_by_text("run 2").first.wait_for()
    assert details.get_by_role("button", name="Retry", exact=True).count() == 0
    assert client.call("GET", f"conversions/{made['id']}")["status"] == "completed", "the same one, at its address"
    assert used() == 1


def test_a_shopper_tries_a_try_on_again_that_a_provider_let_down(
    page: Page, stack: Stack, sign_up: Callable[..., Client], audit: Audit
) -> None:
    client = sign_up()
    wanted, word = body_of(client)
    with fault(stack, "gemini", match=word, mode="503", times=50):
        made = client.call("POST", "conversions", json=wanted)
        assert client.wait(made["jobId"], seconds=PATIENCE_S)["status"] == "dead"
    enter_as(page, client)
    page.goto(f"/#/try-on?run={made['id']}")
    page.get_by_text("It was not charged.").wait_for()
    audit(page)
    page.get_by_role("button", name="Try it again").click()
    page.get_by_alt_text("Try-on: after").or_(page.get_by_alt_text("Try-on", exact=True)).first.wait_for()
    assert client.call("GET", "auth/me")["quota"]["used"] == 1


def test_dead_letters_are_run_again_and_discarded(
    page: Page, stack: Stack, sign_up: Callable[..., Client], admin: Client, audit: Audit
) -> None:
    client = sign_up()
    first, second, third = dead_letters(stack, client, 3)
    ended = lambda job: admin.call("GET", f"admin/jobs/{job}")["status"]  # noqa: E731
    sign_in(page, "admin")
    page.goto(f"/#/operate/jobs?id={first}")
    details = page.get_by_role("region", name="tryon")
    details.get_by_text("dead", exact=True).first.wait_for()
    audit(page)
    details.get_by_role("button", name="Run it again").click()
    eventually(lambda: ended(first) == "completed", "the first one is completed")
    details.get_by_text("completed", exact=True).first.wait_for()
    details.get_by_text("run 2").first.wait_for()
    assert details.get_by_role("button", name="Run it again").count() == 0

    page.goto(f"/#/operate/jobs?id={second}")
    details.get_by_role("button", name="Discard").click()
    details.get_by_text("failed", exact=True).first.wait_for()
    assert ended(second) == "failed"
    assert details.get_by_role("button", name="Discard").count() == 0, "only a dead letter can be discarded"
    details.get_by_role("button", name="Retry", exact=True).click()
    eventually(lambda: ended(second) == "completed", "the second one is completed")

    page.goto("/#/operate/jobs")
    jobs = page.get_by_role("region", name="Jobs").first
    jobs.get_by_label("State").select_option("dead")
    jobs.get_by_label("Kind").fill("tryon")
    page.evaluate(NOTE_SENT)
    jobs.get_by_role("button", name="Run all dead letters of tryon again").click()
    jobs.get_by_text("run again").first.wait_for()
    assert page.evaluate("window.sent.kind") == "tryon", "those that are not listed stay as they are"
    eventually(lambda: ended(third) == "completed", "the third one is completed")
