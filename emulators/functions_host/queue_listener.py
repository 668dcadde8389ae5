"""Storage Queue listener: take, renew, delete, give back or poison messages, and poll with backoff.

Semantics of Azure/azure-webjobs-sdk QueueListener.cs, QueueProcessor.cs and
RandomizedExponentialBackoffStrategy.cs.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient

from .settings import QueueOptions
from .storage import StorageError, create_if_missing
from .storage_events import StorageEvents

_log = logging.getLogger("Host.Queues")
MINIMUM_POLL = 0.1
_LOST_BACKOFF = 5.0

Handler = Callable[[QueueMessage, str | bytes], Awaitable[bool | None]]
"""Runs one message, given its decoded text: True done, False failed, None leave it to its take."""


class Undecodable(ValueError):
    """A message that is not base64 although `messageEncoding` says so."""


def encode(text: str | bytes, options: QueueOptions) -> str:
    """Text of a message as it is put on the wire."""
    if not options.base64:
        return text if isinstance(text, str) else text.decode()
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def decode(content: str, options: QueueOptions) -> str | bytes:
    """Text (or bytes that are no UTF-8) of a received message; raises `Undecodable`."""
    if not options.base64:
        return content
    try:
        raw = base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Undecodable("the message is not base64 (messageEncoding of host.json)") from error
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw


class Backoff:
    """Delay between polls: none after messages, else growing at random up to the maximum (seconds)."""

    def __init__(self, maximum: float) -> None:
        self.maximum = maximum
        self._exponent = 0
        self._current = MINIMUM_POLL

    def next(self, found: bool) -> float:
        """Delay before the next poll, given whether the last one found messages."""
        if found:
            self._current, self._exponent = MINIMUM_POLL, 1
        elif self._current != self.maximum:
            grown = MINIMUM_POLL
            if self._exponent:
                grown += random.uniform(0.8, 1.2) * 2 ** (self._exponent - 1) * MINIMUM_POLL
            self._exponent += 1
            self._current = min(grown, self.maximum)
        return self._current


class QueueListener:
    """Feeds the messages of one queue to a handler.

    At most `batch_size + new_batch_threshold` messages run concurrently: a batch is taken whenever no more than
    the threshold are running. `poison` is where a message goes after `max_dequeue_count` failures; None keeps
    it in the queue, invisible for the rest of its take after every failure.
    """

    def __init__(
        self,
        queue: QueueClient,
        options: QueueOptions,
        handle: Handler,
        poison: QueueClient | None,
        events: StorageEvents,
    ) -> None:
        self.name = queue.queue_name
        self._queue = queue
        self._options = options
        self._handle = handle
        self._poison = poison
        self._events = events
        events.on_message(self.name, self.wake)
        self._running: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._finished = asyncio.Event()
        self._stopping = False

    def wake(self) -> None:
        """Poll now: there is a message in the queue."""
        self._wake.set()

    def stop(self) -> None:
        """Take no more messages; what runs goes on."""
        self._stopping = True
        self._wake.set()
        self._finished.set()

    async def drain(self) -> None:
        """Wait for the messages that run."""
        while self._running:
            await asyncio.wait(self._running)

    async def run(self) -> None:
        """Poll until `stop()`; outages of the storage are waited out."""
        backoff = Backoff(self._options.max_polling_interval)
        ready = away = False
        while not self._stopping:
            try:
                if not ready:
                    await create_if_missing(self._queue)
                    ready = True
                found = await self._take()
                if away:
                    _log.warning("Queue '%s' can be reached again.", self.name)
                away = False
            except ResourceNotFoundError:
                ready = False
                continue
            except StorageError as error:
                if not away:
                    _log.warning("Queue '%s' cannot be read, trying on: %s", self.name, error)
                away = True
                await self._pause(min(_LOST_BACKOFF, max(1.0, self._options.max_polling_interval)))
                continue
            delay = backoff.next(found)
            if found:
                await self._below_threshold()
            else:
                await self._pause(self._events.pause(delay))

    async def _take(self) -> bool:
        self._wake.clear()
        pages = self._queue.receive_messages(
            messages_per_page=self._options.batch_size, visibility_timeout=round(self._options.take)
        ).by_page()
        found = False
        async for page in pages:
            async for message in page:
                found = True
                task = asyncio.create_task(self._process(message))
                self._running.add(task)
                task.add_done_callback(self._done)
            break
        return found

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._finished.set()
        if not task.cancelled() and (error := task.exception()):
            _log.error("Queue '%s': a message could not be settled.", self.name, exc_info=error)

    async def _below_threshold(self) -> None:
        while len(self._running) > self._options.new_batch_threshold and not self._stopping:
            self._finished.clear()
            await self._finished.wait()

    async def _pause(self, delay: float) -> None:
        if self._stopping:
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), delay)

    async def _process(self, message: QueueMessage) -> None:
        try:
            text = decode(message.content, self._options)
        except Undecodable as error:
            _log.error("Message %s of queue '%s' goes to poison: %s", message.id, self.name, error)
            await self._settle(message, self._to_poison)
            return
        over = asyncio.Event()
        renewing = asyncio.create_task(self._renew(message, over))
        try:
            outcome = await self._handle(message, text)
        except Exception:
            _log.exception("Message %s of queue '%s' failed in the host.", message.id, self.name)
            outcome = False
        finally:
            # Not cancelled: a renewal under way changes the pop receipt, without which the message comes again.
            over.set()
            await renewing
        if outcome:
            await self._settle(message, self._delete)
        elif outcome is False:
            await self._settle(message, self._fail)

    async def _renew(self, message: QueueMessage, over: asyncio.Event) -> None:
        half = self._options.take / 2
        pause = half
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), pause)
                return
            try:
                await self._hide(message, self._options.take)
                pause = half
            except StorageError as error:
                _log.warning("Message %s of '%s' could not be renewed: %s", message.id, self.name, error)
                pause = max(min(60.0, half / 5), pause / 2)

    async def _settle(self, message: QueueMessage, action: Callable[[QueueMessage], Awaitable[None]]) -> None:
        """Do `action`; a message that cannot be settled returns when its take runs out."""
        try:
            await action(message)
        except HttpResponseError as error:
            if error.status_code not in (400, 404):
                raise
            _log.warning("Message %s of '%s' was taken by someone else meanwhile.", message.id, self.name)

    async def _delete(self, message: QueueMessage) -> None:
        await self._queue.delete_message(message.id, message.pop_receipt)

    async def _hide(self, message: QueueMessage, delay: float) -> None:
        # The content is sent along unchanged: an update without it is a newer protocol feature.
        updated = await self._queue.update_message(
            message.id, message.pop_receipt, content=message.content, visibility_timeout=round(delay)
        )
        message.pop_receipt = updated.pop_receipt

    async def _fail(self, message: QueueMessage) -> None:
        if self._poison is None:
            # QueueProcessor.CompleteProcessingMessageAsync: without a poison queue a message is never given back. It
            # stays invisible until its take ends, after each failure.
            return
        if (message.dequeue_count or 0) < self._options.max_dequeue_count:
            await self._hide(message, self._options.visibility_timeout)
            if not self._options.visibility_timeout:
                self.wake()
        else:
            _log.error(
                "Message %s of '%s' has failed %s times and goes to '%s'.",
                message.id,
                self.name,
                message.dequeue_count,
                self._poison.queue_name,
            )
            await self._to_poison(message)

    async def _to_poison(self, message: QueueMessage) -> None:
        if self._poison is None:
            return
        try:
            await self._poison.send_message(message.content)
        except ResourceNotFoundError:
            await create_if_missing(self._poison)
            await self._poison.send_message(message.content)
        await self._delete(message)
