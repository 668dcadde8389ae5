"""The static site: files of one folder, a configuration that appears later, nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from emulators.launch import launch
from emulators.stack import ROOT

pytestmark = pytest.mark.processes


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html>")
    (folder / "assets" / "app-1.js").write_text("1")
    (folder / ".built-from").write_text("secret")
    shutil.copy(ROOT / "web/public/staticwebapp.config.json", folder)
    (tmp_path / "outside.txt").write_text("secret")
    with launch("site", "--folder", str(folder), "--config", str(tmp_path / "config.json")) as facts:
        yield facts["url"]


def test_files_have_types_policies_and_lifetimes(site: str) -> None:
    page = requests.get(site, timeout=30)
    assert page.headers["Content-Type"].startswith("text/html")
    assert page.headers["Cache-Control"] == "no-cache"
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    script = requests.get(f"{site}/assets/app-1.js", timeout=30)
    assert script.headers["Content-Type"].startswith("text/javascript")
    assert "immutable" in script.headers["Cache-Control"]


@pytest.mark.parametrize(
    "path", ["nothing", ".built-from", "../outside.txt", "%2e%2e/outside.txt", "assets", "staticwebapp.config.json"]
)
def test_nothing_else_is_served(site: str, path: str) -> None:
    answer = requests.get(f"{site}/{path}", timeout=30)
    assert answer.status_code == 404
    assert "secret" not in answer.text


def test_the_configuration_is_read_at_each_request(site: str, tmp_path: Path) -> None:
    assert requests.get(f"{site}/config.json", timeout=30).status_code == 503
    for url in ("http://a", "http://b"):
        (tmp_path / "config.json").write_text(f'{{"apiUrl": "{url}"}}')
        answer = requests.get(f"{site}/config.json", timeout=30)
        assert answer.json() == {"apiUrl": url}
        assert answer.headers["Cache-Control"] == "no-store"
