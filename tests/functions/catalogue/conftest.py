"""Empty queues for every test of the catalogue."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shared import blobs
from shared.jobs import queues


@pytest.fixture
def shop(local: dict[str, str]) -> Iterator[None]:
    """The product code in this process, with nothing waiting."""
    for queue in (queues.DROPS, queues.INDEX, queues.NOTIFY):
        queues.client(queue).clear_messages()
    for blob in list(blobs.listing(blobs.VENDOR_UPLOADS)):
        blobs.delete(blobs.VENDOR_UPLOADS, blob.name)
    yield
