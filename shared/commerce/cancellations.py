"""Cancellations after a provider was called: a few a day are free, others keep their charge, since the call costs."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from shared import clock
from shared.commerce.settings import commerce_settings
from shared.commerce.usage_documents import CancellationsDocument, CancellationsId, cancellation_counts
from shared.documents import Operation
from shared.documents.fields import increment, where
from shared.errors import DocumentConflict

KEEP_S: Final = 3 * 24 * 3600


def take_free(user_id: str) -> Operation | None:
    """The write that uses up one of today's free cancellations (UTC); None if none is left.

    It fails its batch with `PreconditionFailed` if another one takes the last meanwhile.
    """
    limit = commerce_settings().free_cancellations
    id = CancellationsId.of(f"{datetime.fromtimestamp(clock.now(), UTC):%Y-%m-%d}")
    counted = cancellation_counts.find(id, user_id)
    if counted is None and limit > 0:
        with suppress(DocumentConflict):
            cancellation_counts.create(CancellationsDocument(id=id, user_id=user_id, ttl=KEEP_S))
        counted = cancellation_counts.find(id, user_id)
    if counted is None or counted.used >= limit:
        return None
    left = (where(CancellationsDocument.used, "<", limit),)
    return cancellation_counts.change(id, increment(CancellationsDocument.used), where=left)
