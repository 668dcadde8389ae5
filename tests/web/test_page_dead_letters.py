"""An administrator runs dead letters again, one or all of a kind, and discards one."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from over_http import fault
from page_steps import Audit, sign_in
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


def dead_letters(stack: Stack, client: Client, count: int) -> list[str]:
    """Jobs of conversions that were given up while Gemini was out of order, which it no longer is."""
    person, garment = (
        client.upload(photo, f"{kind}.jpg", kind)["id"]
        for kind, photo in (("person", person_photo()), ("garment", garment_photo()))
    )
    word = secrets.token_hex(6)
    wanted = {"personImageId": person, "garmentImageId": garment, "options": {"prompt": word}}
    with fault(stack, "gemini", match=word, mode="503", times=50):
        made = [client.call("POST", "conversions", json=wanted)["jobId"] for _ in range(count)]
        for job in made:
            assert client.wait(job, seconds=PATIENCE_S)["status"] == "dead"
    return made


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
    details.get_by_role("button", name="Run it again").click()
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
