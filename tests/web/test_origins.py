"""Cross-origin rules in a browser, with one allowed origin as in Azure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from emulators.stack import Stack

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.processes, pytest.mark.long]

READ = """async (url) => {
  try {
    const answer = await fetch(url, { headers: { Authorization: "Bearer none" } });
    return [answer.status, answer.headers.get("X-Request-Id") !== null];
  } catch (error) {
    return [error.name, false];
  }
}"""
PUT = """async (url) => {
  try {
    return (await fetch(url, { method: "PUT", headers: { "x-ms-blob-type": "BlockBlob" }, body: "x" })).status;
  } catch (error) {
    return error.name;
  }
}"""


def test_only_a_page_at_the_allowed_origin_may_call_the_api(
    browser: Browser, stack: Stack, page_url: str, other_origin: str
) -> None:
    storage = dict(part.split("=", 1) for part in stack.storage.split(";") if part)
    api, blob = f"{stack.url}/api", f"{storage['BlobEndpoint']}/uploads/test-origins"
    for origin, private, upload in ((page_url, [401, True], 403), (other_origin, ["TypeError", False], "TypeError")):
        page = browser.new_page()
        page.goto(origin)
        assert page.evaluate(READ, f"{api}/auth/me") == private
        # without a signature the storage refuses; the browser shows the answer to an allowed origin only
        assert page.evaluate(PUT, blob) == upload
        assert page.evaluate(READ, f"{api}/shops/default/products")[0] == 200, "the shop window is open to any page"
        page.close()
