"""The storage quota: how many images and bytes a user may store."""

from __future__ import annotations

from contextlib import suppress

from shared.commerce.settings import commerce_settings
from shared.commerce.usage_documents import STORAGE_USAGE_ID, StorageUsageDocument, storage_usages
from shared.documents import Operation, Where
from shared.documents.fields import increment, where
from shared.errors import DocumentConflict, QuotaExceeded


def open_usage(user_id: str) -> None:
    """Make sure that the user has a document that counts stored images and bytes."""
    if storage_usages.find(STORAGE_USAGE_ID, user_id) is None:
        with suppress(DocumentConflict):
            storage_usages.create(StorageUsageDocument(user_id=user_id))


def get_usage(user_id: str) -> StorageUsageDocument:
    """What the user has stored."""
    return storage_usages.find(STORAGE_USAGE_ID, user_id) or StorageUsageDocument(user_id=user_id)


def reserve(images: int, size: int) -> Operation:
    """Count `images` and `size` bytes; fails the batch with `PreconditionFailed` if they do not fit the quota."""
    conf = commerce_settings()
    fits = (
        where(StorageUsageDocument.images, "<=", conf.upload_quota_images - images),
        where(StorageUsageDocument.bytes, "<=", conf.upload_quota_bytes - size),
    )
    return _count(images, size, *fits)


def release(images: int, size: int) -> Operation:
    """Stop counting `images` and `size` bytes that were deleted."""
    return _count(-images, -size)


def _count(images: int, size: int, *fits: Where) -> Operation:
    changes = (increment(StorageUsageDocument.images, images), increment(StorageUsageDocument.bytes, size))
    return storage_usages.change(STORAGE_USAGE_ID, *changes, where=fits)


def exceeded_error() -> QuotaExceeded:
    """The error for storage that is used up."""
    conf = commerce_settings()
    return QuotaExceeded(
        "your storage is full: delete images you no longer need",
        code="upload_quota_exceeded",
        details={"images": conf.upload_quota_images, "bytes": conf.upload_quota_bytes},
    )
