"""The vendor's act: drawn products dropped into a container come out as products on the shelf."""

from __future__ import annotations

import io
import json
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from PIL import Image

from demo.accounts import create_account
from demo.steps import Steps
from emulators.stack import ROOT, Stack
from emulators.with_parent import parent_pipe, python
from wardrobe import draw_garment, garment_specs, save_garment

FORMS = ("thumbnail", "mask", "cutoutThumbnail")


@dataclass
class Shelf:
    """What became of the files: products with their pictures by form, and the reasons of refused files."""

    products: list[tuple[dict[str, Any], dict[str, Image.Image]]]
    refused: list[dict[str, Any]]


def vendor_drop(stack: Stack, steps: Steps, count: int = 12) -> Shelf:
    """Play the act on a running stack.

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
            step.note = f"{counts.get('completed', 0)} files completed, {counts.get('rejected', 0)} rejected"
            if counts != {"completed": 2 * count, "rejected": 1}:
                raise AssertionError(f"not what was expected: {[f for f in became['files'] if f['code']]}")
    with steps.step("vendor-products", "They are products: cut out, measured, described") as step:
        products = client.call("GET", "products", params={"limit": 100})["items"]
        if len(products) != count or not all(one["status"] == "active" and one["hasMetadata"] for one in products):
            raise AssertionError(f"{len(products)} products, not all complete")
        pictures = [{form: fetched(one["pictures"][form]["url"]) for form in FORMS} for one in products]
        step.note = f"{len(products)} on the shelf"
    refused = [file for file in became["files"] if file["status"] == "rejected"]
    return Shelf([*zip(products, pictures, strict=True)], refused)


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


def fetched(url: str) -> Image.Image:
    """The picture at a signed address."""
    answer = requests.get(url, timeout=30)
    answer.raise_for_status()
    return Image.open(io.BytesIO(answer.content)).convert("RGB")
