"""What a person does in the studio page."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from re import Pattern
from typing import TYPE_CHECKING, Any

from quick import PATIENCE_S

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

    from demo.client import Client

type Audit = Callable[[Page], None]


def sign_in(page: Page, role: str) -> None:
    """Become one of the seeded accounts in one click."""
    page.goto("/#/sign-in")
    become(page, role)


def become(page: Page, role: str) -> None:
    """Sign in as a seeded account where the page is."""
    page.get_by_role("button", name=f"Sign in as {role}").click()
    page.get_by_role("button", name=f"Sign in as {role}", pressed=True).wait_for()


def enter_as(page: Page, client: Client) -> None:
    """Give the page, which a test opens next, the session of an account that it has made."""
    token = client.session.headers["Authorization"]
    assert isinstance(token, str)
    session = {"accessToken": token.removeprefix("Bearer "), "refreshToken": "none", "user": client.user}
    # A file of the same origin, which loads no view.
    page.goto("/icon.svg")
    page.evaluate("text => sessionStorage.setItem('studio.session', text)", json.dumps(session))


def drop(page: Page, where: str, files: Any) -> None:
    """Choose files in the drop zone that has this text."""
    page.locator("label.dropzone").filter(has_text=where).locator("input").set_input_files(files)


def file(name: str, content: bytes, kind: str = "image/jpeg") -> Any:
    """A file to choose."""
    return {"name": name, "mimeType": kind, "buffer": content}


def search(page: Page, words: str, product: str) -> None:
    """Search the shop until a product is found: the index follows the catalogue within seconds."""
    page.get_by_label("Words").fill(words)
    results = page.get_by_role("region", name="Search results")
    found = results.get_by_role("heading", name=product)
    button, refusal = page.get_by_role("button", name="Search", exact=True), page.get_by_role("alert")
    ends = time.monotonic() + PATIENCE_S
    while True:
        button.click()
        # While the page searches, the button has another name.
        button.wait_for()
        results.or_(refusal).first.wait_for()
        if found.count() > 0:
            return
        assert time.monotonic() < ends, page.locator("main").inner_text()
        page.wait_for_timeout(500)


class FailedOnce:
    """The connection of the first request fails; later ones are answered. `sent` counts them."""

    def __init__(self, page: Page, pattern: str) -> None:
        self.sent = 0
        page.route(pattern, self._take)

    def _take(self, route: Route) -> None:
        self.sent += 1
        if self.sent == 1:
            route.abort("connectionreset")
        else:
            route.continue_()


class Held:
    """Requests to the API that wait until the test lets them go, in whatever order it likes."""

    def __init__(self, page: Page, pattern: str | Pattern[str], method: str = "GET") -> None:
        self._page, self._pattern, self._method = page, pattern, method
        self._waiting: list[Route] = []
        self._ended = False
        page.route(pattern, self._take)

    def _take(self, route: Route) -> None:
        if route.request.method == self._method and not self._ended:
            self._waiting.append(route)
        else:
            route.continue_()

    def wait_for(self, count: int) -> None:
        """Wait until `count` requests are held."""
        until = time.monotonic() + PATIENCE_S
        while len(self._waiting) < count:
            assert time.monotonic() < until, f"{len(self._waiting)} of {count} requests to {self._pattern}"
            self._page.wait_for_timeout(20)

    @property
    def count(self) -> int:
        """How many requests wait."""
        return len(self._waiting)

    def let_go(self) -> None:
        """Send the one that has waited longest, and wait for its answer."""
        route = self._waiting.pop(0)
        with self._page.expect_response(lambda answer: answer.request == route.request):
            route.continue_()

    def end(self) -> None:
        """Send all, and hold nothing any more."""
        self._ended = True
        while self._waiting:
            self._waiting.pop(0).continue_()
        self._page.unroute(self._pattern)
