"""What the jobs of segmentation are made with and result in."""

from __future__ import annotations

from typing import Self

from pydantic import Field

from shared.documents.model import Record
from shared.images.segmentations import Output
from shared.images.sources import Source
from shared.images.targets import Target
from shared.jobs.models import RunError


class SegmentImage(Record, frozen=True):
    """An image to segment."""

    container: str = Field(description="container of the blob")
    name: str = Field(description="name of the blob")
    image_id: str | None = None
    sha256: str | None = Field(default=None, description="digest of the blob, hex, if known")
    pixels: int | None = Field(default=None, description="width times height, if known")

    @classmethod
    def of(cls, source: Source) -> Self:
        """How a source is stored."""
        return cls.model_validate(vars(source))

    @property
    def source(self) -> Source:
        """The source that was stored."""
        return Source(self.container, self.name, self.image_id, self.sha256, self.pixels)


class SegmentPayload(Record, frozen=True):
    """What a job needs."""

    items: list[SegmentImage]
    target: Target
    output: Output


class SegmentedItem(Record, frozen=True):
    """One image of a job: its segmentation, or why there is none."""

    image_id: str | None = None
    segmentation_id: str | None = Field(default=None, description="id as clients see it")
    error: RunError | None = None


class SegmentJobResult(Record, frozen=True):
    """What a job results in."""

    items: list[SegmentedItem]
