"""The product's clients of Blob and Queue Storage, kept between tests of one storage account."""

from __future__ import annotations

import os

_account: tuple[tuple[str, str], ...] | None = None


def forget_other_storage() -> None:
    """Drop the clients unless the settings name the account that they are of.

    A new client of a container or queue connects, and asks for the container or queue to be made: two calls for each
    that a test uses.
    """
    global _account
    named = tuple(sorted(item for item in os.environ.items() if item[0].upper().startswith("STORAGE")))
    if named == _account:
        return
    _account = named
    from shared import blobs
    from shared.jobs import queues

    for cached in (blobs._service, blobs._container, blobs._delegation_key, queues.client, queues.raw_client):
        cached.cache_clear()
