"""A lock that one of several host instances holds: a blob lease, renewed while the holder lives."""

from __future__ import annotations

import contextlib
import logging
import time

from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob.aio import BlobLeaseClient, ContainerClient

from .storage import StorageError, create_if_missing

_log = logging.getLogger("Host.Lock")
LEASE_SECONDS = 15
RENEW_SECONDS = 5.0


class HostLock:
    """The lease on one blob. After the holder dies it is free within `LEASE_SECONDS`."""

    def __init__(self, container: ContainerClient, name: str) -> None:
        self._container = container
        self._blob = container.get_blob_client(name)
        self._lease: BlobLeaseClient | None = None
        self._until = 0.0

    async def acquire(self) -> bool:
        """Try to take the lock; False when another instance holds it. Raises `StorageError`."""
        asked = time.monotonic()
        try:
            self._lease = await self._blob.acquire_lease(LEASE_SECONDS)
        except ResourceNotFoundError:
            await create_if_missing(self._container)
            with contextlib.suppress(ResourceExistsError):
                await self._blob.upload_blob(b"")
            return await self.acquire()
        except HttpResponseError as error:
            if error.status_code == 409:
                return False
            raise
        self._until = asked + LEASE_SECONDS
        return True

    async def renew(self) -> bool:
        """Keep the lock; False when it is lost. An outage is no loss until the lease has run out."""
        assert self._lease is not None
        asked = time.monotonic()
        try:
            await self._lease.renew()
        except StorageError as error:
            status = getattr(error, "status_code", None)
            if status in (404, 409, 412) or time.monotonic() > self._until:
                _log.warning("A host lock was lost: %s", error)
                self._lease = None
                return False
            return True
        self._until = asked + LEASE_SECONDS
        return True

    async def release(self) -> None:
        """Give the lock back, if held."""
        lease, self._lease = self._lease, None
        if lease is not None:
            with contextlib.suppress(StorageError):
                await lease.release()
