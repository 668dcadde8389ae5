"""Chromium for tests of pages, and what is held to every page."""

from __future__ import annotations

import shutil
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from emulators.stack import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WIDTHS = {"phone": (390, 844), "desktop": (1280, 900)}
OMNIBOX = ("WebUIOmniboxPopup", "WebUIOmniboxAimPopup")
"""Two pages of Chromium's own that it loads for each window: two thirds of what a test's window costs."""
PLAYWRIGHTS = (
    "AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable", "LensOverlay", "MediaRouter", "PaintHolding", "ThirdPartyStoragePartitioning",
    "AvoidCorsURLLoaderRestartOnRedirect", "OptimizationHints", "NetworkTimeServiceQuerying", "AimEnabled",
    "PreconnectToSearch",
)  # fmt: skip
"""What Playwright switches off; Chromium obeys the last list alone, so ours has it too."""
CHROMIUM = ("--no-sandbox", "--disable-dev-shm-usage", f"--disable-features={','.join((*PLAYWRIGHTS, *OMNIBOX))}")
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"


def chromium() -> str | None:
    """The system's Chromium: Debian's package, or another name of it."""
    return next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
    )


@contextmanager
def launched() -> Generator[Browser]:
    """Headless Chromium; skips the test where there is none."""
    from playwright.sync_api import sync_playwright

    path = chromium()
    if path is None:
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=[*CHROMIUM])
        yield started
        started.close()


TOUCHING = """gap => {
  const OUTER = ".check, .dropzone, .file";
  const controls = [...document.querySelectorAll("button, .button, select, input, textarea, .dropzone, .check")]
    .filter(one => one.matches(OUTER) || !one.closest(OUTER))
    .map(one => [one, one.getBoundingClientRect()]).filter(([, box]) => box.width > 1 && box.height > 1);
  const between = (a, b) => Math.max(
    Math.max(a.left, b.left) - Math.min(a.right, b.right), Math.max(a.top, b.top) - Math.min(a.bottom, b.bottom));
  return controls.flatMap(([one, a], index) => controls.slice(index + 1)
    .filter(([two, b]) => !one.contains(two) && !two.contains(one) && between(a, b) < gap
      && !(one.matches(".check") && two.matches(".check")))
    .map(([two]) => [one, two].map(each => (each.textContent || each.placeholder || each.name).trim().slice(0, 40))));
}"""
"""Pairs of controls with less space than `gap` pixels between them. Boxes to check form a list."""
GAP_PX = 3


def at_every_width(tab: Page) -> None:
    """Audit the page as it is at every width, its own one last."""
    own = tab.viewport_size
    assert own is not None
    others = [size for size in WIDTHS.values() if size != (own["width"], own["height"])]
    for width, height in (*others, (own["width"], own["height"])):
        _resize(tab, width, height)
        try:
            audit(tab)
        except AssertionError as found:
            found.add_note(f"{width} pixels wide")
            raise


def show(tab: Page, width: str) -> None:
    """Give the page one of `WIDTHS`."""
    _resize(tab, *WIDTHS[width])


def _resize(tab: Page, width: int, height: int) -> None:
    tab.set_viewport_size({"width": width, "height": height})
    tab.wait_for_function("width => innerWidth === width", arg=width)


def audit(tab: Page) -> None:
    """Fails on serious accessibility findings of axe, on a page that scrolls sideways, and on controls that touch."""
    if tab.evaluate("typeof axe === 'undefined'"):
        tab.evaluate(AXE.read_text())
    found = tab.evaluate(
        "() => axe.run({ resultTypes: ['violations'] }).then((r) => r.violations.map("
        "(v) => ({ id: v.id, impact: v.impact, nodes: v.nodes.map((n) => n.html).slice(0, 3) })))"
    )
    serious = [finding for finding in found if finding["impact"] in ("serious", "critical")]
    assert not serious, serious
    assert tab.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    touching = tab.evaluate(TOUCHING, GAP_PX)
    assert not touching, touching
