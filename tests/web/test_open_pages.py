"""The report of a failed browser test: what its pages showed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from open_pages import MAX_CHARACTERS, describe_pages

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.processes


def test_a_report_has_the_address_and_the_visible_text_of_every_open_page(browser: Browser) -> None:
    before = len(describe_pages(browser))
    context = browser.new_context()
    page = context.new_page()
    page.goto("data:text/html,<h1>Your try-on failed</h1><p hidden>not shown</p>")
    other = context.new_page()
    other.set_content(f"<p>{'a' * (MAX_CHARACTERS + 5)}</p>")
    first, second = describe_pages(browser)[before:]
    assert first == f"{page.url}\nYour try-on failed"
    assert second == f"about:blank\n{'a' * MAX_CHARACTERS}\n(and 5 more characters)"
    context.close()
    assert len(describe_pages(browser)) == before
