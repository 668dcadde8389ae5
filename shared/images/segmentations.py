"""The document of a segmentation."""

from __future__ import annotations

from typing import ClassVar, Final, Literal

from pydantic import Field

from shared.documents.model import DocumentId, Record, StoredDocument, Timestamp
from shared.documents.repository import Repository
from shared.images.targets import Target

type Output = Literal["mask", "cutout", "both"]


class SegmentationId(DocumentId):
    """`segmentation:<digest of the image, the model, the target and the output>`."""

    prefix: ClassVar[str] = "segmentation:"


class SegmentedBlob(Record, frozen=True):
    """The blob that was segmented."""

    container: str
    name: str


class StoredBox(Record, frozen=True):
    """A rectangle in pixels of the upright image, from its top left corner."""

    x: int
    y: int
    width: int
    height: int


class StoredClass(Record, frozen=True):
    """A class of the parser that the image shows."""

    name: str
    area_share: float = Field(description="share of the whole image, 0..1")
    box: StoredBox


class SegmentationDocument(StoredDocument, frozen=True):
    """A segmentation, kept as long as its image: the same image, model, target and output are computed once a user."""

    type: Literal["segmentation_result"] = "segmentation_result"
    id: SegmentationId
    user_id: str = Field(description="who requested it; the partition")
    image_id: str | None = Field(default=None, description="id of the image, if it has one")
    source: SegmentedBlob
    input_sha256: str = Field(description="digest of the image, hex")
    model_version: str
    target: Target
    output: Output
    width: int = Field(description="pixels of the image, and of its mask")
    height: int = Field(description="pixels of the image, and of its mask")
    classes: list[StoredClass]
    area_share: float = Field(description="share of the mask, 0..1")
    worn: bool = Field(description="whether a person wears what is shown")
    worn_chance: float = Field(default=0.0, description="probability of that by the model, 0..1")
    confidence: float = Field(description="0..1")
    quality: Literal["good", "low"]
    blobs: dict[str, str] = Field(description="names in the container `masks` by form: `mask`, `cutout`")
    created_at: Timestamp


segmentations: Final = Repository(SegmentationDocument)
