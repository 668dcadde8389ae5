"""The vendor's act: drawn products dropped into a container come out as products on the shelf.

The page gets a contact sheet: each photo beside its mask and its cut-out, with what was measured.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import requests
from PIL import Image, ImageDraw, ImageFont

from demo.accounts import create_account
from demo.steps import Steps
from emulators.stack import ROOT, Stack
from emulators.with_parent import parent_pipe, python
from wardrobe import draw_garment, garment_specs, save_garment

SHEET = "vendor.png"
TILE = 150
SHOWN = 18
COLUMNS = 3


def vendor_drop(stack: Stack, steps: Steps, out: Path, count: int = 12) -> list[str]:
    """Play the act on a running stack; returns the paths of the files made.

    Args:
        count: products to drop; a picture that is none is dropped with them.
    """
    with steps.step("vendor-register", "An administrator makes an account for a vendor") as step:
        client = create_account(stack, "vendor", displayName="Nordwind")
        step.note = f"vendor {client.user['id']}"
    with tempfile.TemporaryDirectory(prefix="studio-drop-") as temporary:
        folder = Path(temporary)
        with steps.step("vendor-drop", f"The vendor drops {count} products, and one file that is no picture") as step:
            for spec in garment_specs(count, 5):
                save_garment(draw_garment(spec, (448, 560)), folder, mask=False)
            (folder / "BROKEN-1.jpg").write_bytes(b"not a picture at all" * 20)
            became = dropped(stack, folder, client.user["id"])
            counts: dict[str, int] = became["counts"]
            step.note = ", ".join(f"{number} files {status}" for status, number in counts.items())
            if counts != {"completed": 2 * count, "rejected": 1}:
                raise AssertionError(f"not what was expected: {[f for f in became['files'] if f['code']]}")
    with steps.step("vendor-products", "They are products: cut out, measured, described") as step:
        products = client.call("GET", "products", params={"limit": 100})["items"]
        if len(products) != count or not all(one["status"] == "active" and one["hasMetadata"] for one in products):
            raise AssertionError(f"{len(products)} products, not all complete")
        sheet = out / SHEET
        contact(products, sheet)
        step.note = f"{len(products)} on the shelf; {sheet.name}"
    return [str(sheet)]


def dropped(stack: Stack, folder: Path, vendor: str) -> dict[str, Any]:
    """Drop a folder of files as a vendor does; what became of each, once all have ended."""
    done = subprocess.run(
        python("cli", "vendor", "drop", str(folder), "--vendor", vendor, "--json"),
        cwd=ROOT,
        env={**os.environ, **stack.settings},
        stdin=parent_pipe(),
        check=False,
        capture_output=True,
        text=True,
    )
    if not done.stdout:
        raise RuntimeError(done.stderr[-2000:])
    return json.loads(done.stdout)


def contact(products: list[dict[str, Any]], path: Path) -> None:
    """Photo, mask and cut-out of each product, side by side, with its name, class and colours."""
    shown = products[:SHOWN]
    width, height = 3 * TILE + 12, TILE + 34
    sheet = Image.new("RGB", (COLUMNS * width, -(-len(shown) // COLUMNS) * height), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(11)
    for number, product in enumerate(shown):
        left, top = number % COLUMNS * width, number // COLUMNS * height
        for place, form in enumerate(("thumbnail", "mask", "cutoutThumbnail")):
            answer = requests.get(product["pictures"][form]["url"], timeout=30)
            answer.raise_for_status()
            picture = Image.open(io.BytesIO(answer.content)).convert("RGB")
            picture.thumbnail((TILE, TILE))
            sheet.paste(picture, (left + place * TILE + (TILE - picture.width) // 2, top))
        pen.text((left + 4, top + TILE + 2), f"{product['title']}: {product['garmentClass']}", "black", font)
        for place, colour in enumerate(product["colours"][:5]):
            pen.rectangle(
                (left + 4 + 16 * place, top + TILE + 18, left + 16 + 16 * place, top + TILE + 28), colour["hex"]
            )
    sheet.save(path)
