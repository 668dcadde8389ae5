"""Stored segmentations as responses."""

from __future__ import annotations

from functions.segment.models import FoundClass, Rectangle, Segmentation
from shared import blobs
from shared.errors import NotFound
from shared.images.segmentations import SegmentationDocument, SegmentationId, segmentations


def get_segmentation_document(user_id: str, id: str) -> SegmentationDocument:
    """The user's segmentation. Raises NotFound, for another user's too."""
    segmentation = segmentations.find(SegmentationId.of(id), user_id)
    if segmentation is None:
        raise NotFound("there is no such segmentation", code="segmentation_not_found")
    return segmentation


def view_segmentation(segmentation: SegmentationDocument, *, cached: bool) -> Segmentation:
    """A segmentation as a response."""
    urls = {
        form: blobs.read_url(blobs.MASKS, name, content_type="image/png") for form, name in segmentation.blobs.items()
    }
    return Segmentation.of(
        segmentation,
        mask_url=urls.get("mask"),
        cutout_url=urls.get("cutout"),
        classes=[FoundClass.of(one, box=Rectangle.of(one.box)) for one in segmentation.classes],
        cached=cached,
    )
