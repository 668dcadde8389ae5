"""Clients that send or read too slowly are cut off, by the limits of Kestrel, the server of the Functions host.

No function and no thread waits for such a client: a body is complete before its function runs, and an answer is whole
before it is sent. What they would hold is memory and sockets.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterable, Collection
from dataclasses import dataclass

from aiohttp import web


@dataclass(frozen=True)
class Patience:
    """How slow a client may be; seconds and bytes.

    Args:
        headers_s: until the headers of a connection's first request are complete.
        grace_s: before a rate is asked for.
        bytes_a_second: least rate of a body that is sent, and of an answer that is read.
        body_s: until a body is complete; the front end of Azure ends requests after this time.
    """

    headers_s: float = 30.0
    grace_s: float = 5.0
    bytes_a_second: float = 240.0
    body_s: float = 230.0


async def read_body(chunks: AsyncIterable[bytes], limit: int, patience: Patience) -> bytes | None:
    """A body; None if it is larger than `limit` bytes.

    Raises:
        TimeoutError: it comes too slowly.
    """
    loop = asyncio.get_running_loop()
    started, body = loop.time(), bytearray()
    iterator = aiter(chunks)
    while True:
        due = started + min(patience.body_s, patience.grace_s + len(body) / patience.bytes_a_second)
        try:
            async with asyncio.timeout_at(due):
                body += await anext(iterator)
        except StopAsyncIteration:
            return bytes(body)
        if len(body) > limit:
            return None


@dataclass
class _Connection:
    """What is known of one connection: since when it is there, and the unread bytes at a moment."""

    since: float
    marked: float = 0.0
    unread: int = 0


class Watch:
    """Looks at the connections of a server every second, and cuts off those that are too slow.

    Args:
        server: its connections are looked at.
        silent: those that have sent no request yet; the server keeps it.
        patience: how slow a client may be.
    """

    def __init__(self, server: web.Server, silent: Collection[object], patience: Patience) -> None:
        self._server = server
        self._silent = silent
        self._patience = patience
        self._seen: dict[object, _Connection] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(min(1.0, self._patience.grace_s / 4, self._patience.headers_s / 4))
            now = time.monotonic()
            known, self._seen = self._seen, {}
            for protocol in self._server.connections:
                connection = self._seen[protocol] = known.get(protocol) or _Connection(now)
                transport = protocol.transport
                if transport is None:
                    continue
                is_mute = protocol in self._silent and now - connection.since > self._patience.headers_s
                if is_mute or self._is_too_slow(connection, transport.get_write_buffer_size(), now):
                    transport.abort()

    def _is_too_slow(self, connection: _Connection, unread: int, now: float) -> bool:
        if unread == 0 or unread > connection.unread:
            connection.marked, connection.unread = now, unread
        passed = now - connection.marked
        if passed <= self._patience.grace_s:
            return False
        read = connection.unread - unread
        connection.marked, connection.unread = now, unread
        return read < self._patience.bytes_a_second * passed
