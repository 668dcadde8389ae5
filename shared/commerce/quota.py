"""What a user may still ask for: conversions in a month, and room for images.

A reservation is a conditional patch inside the batch that creates what it pays for, so it can neither be overdrawn by
a race nor be left behind by a crash. Giving back is a patch inside the batch that ends it.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

from shared import clock
from shared.documents import Operation, Patch, Where, store
from shared.errors import DocumentConflict, QuotaExceeded
from shared.settings import settings

CONTAINER = "studio"
USAGE = "usage"


def month_id() -> str:
    """Id of this month's counter (UTC)."""
    return f"quota:{datetime.fromtimestamp(clock.now(), UTC):%Y-%m}"


def open_month(user_id: str) -> str:
    """Make sure that the user has a counter for this month; returns its id."""
    id = month_id()
    if store().find(CONTAINER, id, user_id) is None:
        with suppress(DocumentConflict):
            store().create(CONTAINER, {"id": id, "userId": user_id, "type": "quota", "used": 0})
    return id


def take(quota_id: str) -> Operation:
    """Reserve one conversion; fails the batch with `PreconditionFailed` when none is left."""
    return Patch(quota_id, incr={"used": 1}, where=(Where("used", "<", settings().conversion_quota),))


def charge(quota_id: str) -> Operation:
    """Count one conversion without asking: a redriven job whose reservation was given back, now delivered."""
    return Patch(quota_id, incr={"used": 1})


def give_back(quota_id: str) -> Operation:
    """Undo a reservation."""
    return Patch(quota_id, incr={"used": -1})


def exceeded() -> QuotaExceeded:
    """The error for a month that is used up."""
    return QuotaExceeded(
        f"all {settings().conversion_quota} conversions of this month are used; they come back on the first",
        details={"limit": settings().conversion_quota, "period": month_id().removeprefix("quota:")},
    )


def standing(user_id: str) -> tuple[int, int]:
    """(used, limit) of this month."""
    month = store().find(CONTAINER, month_id(), user_id)
    return (month["used"] if month else 0), settings().conversion_quota


def open_usage(user_id: str) -> None:
    """Make sure that the user has a counter of stored images and bytes."""
    if store().find(CONTAINER, USAGE, user_id) is None:
        with suppress(DocumentConflict):
            store().create(CONTAINER, {"id": USAGE, "userId": user_id, "type": "usage", "images": 0, "bytes": 0})


def store_more(images: int, size: int) -> Operation:
    """Count images and bytes more; fails the batch with `PreconditionFailed` when they do not fit."""
    conf = settings()
    fits = (
        Where("images", "<=", conf.upload_quota_images - images),
        Where("bytes", "<=", conf.upload_quota_bytes - size),
    )
    return Patch(USAGE, incr={"images": images, "bytes": size}, where=fits)


def store_less(images: int, size: int) -> Operation:
    """Count images and bytes less."""
    return Patch(USAGE, incr={"images": -images, "bytes": -size})


def full() -> QuotaExceeded:
    """The error for storage that is used up."""
    conf = settings()
    return QuotaExceeded(
        "your storage is full: delete images you no longer need",
        code="upload_quota_exceeded",
        details={"images": conf.upload_quota_images, "bytes": conf.upload_quota_bytes},
    )
