"""Stored segmentations as they are answered."""

from __future__ import annotations

from functions.segment.models import FoundClass, Rectangle, Segmentation
from shared import blobs
from shared.documents import Document, store
from shared.errors import NotFound
from shared.vision.stored import CONTAINER


def load(user_id: str, id: str) -> Document:
    """One's stored result. Raises NotFound."""
    record = store().find(CONTAINER, f"segmentation:{id}", user_id)
    if record is None or record.get("type") != "segmentation_result":
        raise NotFound("there is no such segmentation", code="segmentation_not_found")
    return record


def view(record: Document, *, cached: bool) -> Segmentation:
    """A result as an answer."""
    urls = {form: blobs.read_url(blobs.MASKS, name, content_type="image/png") for form, name in record["blobs"].items()}
    return Segmentation(
        id=record["id"].removeprefix("segmentation:"),
        image_id=record["imageId"],
        target=record["target"],
        width=record["width"],
        height=record["height"],
        mask_url=urls.get("mask"),
        cutout_url=urls.get("cutout"),
        classes=[
            FoundClass(name=one["name"], area_share=one["areaShare"], box=Rectangle(**one["box"]))
            for one in record["classes"]
        ],
        area_share=record["areaShare"],
        worn=record["worn"],
        confidence=record["confidence"],
        quality=record["quality"],
        model_version=record["modelVersion"],
        cached=cached,
        created_at=record["createdAt"],
    )
