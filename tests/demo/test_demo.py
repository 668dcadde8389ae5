"""The demo as a newcomer runs it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import pytest
from browser import WIDTHS, audit, launched
from PIL import Image
from studio_command import studio

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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_its_page_is_readable_and_complete(
    played: tuple[Path, dict[str, Any]], width: str, scheme: Literal["light", "dark"]
) -> None:
    index = played[0] / "index.html"
    asked: list[str] = []
    with launched() as browser:
        size: Any = dict(zip(("width", "height"), WIDTHS[width], strict=True))
        page = browser.new_page(viewport=size, color_scheme=scheme)
        page.on("request", lambda request: asked.append(request.url))
        page.goto(index.as_uri())
        page.evaluate("document.querySelectorAll('img').forEach((image) => { image.loading = 'eager'; })")
        page.wait_for_function("[...document.images].every((image) => image.complete)")
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
