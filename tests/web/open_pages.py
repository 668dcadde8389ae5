"""What the open pages of a browser show, for the report of a failed test."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

MAX_CHARACTERS = 6_000
"""Of one page's text: the report stays readable, and the end of a page says least."""
PATIENCE_MS = 10_000


def describe_pages(browser: Browser) -> list[str]:
    """Address and visible text of each open page; why there is none for a page that does not respond."""
    return [describe_page(page) for context in browser.contexts for page in context.pages]


def describe_page(page: Page) -> str:
    """Address and visible text of one page."""
    from playwright.sync_api import Error

    try:
        text = page.locator(":root").inner_text(timeout=PATIENCE_MS)
    except Error as error:
        text = f"(no text: {error.message})"
    cut = f"\n(and {len(text) - MAX_CHARACTERS} more characters)" if len(text) > MAX_CHARACTERS else ""
    return f"{page.url}\n{text[:MAX_CHARACTERS]}{cut}"
