"""The README's picture of the demo: `python -m demo.readme_picture` after `./studio demo`, in a checkout without photos
of people in `../shared`; needs Chromium."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.sync_api import sync_playwright

from emulators.stack import ROOT

SHOWN: Final = ("Shoppers try garments on", "A vendor's photos become products", "A shopper finds them")
"""Titles of the page's parts that become columns."""
LEFT_OUT: Final = {1: (4, 5, 6, 7, 8, 9, 10, 11), 2: (2, 3, 6, 7)}
"""Products and searches that are not shown, by column: equal heights."""
SIZE: Final = (1860, 900)
QUALITY: Final = 82
ARRANGE: Final = """([titles, leftOut]) => {
  const parts = titles.map(title => [...document.querySelectorAll('section')]
    .find(part => part.querySelector('h2').textContent === title));
  for (const [column, numbers] of leftOut) {
    const cards = parts[column].querySelectorAll('article');
    numbers.forEach(number => cards[number]?.remove());
  }
  const columns = document.createElement('div');
  columns.style.cssText = 'display:grid;grid-template-columns:repeat(3,1fr);gap:20px;align-items:start;padding:20px';
  columns.append(...parts.map(part => { const box = document.createElement('div'); box.append(part); return box; }));
  document.body.replaceChildren(columns);
  return Promise.all([...document.images].map(image => image.decode()));
}"""


def main(page: Path, chromium: str, target: Path) -> None:
    """Write the parts `SHOWN` of the demo's page as one JPEG.

    Args:
        chromium: the browser's executable.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": SIZE[0], "height": SIZE[1]})
        tab.goto(page.resolve().as_uri())
        tab.evaluate(ARRANGE, [SHOWN, list(LEFT_OUT.items())])
        shot = tab.screenshot(full_page=True)
        browser.close()
    Image.open(io.BytesIO(shot)).convert("RGB").save(target, quality=QUALITY, optimize=True)


if __name__ == "__main__":
    main(ROOT / "demo" / "out" / "index.html", sys.argv[1], ROOT / "docs" / "images" / "demo.jpg")
