"""What a user may still ask for: conversions in a month, and room for images.

A reservation is a conditional patch inside the batch that creates what it pays for, so it can neither be overdrawn by
a race nor be left behind by a crash. Giving back is a patch inside the batch that ends it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from shared import clock
from shared.commerce import credits
from shared.documents import Create, Document, Operation, Patch, Where, store
from shared.errors import BatchFailed, DocumentConflict, PreconditionFailed, QuotaExceeded
from shared.jobs.models import Job
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


@dataclass(frozen=True)
class Reservation:
    """One way to pay for a conversion: the write that takes it, and what the conversion remembers of it."""

    take: Operation
    fields: Mapping[str, str]


def reservations(user_id: str) -> Iterator[Reservation]:
    """The ways to pay for a conversion, in the order to try them: the month's free ones, then a credit.

    Each `take` fails its batch with `PreconditionFailed` when nothing is left of its kind.
    """
    month = open_month(user_id)
    left = (Where("used", "<", settings().conversion_quota),)
    yield Reservation(Patch(month, incr={"used": 1}, where=left), {"paidBy": "quota", "quotaId": month})
    credits.open_account(user_id)
    yield Reservation(credits.take(), {"paidBy": "credit", "quotaId": credits.ACCOUNT})


def reserve(user_id: str, record: Mapping[str, Any], job: Job) -> Document | None:
    """Store what is asked for and its job, with the first reservation that can pay for it; None when it is there
    already.

    Raises:
        QuotaExceeded: nothing can pay for it; nothing was written.
    """
    for reservation in reservations(user_id):
        # The record comes first: a repeated request finds it there, whether or not anything is left to pay with.
        batch = [Create({**record, **reservation.fields}), Create(job), reservation.take]
        try:
            return store().batch(CONTAINER, user_id, batch)[0]
        except BatchFailed as failure:
            if isinstance(failure.cause, PreconditionFailed):
                continue
            if not isinstance(failure.cause, DocumentConflict):
                raise
            return None
    raise exceeded()


def charge(user_id: str) -> Reservation:
    """Pay for a conversion that an administrator redrove after its reservation was given back.

    It counts in the month even where nothing is left of it: the failure was ours, and this can't fail.
    """
    month = open_month(user_id)
    return Reservation(Patch(month, incr={"used": 1}), {"paidBy": "quota", "quotaId": month})


def give_back(conversion: Mapping[str, Any]) -> Operation:
    """Undo the reservation a conversion remembers."""
    if conversion["paidBy"] == "credit":
        return credits.give_back()
    return Patch(conversion["quotaId"], incr={"used": -1})


def exceeded() -> QuotaExceeded:
    """The error for a month that is used up."""
    return QuotaExceeded(
        f"all {settings().conversion_quota} conversions of this month are used, and there are no credits: "
        "buy a pack, or wait for the first of next month",
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
