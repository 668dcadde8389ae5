"""Requests and answers of segmentation."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from shared.http.models import Answer, Body, Id
from shared.vision.segments import Target
from shared.vision.stored import Output


class SegmentationRequest(Body):
    """What to find, and where: exactly one of `imageUrl`, `imageId`, `imageIds`."""

    image_url: str | None = Field(default=None, max_length=2048, description="a URL that this API gave out")
    image_id: Id | None = None
    image_ids: list[Id] | None = Field(default=None, min_length=1, max_length=50, description="answered with a job")
    target: Target = "garment"
    output: Output = "mask"

    @model_validator(mode="after")
    def one_source(self) -> Self:
        """Refuse none and more than one."""
        if sum(given is not None for given in (self.image_url, self.image_id, self.image_ids)) != 1:
            raise ValueError("name the picture by exactly one of imageUrl, imageId, imageIds")
        return self


class Rectangle(Answer):
    """In pixels of the upright picture, from its top left corner."""

    x: int
    y: int
    width: int
    height: int


class FoundClass(Answer):
    """A class of the picture."""

    name: str
    area_share: float = Field(description="of the whole picture, 0..1")
    box: Rectangle


class Segmentation(Answer):
    """A finished segmentation; the URLs live for minutes."""

    id: str
    status: Literal["completed"] = "completed"
    image_id: str | None
    target: Target
    width: int = Field(description="pixels of the picture, and of its mask")
    height: int
    mask_url: str | None = Field(description="8-bit grey PNG: opacity of the target, soft by 1-2 pixels at its edge")
    cutout_url: str | None = Field(default=None, description="PNG with transparency, of the picture's size")
    classes: list[FoundClass]
    area_share: float = Field(description="of the mask, 0..1")
    worn: bool = Field(description="somebody wears what is shown; false for a garment that lies or hangs alone")
    confidence: float = Field(description="0..1")
    quality: Literal["good", "low"] = Field(description="`low`: look before you use it")
    model_version: str
    cached: bool = Field(description="answered from an earlier segmentation of the same picture")
    created_at: str


class SegmentationQueued(Answer):
    """The work is done by the queue: follow the job; its `result.items` name the segmentations."""

    job_id: str
    status: Literal["queued"] = "queued"
    pictures: int


class ModelHealth(Answer):
    """A model as it is registered."""

    id: str
    version: str
    status: Literal["loaded", "ready", "missing", "refused"]
    bytes: int
    precision: str
    reason: str | None = None


class SegmentationHealth(Answer):
    """Whether segmentation can work."""

    status: Literal["ok", "failing"]
    models: list[ModelHealth]
