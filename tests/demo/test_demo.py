"""The demo as a newcomer runs it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest
from browser import WIDTHS, audit, launched, show
from PIL import Image
from studio_command import studio

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.early, pytest.mark.timeout(3600), pytest.mark.processes]
STEPS = {
    "confirm-email", "confirm-phone",
    "start", "register", "upload-selfie", "upload-garment", "upload-sas", "convert", "progress-websocket",
    "fetch-result", "completed-email", "completed-sms", "completed-websocket", "gemini-fails", "dead-letter",
    "failed-email", "failed-sms", "failed-websocket", "redrive", "fetch-redriven", "redriven-completed-email",
    "redriven-completed-sms", "redriven-completed-websocket", "page",
    "tryon-register", "tryon-portraits", "tryon-figure",
    "vendor-register", "vendor-drop", "vendor-products",
    "merchant-predict", "merchant-eval",
    "paypal-order", "paypal-approve", "paypal-capture", "paypal-credits", "paypal-webhook",
}  # fmt: skip


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The demo, played once: its folder and its report."""
    out = tmp_path_factory.mktemp("demo")
    done = studio("demo", "--json", "--out", str(out))
    assert done.returncode == 0, done.stderr
    return out, json.loads(done.stdout)


def test_every_step_of_the_demo_goes_well(played: tuple[Path, dict[str, Any]]) -> None:
    out, report = played
    assert report["ok"] is True
    assert {step["name"] for step in report["steps"]} >= STEPS
    assert all(step["ok"] and step["ms"] >= 0 for step in report["steps"])
    page = (out / "index.html").read_text()
    for artifact in map(Path, report["artifacts"]):
        assert artifact.is_file()
        if artifact.suffix == ".webp":
            Image.open(artifact).load()
            assert artifact.name in page


@pytest.fixture(scope="module")
def shown(played: tuple[Path, dict[str, Any]]) -> Iterator[tuple[Page, list[str]]]:
    """The demo's page with all its pictures in a tab, and the addresses that the tab asked for."""
    asked: list[str] = []
    with launched() as browser:
        page = browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.goto((played[0] / "index.html").as_uri())
        page.evaluate("document.querySelectorAll('img').forEach((image) => { image.loading = 'eager'; })")
        page.wait_for_function("[...document.images].every((image) => image.complete)")
        yield page, asked


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_its_page_is_readable_and_complete(
    played: tuple[Path, dict[str, Any]], shown: tuple[Page, list[str]], width: str, scheme: Literal["light", "dark"]
) -> None:
    page, asked = shown
    show(page, width)
    page.emulate_media(color_scheme=scheme)
    broken = page.evaluate("[...document.images].filter((one) => !one.naturalWidth).map((one) => one.src)")
    assert broken == []
    assert page.evaluate("document.images.length") > 20
    assert [url for url in asked if not url.startswith(played[0].as_uri())] == []
    cut = page.evaluate(
        "[...document.querySelectorAll('main *')].filter((one) => one.scrollWidth > one.clientWidth + 1 && "
        "getComputedStyle(one).overflowX !== 'visible').map((one) => one.outerHTML.slice(0, 200))"
    )
    assert cut == [], "nothing is cut off"
    audit(page)


def test_a_file_that_is_not_there_is_named() -> None:
    done = studio("demo", "--person", "no-such.jpg")
    assert done.returncode == 2
    assert "no-such.jpg" in done.stderr
