"""Blob trigger by polling: each version of a matching blob is announced once, then run from a queue.

After Azure/azure-webjobs-sdk Blobs/Listeners. A *receipt* blob per function and version keeps restarts and
other instances from announcing it again: it is created if absent, leased while the message is put into
`azure-webjobs-blobtrigger-<hostId>`, and marked complete. An instance that dies in between leaves an
incomplete receipt, which the next scan finishes. Receipts and queues are in the account AzureWebJobsStorage.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from azure.core import MatchConditions
from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.storage.blob import BlobProperties
from azure.storage.blob.aio import BlobClient
from azure.storage.queue import QueueMessage

from .bindings import Function
from .data_bindings import DataBindings
from .patterns import BlobPattern
from .protos import ModelBindingData, TypedData
from .queue_listener import QueueListener, encode
from .settings import HostSettings
from .storage import Storage, StorageError, create_if_missing
from .storage_events import StorageEvents
from .triggers import as_json, text

_log = logging.getLogger("Host.Blobs")
HOSTS = "azure-webjobs-hosts"
POISON = "webjobs-blobtrigger-poison"
_INTERNAL = "AzureWebJobsStorage"
_LEASE_SECONDS = 30
_BETWEEN_SCANS_S = 0.2
_COMPLETED = "Completed"

Watched = tuple[Function, BlobPattern]


def function_id(function: Function) -> str:
    """The id of a function in locks, receipts and messages."""
    return f"Host.Functions.{function.name}"


class BlobListener:
    """Scans the containers of all blob functions every `poll` seconds and runs what is new or changed.

    With `event_grid` the functions that are fed by Event Grid are not scanned for: `blob_events` puts their messages
    into the queue.
    """

    def __init__(
        self,
        watched: Sequence[Watched],
        settings: HostSettings,
        storage: Storage,
        events: StorageEvents,
        data: DataBindings,
        poll: float,
        event_grid: bool,
    ) -> None:
        self._storage = storage
        self._events = events
        self._data = data
        self._poll = poll
        self._host_id = settings.host_id
        self._functions = {function_id(f): (f, pattern) for f, pattern in watched}
        self._containers: dict[tuple[str, str], list[Watched]] = {}
        for function, pattern in watched:
            if event_grid and function.from_event_grid:
                continue
            key = (function.trigger.connection, pattern.container)
            self._containers.setdefault(key, []).append((function, pattern))
        self._receipts = storage.container(_INTERNAL, HOSTS)
        self._queue = storage.queue(_INTERNAL, f"azure-webjobs-blobtrigger-{settings.host_id}")
        self._options = replace(
            settings.queues,
            max_dequeue_count=settings.poison_blob_threshold,
            visibility_timeout=0,
            max_polling_interval=min(settings.queues.max_polling_interval, max(poll, 0.1)),
        )
        poison = storage.queue(_INTERNAL, POISON)
        self._consumer = QueueListener(self._queue, self._options, self._handle, poison, events)
        self._stopping = asyncio.Event()

    def loops(self) -> Iterable[Callable[[], Coroutine[Any, Any, None]]]:
        """The loops to run: the consumer and one scan for each container."""
        yield self._consumer.run
        for (connection, container), watched in self._containers.items():
            yield partial(self._watch, connection, container, watched)

    def stop(self) -> None:
        """Scan and take no more."""
        self._stopping.set()
        self._consumer.stop()

    async def drain(self) -> None:
        """Wait for the blobs that are being handled."""
        await self._consumer.drain()

    async def _watch(self, connection: str, container: str, watched: Sequence[Watched]) -> None:
        seen: set[str] | None = None
        away = False
        changed = asyncio.Event()
        self._events.on_blob(container, changed.set)
        while not self._stopping.is_set():
            changed.clear()
            try:
                if seen is None:
                    await create_if_missing(self._receipts)
                    seen = await self._completed(container, watched)
                seen = await self._scan(connection, container, watched, seen)
                away = False
            except StorageError as error:
                if not away:
                    _log.warning("Container '%s' cannot be scanned, trying on: %s", container, error)
                away = True
                seen = None
            # Blobs that come one after the other make one scan of many.
            await _wait((self._stopping,), min(self._poll, _BETWEEN_SCANS_S))
            await _wait((self._stopping, changed), self._events.pause(self._poll) - _BETWEEN_SCANS_S)

    async def _completed(self, container: str, watched: Sequence[Watched]) -> set[str]:
        """Names of the finished receipts of a container: read in one listing, a restart requests no single blob."""
        names: set[str] = set()
        for function, _ in watched:
            prefix = f"blobreceipts/{self._host_id}/{function_id(function)}/"
            async for blob in self._receipts.list_blobs(name_starts_with=prefix, include=["metadata"]):
                _, _, rest = blob.name[len(prefix) :].partition("/")
                if rest.startswith(f"{container}/") and (blob.metadata or {}).get(_COMPLETED):
                    names.add(blob.name)
        return names

    async def _scan(self, connection: str, container: str, watched: Sequence[Watched], seen: set[str]) -> set[str]:
        """Announce what is not in `seen`; return the receipts of the versions that are there now."""
        try:
            blobs = [blob async for blob in self._storage.container(connection, container).list_blobs()]
        except ResourceNotFoundError:
            return set()
        present: set[str] = set()
        for blob in blobs:
            for function, pattern in watched:
                if self._stopping.is_set():
                    return present
                if pattern.match(blob.name) is None:
                    continue
                receipt = self._receipt_name(function, container, blob)
                if receipt in seen or await self._announce(function, container, blob, receipt):
                    present.add(receipt)
        return present

    def _receipt_name(self, function: Function, container: str, blob: BlobProperties) -> str:
        etag = _quoted(blob.etag)
        return f"blobreceipts/{self._host_id}/{function_id(function)}/{etag}/{container}/{blob.name}"

    async def _announce(self, function: Function, container: str, blob: BlobProperties, receipt: str) -> bool:
        """Put the version into the queue unless that is done; False while another instance is at it."""
        client = self._receipts.get_blob_client(receipt)
        with contextlib.suppress(ResourceExistsError):
            await client.upload_blob(b"")
        try:
            lease = await client.acquire_lease(_LEASE_SECONDS)
        except HttpResponseError as error:
            if error.status_code == 409:
                return False
            raise
        try:
            if not await _is_complete(client):
                message = {
                    "Type": "BlobTrigger",
                    "FunctionId": function_id(function),
                    "BlobType": str(blob.blob_type or "BlockBlob").rpartition(".")[2],
                    "ContainerName": container,
                    "BlobName": blob.name,
                    "ETag": _quoted(blob.etag),
                }
                await self._send(json.dumps(message))
                await client.set_blob_metadata({_COMPLETED: "True"}, lease=lease)
        finally:
            await lease.release()
        return True

    async def _send(self, message: str) -> None:
        wire = encode(message, self._options)
        try:
            await self._queue.send_message(wire)
        except ResourceNotFoundError:
            await create_if_missing(self._queue)
            await self._queue.send_message(wire)
        self._consumer.wake()

    async def _handle(self, _message: QueueMessage, content: str | bytes) -> bool | None:
        try:
            notice = json.loads(content)
            function, pattern = self._functions[notice["FunctionId"]]
            container, name, etag = notice["ContainerName"], notice["BlobName"], notice["ETag"]
        except (ValueError, KeyError, TypeError):
            _log.warning("A blob message of an unknown function is dropped: %.200s", content)
            return True
        variables = pattern.match(name)
        if variables is None:
            return True
        blob = self._storage.container(function.trigger.connection, container).get_blob_client(name)
        try:
            properties, data = await self._content(function, container, blob, etag)
        except ResourceNotFoundError:
            return True
        except ResourceModifiedError:
            if notice.get("Source") == "EventGrid":
                # The newer version has its own event.
                return True
            return await self._announce_current(function, container, blob)
        metadata = _metadata(blob, properties, container) | {k: text(v) for k, v in variables.items()}
        values = {**variables, "BlobTrigger": f"{container}/{name}", "Uri": blob.url}
        result = await self._data.invoke(function, data, values, metadata=metadata)
        return None if result.timed_out else result.ok

    async def _content(
        self, function: Function, container: str, blob: BlobClient, etag: str
    ) -> tuple[BlobProperties, TypedData]:
        """The whole blob; for a function that takes an SDK's type, only where it is."""
        unchanged = MatchConditions.IfNotModified
        if not function.trigger.is_deferred:
            stream = await blob.download_blob(etag=etag, match_condition=unchanged)
            return stream.properties, TypedData(bytes=await stream.readall())
        properties = await blob.get_blob_properties(etag=etag, match_condition=unchanged)
        where = {
            "Connection": function.trigger.connection,
            "ContainerName": container,
            "BlobName": blob.blob_name,
        }
        reference = ModelBindingData(
            version="1.0",
            source="AzureStorageBlobs",
            content_type="application/json",
            content=json.dumps(where).encode(),
        )
        return properties, TypedData(model_binding_data=reference)

    async def _announce_current(self, function: Function, container: str, blob: BlobClient) -> bool:
        """The blob has changed since its message was written: the newer version takes its place."""
        try:
            properties = await blob.get_blob_properties()
        except ResourceNotFoundError:
            return True
        await self._announce(function, container, properties, self._receipt_name(function, container, properties))
        return True


async def _wait(events: Sequence[asyncio.Event], delay: float) -> None:
    """Wait until one of the events is set, at most `delay` seconds."""
    waits = [asyncio.create_task(event.wait()) for event in events]
    _, pending = await asyncio.wait(waits, timeout=max(0.0, delay), return_when=asyncio.FIRST_COMPLETED)
    for wait in pending:
        wait.cancel()


async def _is_complete(client: BlobClient) -> bool:
    return bool(((await client.get_blob_properties()).metadata or {}).get(_COMPLETED))


def _quoted(etag: str | None) -> str:
    """Listings give an ETag bare, properties give it in quotes."""
    return f'"{(etag or "").strip(chr(34))}"'


def _metadata(blob: BlobClient, properties: BlobProperties, container: str) -> dict[str, TypedData]:
    described = {
        "ContentLength": properties.size,
        "Length": properties.size,
        "ContentType": properties.content_settings.content_type,
        "ETag": _quoted(properties.etag),
        "LastModified": properties.last_modified,
        "CreatedOn": properties.creation_time,
        "BlobType": str(properties.blob_type).rpartition(".")[2],
    }
    return {
        "BlobTrigger": text(f"{container}/{blob.blob_name}"),
        "Uri": text(blob.url),
        "Properties": as_json(described),
        "Metadata": as_json(properties.metadata or {}),
    }
