"""The studio page in Chromium, against the shared stack."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browser import WIDTHS, at_every_width, launched
from open_pages import describe_page, describe_pages

from cli import web
from cli.run import local_values, page_accounts
from emulators.launch import launch
from emulators.stack import ROOT, Stack, page_facts

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

BROWSER = pytest.StashKey["Browser"]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add what the browser showed to the report of a test that failed."""
    report = yield
    browser: Browser | None = getattr(item, "funcargs", {}).get("browser")
    if report.failed and browser is not None and call.when != "teardown":
        report.sections += [("Open page", text) for text in describe_pages(browser)]
    return report


@pytest.fixture(scope="session")
def page_config(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built page's `config.json`: the shared stack and its local accounts."""
    web.build()
    settings = {"ENVIRONMENT": "development", **stack.settings}
    subprocess.run(
        [sys.executable, "-m", "cli.logins"], cwd=ROOT, env={**os.environ, **local_values(), **settings}, check=True
    )
    config = tmp_path_factory.mktemp("page") / "config.json"
    local = page_facts(page_accounts(), stack.providers)
    config.write_text(json.dumps({"apiUrl": stack.url, "local": local}))
    return config


@pytest.fixture(scope="session")
def page_url(page_config: Path, page_port: int, stack: Stack) -> Iterator[str]:
    """The page at the only origin that the stack allows."""
    files = ("--folder", str(web.DIST), "--config", str(page_config), "--log", str(stack.log))
    with launch("site", *files, port=page_port) as site:
        yield site["url"]


@pytest.fixture
def other_origin(page_config: Path) -> Iterator[str]:
    """The same page at an origin that the stack does not allow."""
    with launch("site", "--folder", str(web.DIST), "--config", str(page_config)) as site:
        yield site["url"]


@pytest.fixture(scope="module")
def browser(request: pytest.FixtureRequest) -> Browser:
    """Headless Chromium, which ends with the last test of this folder: a process that goes on with files of another
    one can't call `asyncio.run` while Playwright's loop runs. pytest's own scope for a folder is for those with an
    `__init__.py`; for others it is that of a session."""
    folder = request.node.getparent(pytest.Directory)
    if BROWSER not in folder.stash:
        running = ExitStack()
        folder.stash[BROWSER] = running.enter_context(launched())
        running.callback(folder.stash.__delitem__, BROWSER)
        folder.addfinalizer(running.close)
    return folder.stash[BROWSER]


@pytest.fixture(scope="module")
def context(browser: Browser, page_url: str) -> Iterator[BrowserContext]:
    """The profile of a file's tests: what Chromium has fetched and compiled of the page serves the next tab, too."""
    with _profile(browser, page_url) as made:
        yield made


@pytest.fixture
def own_context(browser: Browser, page_url: str) -> Iterator[BrowserContext]:
    """A profile for one test, which changes what holds for all tabs of one."""
    with _profile(browser, page_url) as made:
        yield made


@contextmanager
def _profile(browser: Browser, page_url: str) -> Generator[BrowserContext]:
    context = browser.new_context(base_url=page_url)
    context.set_default_timeout(float(os.environ.get("STUDIO_BROWSER_TIMEOUT_MS", "180000")))
    context.new_page().goto("/icon.svg")
    yield context
    context.close()


@pytest.fixture
def page(request: pytest.FixtureRequest, context: BrowserContext) -> Iterator[Page]:
    """A tab at the width of a phone, or of what a test is parametrized with; it fails on any error in the console.

    The page's code knows no width, only its style sheet does: what a person does is tried at one width, and `audit`
    looks at every state at all of them.
    """
    with _tab(request, context) as tab:
        yield tab


@pytest.fixture
def own_page(request: pytest.FixtureRequest, own_context: BrowserContext) -> Iterator[Page]:
    """The same in a profile of its own."""
    with _tab(request, own_context) as tab:
        yield tab


@contextmanager
def _tab(request: pytest.FixtureRequest, context: BrowserContext) -> Generator[Page]:
    first = context.pages[0]
    # A tab that one of the same site opens shares its process, which has compiled the page and axe before.
    with first.expect_popup() as opened:
        first.evaluate("() => { window.open('about:blank') }")
    tab = opened.value
    width, height = WIDTHS[getattr(request, "param", "phone")]
    tab.set_viewport_size({"width": width, "height": height})
    problems: list[str] = []

    def note(message: ConsoleMessage) -> None:
        # The browser itself reports answers such as 401, and what a test's network does; the page handles them.
        expected = ("Failed to load resource", "net::ERR_INTERNET_DISCONNECTED")
        if message.type == "error" and not any(text in message.text for text in expected):
            problems.append(message.text)

    tab.on("console", note)
    tab.on("pageerror", lambda error: problems.append(str(error)))
    yield tab
    shots = os.environ.get("STUDIO_SCREENSHOTS")
    if shots:
        Path(shots).mkdir(parents=True, exist_ok=True)
        tab.screenshot(path=f"{shots}/{request.node.name}.png", full_page=True)
    shown = describe_page(tab) if problems else ""
    tab.close()
    assert not problems, f"{problems}\n{shown}"


@pytest.fixture
def audit() -> Callable[[Page], None]:
    """Looks at the page at the width of a phone and of a desktop: `browser.audit`."""
    return at_every_width
