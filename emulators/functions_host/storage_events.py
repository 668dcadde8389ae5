"""What the local storage announces: which queue has a new message, which container a new blob.

Azure's host polls its storage, and so does this one. With an address of announcements (`emulators/azurite_events.cjs`)
listeners are woken by them and poll rarely, so that idle hosts cost next to nothing and messages do not wait.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable

_log = logging.getLogger("Host.Storage")
IDLE_POLL_S = 15.0
"""Seconds between polls of a listener that is woken by announcements: for what none was made of."""
_RECONNECT_S = 1.0

Wake = Callable[[], None]


class StorageEvents:
    """Wakes listeners; without an address, or while it does not answer, they poll at their own pace."""

    def __init__(self, address: str | None = None) -> None:
        self._address = address
        self._listeners: dict[tuple[str, str], list[Wake]] = {}
        self._connected = False

    def on_message(self, queue: str, wake: Wake) -> None:
        """Call `wake` when a message becomes visible in the queue."""
        self._listeners.setdefault(("queue", queue), []).append(wake)

    def on_blob(self, container: str, wake: Wake) -> None:
        """Call `wake` when a blob of the container is written."""
        self._listeners.setdefault(("container", container), []).append(wake)

    def pause(self, delay: float) -> float:
        """Seconds to wait for announcements before the next poll, given those without them."""
        return max(delay, IDLE_POLL_S) if self._connected else delay

    async def run(self) -> None:
        """Follow the announcements until cancelled."""
        if self._address is None:
            return
        host, _, port = self._address.rpartition(":")
        while True:
            try:
                reader, writer = await asyncio.open_connection(host, int(port))
            except OSError:
                await asyncio.sleep(_RECONNECT_S)
                continue
            try:
                await self._follow(reader)
            except OSError:
                pass
            finally:
                writer.close()
            _log.warning("The storage announces nothing more; listeners poll.")
            self._connected = False
            self._wake_all()

    async def _follow(self, reader: asyncio.StreamReader) -> None:
        self._connected = True
        # What came before the connection was not announced.
        self._wake_all()
        while line := await reader.readline():
            for kind, name in json.loads(line).items():
                if kind == "created":
                    continue
                for wake in self._listeners.get((kind, name), ()):
                    wake()

    def _wake_all(self) -> None:
        for wakes in self._listeners.values():
            for wake in wakes:
                wake()
