"""The try-on part of the demo: garments put on people by the container.

Portraits wear an upper garment. Lower garments and dresses need a figure from head to foot: a drawn one, and photos
where a folder of them is there; those stay in the output folder.
"""

from __future__ import annotations

import csv
import io
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from demo.accounts import create_account
from demo.client import CONTENT_TYPES, Client, Refused
from demo.steps import Step, Steps
from demo.vendor import fetched
from emulators.stack import ROOT, Stack
from wardrobe import draw_garment, draw_posed_mannequin, garment_spec

PHOTOS = ROOT.parent / "shared" / "data"
COLUMNS = ("person", "garment", "mask", "result")
FIGURE = (448, 672)
GARMENT = (448, 560)


@dataclass(frozen=True)
class Look:
    """A person and a garment; with the user's `own` images a refusal is reported instead of raised."""

    title: str
    person: bytes
    garment: bytes
    category: str
    own: bool = False


@dataclass
class Worn:
    """A look that was tried on: its images by `COLUMNS`, or why it could not be made.

    Args:
        note: the engine and its time, or the reason.
        engine: in words; says whether it makes previews.
    """

    look: Look
    note: str
    engine: str = ""
    quality: dict[str, Any] = field(default_factory=dict[str, Any])
    images: dict[str, Image.Image] = field(default_factory=dict[str, Image.Image])


def try_on(stack: Stack, steps: Steps, portraits: list[Look]) -> list[Worn]:
    """Play the act on a running stack.

    Args:
        portraits: the demo's shoppers, or the user's own photo and garment.
    """
    with steps.step("tryon-register", "A shopper who only tries things on registers"):
        client = create_account(stack, displayName="Mina")
    acts = [("tryon-portraits", "Upper garments on the portraits", portraits)]
    acts.append(("tryon-figure", "Trousers, a skirt and a dress on a drawn figure", list(_drawn())))
    if photos := list(_photos()):
        acts.append(("tryon-photos", "The same on photos", photos))
    worn: list[Worn] = []
    for name, what, looks in acts:
        with steps.step(name, what) as step:
            worn += [_worn(client, look, step) for look in looks]
    return worn


def look_of(title: str, person: bytes, garment: bytes, *, own: bool) -> Look:
    """A portrait in an upper garment; of the user's own garment the category is detected."""
    return Look(title, person, garment, "auto" if own else "upper", own)


def _drawn() -> Iterator[Look]:
    figures = {
        "trousers": (5, "arms out", "t-shirt", "lower"),
        "skirt": (8, "at ease", "tank top", "lower"),
        "dress": (3, "at ease", "tank top", "dress"),
    }
    for category, (seed, pose, upper, worn_as) in figures.items():
        person = _jpeg(draw_posed_mannequin(seed, FIGURE, pose=pose, upper=upper, lower="shorts"))
        yield Look(
            f"drawn figure, {category}", person, _jpeg(draw_garment(garment_spec(category, 21), GARMENT).image), worn_as
        )


def _photos() -> Iterator[Look]:
    """Three people of the CCP photos (Creative Commons) and three of the garments, if they are next to the checkout."""
    labels = PHOTOS / "garments" / "labels.csv"
    people = sorted((PHOTOS / "ccp" / "photos").glob("*.jpg"))[2:40:17]
    if not labels.is_file() or len(people) < 3:
        return
    with labels.open() as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "validation" and row["height"] == "256"]
    wanted = {"t-shirt": "upper", "skirt": "lower", "dress": "dress"}
    for person, (label, worn_as) in zip(people, wanted.items(), strict=True):
        found = next((row for row in rows if row["label"] == label), None)
        if found is not None:
            garment = (PHOTOS / "garments" / found["file"]).read_bytes()
            yield Look(f"photo {person.stem}, {label}", person.read_bytes(), garment, worn_as, own=True)


def _worn(client: Client, look: Look, step: Step) -> Worn:
    try:
        made, images = _made(client, look)
    except Refused as refused:
        if not look.own or refused.status != 422:
            raise
        note = f"{refused.problem['code']}: {refused.problem['detail']}"
        step.add(f"{look.title}: {refused.problem['code']}")
        return Worn(look, note)
    report = made["results"][0]["report"]
    step.add(f"{made['garments'][0]['category']} {made['processingMs'] / 1000:.1f} s")
    columns = {
        "person": images["person"],
        "garment": images["garment"],
        "mask": fetched(made["maskUrl"]),
        "result": fetched(made["outputUrl"]),
    }
    if report["changedOutsideMask"] or columns["result"].size != columns["person"].size:
        raise AssertionError(f"{look.title}: {report}")
    seconds = f"{made['processingMs'] / 1000:.1f} s"
    notes: dict[str, Any] = next(iter(report["notes"]), {})
    note = f"{made['garments'][0]['category']} garment, {seconds}"
    engine = "preview by the built-in engine" if made["engine"] == "compact" else made["engineLabel"]
    return Worn(look, note, engine, notes, columns)


def _made(client: Client, look: Look) -> tuple[dict[str, Any], dict[str, Image.Image]]:
    """The try-on as it was answered, and its inputs as they are kept."""
    person = client.upload(look.person, _name(look.person), "person")
    garment = client.upload(look.garment, _name(look.garment), "garment")
    body = {"personImageId": person["id"], "garmentImageId": garment["id"], "category": look.category, "seed": 7}
    made = client.call("POST", "cv/tryon", json=body, headers={"Idempotency-Key": secrets.token_hex(8)})
    if made["status"] != "completed":
        client.wait(made["jobId"], 90)
        made = client.call("GET", f"cv/tryon/{made['id']}")
    if made["status"] != "completed":
        raise AssertionError(f"{look.title}: {made['status']}, {made['error']}")
    return made, {name: fetched(image["original"]["url"]) for name, image in (("person", person), ("garment", garment))}


def _name(data: bytes) -> str:
    with Image.open(io.BytesIO(data)) as image:
        end = {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp"}.get(str(image.format), ".jpg")
    assert end in CONTENT_TYPES
    return f"photo{end}"


def _jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "JPEG", quality=92)
    return buffer.getvalue()
