"""The README's picture of the studio page: `python -m demo.page_picture CHROMIUM ADDRESS`, with the address that
`./studio run` prints last; `--data` of a new folder keeps other try-ons out of the picture."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from emulators.stack import ROOT
from wardrobe import draw_garment, draw_posed_mannequin, garment_spec

SIZE: Final = (1180, 900)
WIDTH: Final = 1000
QUALITY: Final = 84
PATIENCE_MS: Final = 300_000


def main(chromium: str, address: str, target: Path) -> None:
    """Try a drawn dress on a drawn person in the page, and write what is then shown as a JPEG.

    Args:
        chromium: the browser's executable.
    """
    person = draw_posed_mannequin(3, (448, 672), pose="at ease", upper="tank top", lower="shorts")
    dress = draw_garment(garment_spec("dress", 4), (448, 560)).image
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": SIZE[0], "height": SIZE[1]}, base_url=address)
        tab.set_default_timeout(PATIENCE_MS)
        tab.goto("/#/sign-in")
        tab.get_by_role("button", name="Sign in as shopper").click()
        tab.get_by_role("heading", name="Try on", exact=True).wait_for()
        _choose(tab, "Person", person)
        _choose(tab, "Garment", dress)
        tab.get_by_label("Seed").fill("7")
        tab.get_by_role("button", name="Try it on", exact=True).click()
        tab.get_by_alt_text("Try-on: after").wait_for()
        tab.get_by_text("The same by program").click()
        tab.get_by_role("button", name="Python").click()
        tab.wait_for_function("() => [...document.images].every(image => image.complete && image.naturalWidth > 0)")
        end = tab.evaluate(
            "() => document.querySelector('.columns').getBoundingClientRect().bottom + window.scrollY + 20"
        )
        shot = tab.screenshot(clip={"x": 0, "y": 0, "width": SIZE[0], "height": end}, full_page=True)
        browser.close()
    picture = Image.open(io.BytesIO(shot)).convert("RGB")
    small = picture.resize((WIDTH, picture.height * WIDTH // picture.width), Image.Resampling.LANCZOS)
    small.save(target, quality=QUALITY, subsampling=0, optimize=True)


def _choose(tab: Page, kind: str, image: Image.Image) -> None:
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "JPEG", quality=92)
    zone = tab.locator("label.dropzone").filter(has_text=kind)
    content = buffer.getvalue()
    zone.locator("input").set_input_files({"name": f"{kind.lower()}.jpg", "mimeType": "image/jpeg", "buffer": content})
    tab.get_by_alt_text(f"{kind}: chosen picture").wait_for()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], ROOT / "docs" / "images" / "studio-page.jpg")
