"""The studio page is built from the API's own description, and is built again when a source changes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import requests
from studio_command import studio

from cli import web
from emulators.stack import ROOT
from emulators.vite import free_port, serving

pytestmark = pytest.mark.processes


def build() -> dict[str, Any]:
    """What `./studio web` says."""
    done = studio("web", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def built() -> dict[str, Any]:
    """The page, built unless it was up to date."""
    return build()


def test_the_page_is_built_and_then_up_to_date(built: dict[str, Any]) -> None:
    again = build()
    assert built["ok"] is again["ok"] is True
    assert again["built"] is False
    assert (web.DIST / "index.html").read_text().startswith("<!doctype html>")
    scripts = list((web.DIST / "assets").glob("*.js"))
    assert scripts
    assert sum(script.stat().st_size for script in scripts) < 400_000


@pytest.mark.usefixtures("built")
def test_the_page_asks_no_other_host() -> None:
    page = (web.DIST / "index.html").read_text()
    assert "http://" not in page
    assert "https://" not in page


def test_what_a_build_was_made_from_differs_by_path_and_content(tmp_path: Path) -> None:
    source, other = tmp_path / "a.ts", tmp_path / "b.ts"
    source.write_text("1")
    first = web.digest_of([source])
    other.write_text("1")
    assert web.digest_of([source, other]) == web.digest_of([other, source]) != first
    assert web.digest_of([other]) != first == web.digest_of([source])
    source.write_text("2")
    assert web.digest_of([source]) != first


def test_the_development_server_has_the_widget_though_nothing_was_built(tmp_path: Path) -> None:
    page = tmp_path / "web"
    shutil.copytree(web.WEB, page, ignore=shutil.ignore_patterns("dist", "node_modules"))
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    with serving(page, "http://127.0.0.1:9", free_port()) as url:
        answer = requests.get(f"{url}/widget.js", timeout=60)
    assert answer.headers["Content-Type"] == "text/javascript"
    assert "attachShadow" in answer.text
