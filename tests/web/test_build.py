"""The studio page is built from the API's own description, and is built again when a source changes."""

from __future__ import annotations

import pytest

from cli import web

pytestmark = pytest.mark.processes


def test_the_page_is_built_and_then_up_to_date() -> None:
    web.build()
    assert web.build() is False
    assert (web.DIST / "index.html").read_text().startswith("<!doctype html>")
    scripts = list((web.DIST / "assets").glob("*.js"))
    assert scripts
    assert sum(script.stat().st_size for script in scripts) < 400_000


def test_the_page_asks_nobody_else() -> None:
    """No address of another host is in what is served, but for namespaces and messages."""
    web.build()
    page = (web.DIST / "index.html").read_text()
    assert "http://" not in page
    assert "https://" not in page
