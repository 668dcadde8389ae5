"""The merchant's act: what three designs would sell, how sure that is, and which part of the picture says so."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from PIL import Image

from demo.accounts import create_account
from demo.steps import Steps
from demo.vendor import fetched
from emulators.stack import Stack
from wardrobe import draw_garment, garment_specs

PLOT = "analytics-calibration.svg"
SEED = 23


@dataclass
class Design:
    """A design, the part of its picture that moves the prediction, and the answer."""

    title: str
    photo: Image.Image
    heat: Image.Image
    prediction: dict[str, Any]


def merchant_predicts(stack: Stack, steps: Steps, out: Path, count: int = 3) -> list[Design]:
    """Play the act on a running stack; the calibration plot is saved as `PLOT`."""
    designs: list[Design] = []
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
            designs.append(Design(spec.title, garment, fetched(found["heatmapUrl"]), found))
        step.note = ", ".join(
            f"{one['score']:.0f} ({one['errLow']:.0f} to {one['errHigh']:.0f})"
            for one in (d.prediction for d in designs)
        )
    with steps.step("merchant-eval", "How good the model is, on rows used for nothing else") as step:
        figures = client.call("GET", "analytics/eval")
        (out / PLOT).write_bytes(_fetched(figures["plotUrl"]))
        coverage, rows, data = figures["interval"]["coverage"], figures["n"], figures["data"]
        step.note = f"coverage {coverage:.1%} (goal 90%) on {rows} rows; {data} data; {PLOT}"
    return designs


def _fetched(url: str) -> bytes:
    answer = requests.get(url, timeout=30)
    answer.raise_for_status()
    return answer.content
