"""What was made of an image besides its renditions: masks, cut-outs and heat maps. They are deleted with the image."""

from __future__ import annotations

from contextlib import suppress

from shared import blobs
from shared.documents import Where
from shared.documents.fields import where
from shared.errors import DocumentNotFound
from shared.images.documents import ImageDocument, ImageStatus, Visibility, images
from shared.images.segmentations import SegmentationDocument, segmentations


def delete_derived(image: ImageDocument) -> None:
    """Delete what was made of an image; what it has in common with another image of its owner stays."""
    if image.sha256 and not _count_duplicates(image):
        for container in (blobs.MASKS, blobs.HEATMAPS):
            for blob in list(blobs.listing(container, f"{image.user_id}/{image.sha256}/")):
                blobs.delete(container, blob.name)
    delete_segmentations(image)


def delete_segmentations(image: ImageDocument) -> None:
    """Delete the segmentations of all renditions of an image, and of a public one also those of other users."""
    names = [stored.name for stored in image.renditions.values()]
    if names:
        _delete(where(SegmentationDocument.source.name, "in", names), image.user_id, image)
    if image.visibility is Visibility.PUBLIC:
        _delete(where(SegmentationDocument.image_id, "=", image.id.public), None, image)


def _delete(condition: Where, partition: str | None, image: ImageDocument) -> None:
    shared = image.sha256 if image.sha256 and _count_duplicates(image) else None
    for segmentation in segmentations.iterate(condition, partition=partition):
        if segmentation.user_id == image.user_id and segmentation.input_sha256 == shared:
            continue
        for name in segmentation.blobs.values():
            blobs.delete(blobs.MASKS, name)
        with suppress(DocumentNotFound):
            segmentations.delete(segmentation.id, segmentation.user_id)


def _count_duplicates(image: ImageDocument) -> int:
    """How many other images of the same owner have the same original."""
    same = (
        where(ImageDocument.sha256, "=", image.sha256),
        where(ImageDocument.status, "=", ImageStatus.READY),
    )
    return images.count(*same, partition=image.user_id)
