"""The search act: a shopper looks for what vendors dropped, by words, by a photo, and by both."""

from __future__ import annotations

import io
import secrets
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from demo.accounts import create_account
from demo.client import Client
from demo.steps import Step, Steps
from demo.vendor import dropped, fetched
from emulators.stack import Stack
from wardrobe import GarmentSpec, draw_garment, garment_specs, save_garment

SEED, VARIETY = 37, 60
TEXTS = ("floral dress", "striped bag", "green coat", "jeans -navy")
SHOWN = 6
PATIENCE_S = 60


@dataclass
class Found:
    """A query, as a person would say it, and its answer."""

    said: str
    answer: dict[str, Any]
    photo: Image.Image | None = None
    pictures: list[Image.Image] = field(default_factory=list[Image.Image])


def search(stack: Stack, steps: Steps, stocked: Callable[[], object], count: int = 15) -> list[Found]:
    """Play the act on a running stack; returns every query with its answer.

    Args:
        stocked: waits until the other vendor's products are on the shelf.
        count: products that a second vendor drops before.
    """
    shopper, specs = Client(stack.url), garment_specs(VARIETY, SEED)[:: VARIETY // count]
    with steps.step("search-stock", f"A second vendor drops {count} products; each is found soon after") as step:
        _stock(stack, specs, step)
    stocked()
    shopper.register(f"ada.{secrets.token_hex(3)}@example.com", secrets.token_urlsafe(12), displayName="Ada")
    found: list[Found] = []
    with steps.step("search-text", "Ada searches by words") as step:
        for said in TEXTS:
            found.append(Found(said, shopper.call("POST", "search/text", json={"query": said, "topK": SHOWN})))
        step.note = "; ".join(f"{one.said}: {_first_title(one.answer)}" for one in found)
    with steps.step("search-image", "Ada searches by a photo she took") as step:
        for spec in (specs[0], specs[4]):
            photo, image_id = _photo(shopper, spec)
            answer = shopper.call("POST", "search/image", json={"imageId": image_id, "topK": SHOWN})
            found.append(Found("this photo", answer, photo))
            step.add(f"{spec.title}: {_first_title(answer)}")
    with steps.step("search-hybrid", "Ada searches by a photo and words together") as step:
        photo, image_id = _photo(shopper, specs[0])
        for alpha in (0.8, 0.3):
            body = {"imageId": image_id, "query": "red", "alpha": alpha, "topK": SHOWN}
            answer = shopper.call("POST", "search/hybrid", json=body)
            found.append(Found(f"this photo, but red (the picture counts {alpha:.0%})", answer, photo))
        best = found[-1].answer
        body = {"searchId": best["searchId"], "productId": best["results"][0]["id"], "kind": "click"}
        shopper.call("POST", "search/feedback", json=body)
        step.note = f"{best['results'][0]['title']} in {best['tookMs']:.0f} ms; her click is noted"
    for one in found:
        one.pictures = [fetched(result["image"]) for result in one.answer["results"]]
    return found


def _first_title(answer: dict[str, Any]) -> str:
    return answer["results"][0]["title"] if answer["results"] else "nothing like it"


def _stock(stack: Stack, specs: list[GarmentSpec], step: Step) -> None:
    vendor = create_account(stack, "vendor", displayName="Südstern")
    with tempfile.TemporaryDirectory(prefix="studio-drop-") as temporary:
        for spec in specs:
            save_garment(draw_garment(spec, (320, 400)), Path(temporary), mask=False)
        dropped(stack, Path(temporary), vendor.user["id"])
    started = time.monotonic()
    _until(lambda: len(_indexed(vendor)) == len(specs))
    step.note = f"all of them in the index {time.monotonic() - started:.1f} s after the last was on the shelf"


def _indexed(vendor: Client) -> list[dict[str, Any]]:
    items = vendor.call("GET", "products", params={"limit": 100, "status": "active"})["items"]
    return [one for one in items if one["indexSeq"] is not None and one["hasMetadata"]]


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the index did not follow the products")
        time.sleep(0.2)


def _photo(shopper: Client, spec: GarmentSpec) -> tuple[Image.Image, str]:
    """The garment as someone else would photograph it: nearer, darker, a little turned."""
    photo = draw_garment(spec, (448, 560)).image.convert("RGB").rotate(4, Image.Resampling.BICUBIC, fillcolor="#dcd8d2")
    photo = photo.crop((24, 30, 424, 530)).point([round(value * 0.85) for value in range(256)] * 3)
    buffer = io.BytesIO()
    photo.save(buffer, "JPEG", quality=85)
    return photo, shopper.upload(buffer.getvalue(), "seen.jpg", "garment")["id"]
