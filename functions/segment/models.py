"""Requests and answers of segmentation."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from shared.http.models import EXAMPLE_ID, Answer, Body, Id, example
from shared.images.segmentations import Output
from shared.images.targets import Target


class SegmentationRequest(Body):
    """What to find, in exactly one of `imageUrl`, `imageId`, `imageIds`."""

    model_config = example(imageId=EXAMPLE_ID, target="garment", output="both")

    image_url: str | None = Field(default=None, max_length=2048, description="a URL that this API returned")
    image_id: Id | None = None
    image_ids: list[Id] | None = Field(default=None, min_length=1, max_length=50, description="answered with a job")
    target: Target = "garment"
    output: Output = "mask"

    @model_validator(mode="after")
    def one_source(self) -> Self:
        """Require exactly one way of naming the image."""
        if sum(given is not None for given in (self.image_url, self.image_id, self.image_ids)) != 1:
            raise ValueError("name the image by exactly one of imageUrl, imageId, imageIds")
        return self


class Rectangle(Answer):
    """A rectangle in pixels of the upright image, from its top left corner."""

    x: int
    y: int
    width: int
    height: int


class FoundClass(Answer):
    """A class of things that the image shows."""

    name: str
    area_share: float = Field(description="share of the whole image, 0..1")
    box: Rectangle


class Segmentation(Answer):
    """A finished segmentation; its URLs are valid for minutes."""

    id: str
    status: Literal["completed"] = "completed"
    image_id: str | None
    target: Target
    width: int = Field(description="pixels of the image, and of its mask")
    height: int
    mask_url: str | None = Field(description="8-bit grey PNG: opacity of the target, soft by 1-2 pixels at its edge")
    cutout_url: str | None = Field(default=None, description="PNG with transparency, of the image's size")
    classes: list[FoundClass]
    area_share: float = Field(description="share of the mask, 0..1")
    worn: bool = Field(description="whether a person wears what is shown; false for a garment alone")
    confidence: float = Field(description="0..1")
    quality: Literal["good", "low"] = Field(description="`low`: check the mask before you use it")
    model_version: str
    cached: bool = Field(description="whether an earlier segmentation of the same image was returned")
    created_at: str


class SegmentationQueued(Answer):
    """A job segments the images; its `result.items` name the segmentations."""

    job_id: str
    status: Literal["queued"] = "queued"
    images: int = Field(description="number of images")


class ModelHealth(Answer):
    """A registered model."""

    id: str
    version: str
    status: Literal["loaded", "ready", "missing", "refused"]
    bytes: int
    precision: str
    reason: str | None = None


class SegmentationHealth(Answer):
    """Whether segmentation is available."""

    status: Literal["ok", "failing"]
    models: list[ModelHealth]
