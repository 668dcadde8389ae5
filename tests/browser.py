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


def audit(tab: Page) -> None:
    """Fails on serious accessibility findings of axe, and on a page that scrolls sideways."""
    tab.evaluate(AXE.read_text())
    found = tab.evaluate(
        "() => axe.run({ resultTypes: ['violations'] }).then((r) => r.violations.map("
        "(v) => ({ id: v.id, impact: v.impact, nodes: v.nodes.map((n) => n.html).slice(0, 3) })))"
    )
    serious = [finding for finding in found if finding["impact"] in ("serious", "critical")]
    assert not serious, serious
    assert tab.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
