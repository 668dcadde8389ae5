"""Webhooks and programs: what a developer makes in the page works outside of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from page_steps import Audit, drop, enter_as, file, sign_in
from pictures import garment_photo, person_photo
from quick import eventually
from receiver import receiver

from cli import clients
from demo.client import Client
from emulators.stack import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.processes, pytest.mark.early]

type SignUp = Callable[..., Client]


def test_a_webhook_is_added_followed_rotated_and_deleted(page: Page, sign_up: SignUp, audit: Audit) -> None:
    page.on("dialog", lambda dialog: dialog.accept())
    client = sign_up()
    with receiver() as server:
        enter_as(page, client)
        page.goto("/#/webhooks")
        page.get_by_label("Address of your server").fill(server.url)
        page.get_by_label("Description").fill("Web shop")
        page.get_by_role("button", name="Add the endpoint").click()
        made = page.get_by_role("region", name=f"The secret of {server.url}")
        secret = made.locator("pre").inner_text()
        assert secret.startswith("whsec_")
        audit(page)
        made.get_by_role("button", name="Done").click()
        person = client.upload(person_photo(), "me.jpg", "person")["id"]
        garment = client.upload(garment_photo(), "shirt.jpg", "garment")["id"]
        client.call("POST", "cv/tryon", json={"personImageId": person, "garmentImageId": garment, "mode": "queued"})
        (got,) = eventually(lambda: list(server.got), "the delivery")
        assert got.signed_by(secret)
        delivered = lambda: client.call("GET", "webhooks/deliveries", params={"status": "completed"})["items"]  # noqa: E731
        eventually(delivered, "the delivery is recorded")
        page.get_by_role("button", name="deliveries").click()
        row = page.get_by_role("region", name="Deliveries").get_by_role("row").filter(has_text="204")
        row.get_by_role("button", name="tryon.completed").click()
        details = page.get_by_role("region", name="tryon.completed")
        assert '"type": "tryon.completed"' in details.locator("pre").inner_text()
        details.get_by_text("answered 204").wait_for()
        audit(page)
        details.get_by_role("button", name="Send it again").click()
        eventually(lambda: len(server.got) == 2, "the second delivery")
        page.get_by_role("button", name=f"New secret for {server.url}").click()
        made.wait_for()
        assert made.locator("pre").inner_text() != secret
        page.get_by_role("button", name=f"Disable {server.url}").click()
        page.get_by_role("button", name=f"Enable {server.url}").click()
        page.get_by_role("button", name=f"Delete {server.url}").click()
        page.get_by_text("No endpoints yet.").wait_for()
    page.get_by_label("Address of your server").fill("http://10.0.0.1/hook")
    page.get_by_role("button", name="Add the endpoint").click()
    page.get_by_role("alert").first.wait_for()


def test_an_administrator_follows_and_cancels_the_job_of_another(page: Page, sign_up: SignUp, audit: Audit) -> None:
    client = sign_up()
    with receiver() as server:
        server.answers += [(500, {"Retry-After": "3600"})]
        client.call("POST", "webhooks", json={"url": server.url, "events": ["tryon.completed"]})
        person = client.upload(person_photo(), "me.jpg", "person")["id"]
        garment = client.upload(garment_photo(), "shirt.jpg", "garment")["id"]
        client.call("POST", "cv/tryon", json={"personImageId": person, "garmentImageId": garment, "mode": "queued"})
        waiting = lambda: client.call("GET", "webhooks/deliveries", params={"status": "retrying"})["items"]  # noqa: E731
        (delivery,) = eventually(waiting, "the delivery that waits for its second attempt")
    sign_in(page, "admin")
    page.goto(f"/#/operate/jobs?id={delivery['jobId']}")
    timeline = page.get_by_role("list", name="Timeline")
    timeline.get_by_text("webhook_refused").wait_for()
    timeline.get_by_text("next attempt").wait_for()
    audit(page)
    page.get_by_role("button", name="Cancel", exact=True).click()
    timeline.get_by_text("asked to stop").or_(timeline.get_by_text("cancelled")).first.wait_for()
    ended = lambda: client.call("GET", f"jobs/{delivery['jobId']}")["status"] == "cancelled"  # noqa: E731
    eventually(ended, "the job is cancelled")


def run_python(text: str, key: str) -> str:
    """What a program for our Python client prints."""
    env = {**os.environ, "STUDIO_KEY": key, "PYTHONPATH": str(ROOT / "clients/python/src")}
    done = subprocess.run([sys.executable, "-c", text], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{text}\n{done.stderr}"
    return done.stdout


def run_node(folder: Path, text: str, key: str) -> str:
    """What a program for our TypeScript client prints."""
    clients.build_typescript()
    modules = folder / "node_modules"
    modules.mkdir(exist_ok=True)
    if not (modules / "ai-fashion-studio-client").exists():
        (modules / "ai-fashion-studio-client").symlink_to(ROOT / "clients/typescript", target_is_directory=True)
    (folder / "program.mjs").write_text(text)
    env = {**os.environ, "STUDIO_KEY": key}
    done = subprocess.run(
        ["node", "program.mjs"], cwd=folder, env=env, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert done.returncode == 0, f"{text}\n{done.stderr}"
    return done.stdout


def test_the_programs_that_the_page_shows_work(page: Page, sign_up: SignUp, tmp_path: Path) -> None:
    client = sign_up()
    key = client.call("POST", "api-keys", json={"name": "page", "scopes": ["tryon", "search"]})["key"]
    enter_as(page, client)
    page.goto("/#/try-on")
    drop(page, "upright", file("me.jpg", person_photo()))
    page.get_by_alt_text("Person: chosen picture").wait_for()
    drop(page, "flat or worn", file("shirt.jpg", garment_photo()))
    page.get_by_alt_text("Garment: chosen picture").wait_for()

    def program(language: str) -> str:
        page.get_by_role("button", name=language, exact=True).click()
        return page.locator("details.code pre").inner_text()

    page.get_by_text("The same by program").click()
    assert "http" in run_python(program("Python"), key)
    assert "http" in run_node(tmp_path, program("TypeScript"), key)
    asked = subprocess.run(
        ["bash", "-c", f"{program('curl')} --silent --show-error --fail-with-body"],
        env={**os.environ, "STUDIO_KEY": key}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert json.loads(asked.stdout)["jobId"], asked.stderr
    page.goto("/#/shop")
    page.get_by_label("Words").fill("shirt")
    page.get_by_role("button", name="Search", exact=True).click()
    page.get_by_role("region", name="Search results").wait_for()
    page.get_by_text("The same by program").click()
    assert "searchId" in run_python(program("Python"), key)
    assert "searchId" in run_node(tmp_path, program("TypeScript"), key)
