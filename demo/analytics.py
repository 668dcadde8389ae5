"""The merchant's act: what three designs would sell, how sure that is, and which part of the picture says so.

The page gets a sheet: each design, its heat map, the interval, and the sold products that look most alike.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import requests
from PIL import Image, ImageDraw, ImageFont

from demo.accounts import create_account
from demo.steps import Steps
from emulators.stack import Stack
from wardrobe import draw_garment, garment_specs

SHEET = "analytics.png"
PLOT = "analytics-calibration.svg"
SEED = 23
WIDTH, ROW, TILE = 1180, 330, (230, 288)
INK, SOFT, UP, DOWN, BAR = "#1f2430", "#6b7280", "#d62828", "#2160c4", "#0b6e4f"


def merchant_predicts(stack: Stack, steps: Steps, out: Path, count: int = 3) -> list[str]:
    """Play the act on a running stack; returns the paths of the files made."""
    designs: list[tuple[Image.Image, dict[str, Any]]] = []
    with steps.step("merchant-predict", f"A merchant asks what {count} designs would sell") as step:
        client = create_account(stack, "merchant", displayName="Lindenhof")
        for spec in [one for one in garment_specs(60, SEED) if one.category in ("dress", "jacket", "t-shirt")][:count]:
            garment = draw_garment(spec, (448, 560)).image.convert("RGB")
            buffer = io.BytesIO()
            garment.save(buffer, "JPEG", quality=92)
            image = client.upload(buffer.getvalue(), f"{spec.sku}.jpg", "garment")
            body = {"imageId": image["id"], "category": spec.category, "price": spec.price}
            found = client.call("POST", "analytics/predict", json=body)
            if not found["errLow"] <= found["score"] <= found["errHigh"]:
                raise AssertionError(f"the score lies outside its interval: {found}")
            designs.append((garment, {**found, "title": spec.title}))
        step.note = ", ".join(f"{one['score']:.0f} ({one['errLow']:.0f} to {one['errHigh']:.0f})" for _, one in designs)
    with steps.step("merchant-eval", "How good the model is, on rows used for nothing else") as step:
        figures = client.call("GET", "analytics/eval")
        (out / PLOT).write_bytes(_fetched(figures["plotUrl"]))
        coverage, rows, data = figures["interval"]["coverage"], figures["n"], figures["data"]
        step.note = f"coverage {coverage:.1%} of 90 % on {rows} rows; {data} data; {PLOT}"
    with steps.step("merchant-sheet", "The sheet: design, heat map, interval, comparables") as step:
        sheet = out / SHEET
        draw_sheet(designs, sheet)
        step.note = sheet.name
    return [str(sheet), str(out / PLOT)]


def _fetched(url: str) -> bytes:
    answer = requests.get(url, timeout=30)
    answer.raise_for_status()
    return answer.content


def draw_sheet(designs: list[tuple[Image.Image, dict[str, Any]]], path: Path) -> None:
    """Each design in a row: photo, heat map, and what was answered."""
    sheet = Image.new("RGB", (WIDTH, 70 + ROW * len(designs)), "white")
    pen = ImageDraw.Draw(sheet)
    pen.text((20, 14), "What would it sell?", INK, ImageFont.load_default(24))
    note = "red raises the prediction, blue lowers it, compared with an average image; fitted on generated sales"
    pen.text((20, 46), note, SOFT, ImageFont.load_default(13))
    most = max(one["errHigh"] for _, one in designs) * 1.05
    for number, (garment, found) in enumerate(designs):
        top = 76 + number * ROW
        with Image.open(io.BytesIO(_fetched(found["heatmapUrl"]))) as heat:
            for place, picture in enumerate((garment, heat.convert("RGB"))):
                sheet.paste(picture.resize(TILE, Image.Resampling.LANCZOS), (20 + place * (TILE[0] + 12), top))
        _draw_prediction(pen, found, 20 + 2 * (TILE[0] + 12) + 12, top, most)
    sheet.save(path)


def _draw_prediction(pen: ImageDraw.ImageDraw, found: dict[str, Any], left: int, top: int, most: float) -> None:
    large, usual, small = (ImageFont.load_default(size) for size in (20, 15, 13))
    pen.text((left, top), f"{found['title']}, {found['price']:.2f}", INK, large)
    width = WIDTH - left - 30
    axis = top + 62

    def x(units: float) -> float:
        return left + width * units / most

    pen.line((left, axis, left + width, axis), fill="#d5d7db", width=2)
    pen.line((x(found["errLow"]), axis, x(found["errHigh"]), axis), fill=BAR, width=7)
    pen.ellipse((x(found["score"]) - 8, axis - 8, x(found["score"]) + 8, axis + 8), fill="white", outline=BAR, width=4)
    score = f"{found['score']:.0f} units, 90 % between {found['errLow']:.0f} and {found['errHigh']:.0f}"
    pen.text((left, axis + 14), score, INK, usual)
    parts = [one for one in found["explanation"]["contributions"] if one["name"] != "base"]
    place = float(left)
    for part in parts:
        text = f"{part['name']} x{part['factor']:.2f}"
        pen.text((place, axis + 40), text, UP if part["value"] > 0 else DOWN, small)
        place += pen.textlength(text, small) + 22
    pen.text((left, axis + 72), "sold, and most alike:", SOFT, small)
    for number, one in enumerate(found["comparables"][:4]):
        line = f"{one['name']}: {one['units']:.0f} at {one['price']:.2f} ({one['similarity']:.0%} alike)"
        pen.text((left, axis + 92 + 19 * number), line, INK, small)
    for number, one in enumerate(found["warnings"][:2]):
        pen.text((left, axis + 172 + 18 * number), f"! {one['message'][:92]}", UP, small)
