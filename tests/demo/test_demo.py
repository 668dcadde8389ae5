"""The demo as a newcomer runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
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


def test_every_step_of_the_demo_goes_well(tmp_path: Path) -> None:
    done = studio("demo", "--json", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["ok"] is True
    assert {step["name"] for step in report["steps"]} >= STEPS
    assert all(step["ok"] and step["ms"] >= 0 for step in report["steps"])
    page = (tmp_path / "index.html").read_text()
    for artifact in map(Path, report["artifacts"]):
        assert artifact.is_file()
        if artifact.suffix == ".webp":
            Image.open(artifact).load()
            assert artifact.name in page


def test_a_file_that_is_not_there_is_named() -> None:
    done = studio("demo", "--person", "no-such.jpg")
    assert done.returncode == 2
    assert "no-such.jpg" in done.stderr
