"""The HTTP server of an instance, which answers every connection that it accepted before it ends.

Other instances listen on the same port, so a connection belongs to the process that took it: one that is closed before
its request was read is a refused request. `aiohttp` closes such connections as idle ones.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.web_protocol import RequestHandler

from .ports import BACKLOG
from .slow_clients import Patience, Watch

type Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

FIRST_REQUEST_S = 2.0
"""Seconds that a connection without a request may hold the end; a browser opens some in advance and never uses them."""
_LOOK_EVERY_S = 0.01
_TURNS = 5
"""Turns of the event loop after which an accepted connection is known to the server and what it sent is read."""


class _Connections(web.Server):
    """Knows the open connections that have sent no request yet."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(self._handle, auto_decompress=False, access_log=None, lingering_time=1, keepalive_timeout=75)
        self._answer = answer
        self.silent: set[RequestHandler] = set()

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        self.silent.add(handler)
        super().connection_made(handler, transport)

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        self.silent.discard(handler)
        super().connection_lost(handler, exc)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.silent.discard(request.protocol)
        if request.version < HttpVersion11 and hdrs.TRANSFER_ENCODING in request.headers:
            # Chunks came with HTTP/1.1: another reader sees the end of such a request elsewhere (RFC 9112, 6.1).
            refused = web.Response(status=400)
            refused.force_close()
            return refused
        return await self._answer(request)


class HttpServer:
    """Serves one listening socket.

    Args:
        answer: answers a request.
        grace: seconds that `stop` waits for running requests.
        patience: how slowly a client may send and read.
        first_request: seconds that `stop` waits for the first request of an accepted connection.
    """

    def __init__(
        self, answer: Answer, grace: float, patience: Patience, first_request: float = FIRST_REQUEST_S
    ) -> None:
        self._connections = _Connections(answer)
        self._watch = Watch(self._connections, self._connections.silent, patience)
        self._first_request = first_request
        self._runner = web.ServerRunner(self._connections, shutdown_timeout=grace)

    async def start(self, listening: socket.socket) -> None:
        """Take requests on this socket."""
        await self._runner.setup()
        self._watch.start()
        await web.SockSite(self._runner, listening, backlog=BACKLOG).start()

    async def stop(self) -> None:
        """Listen no more, answer what was accepted, wait for running requests, close."""
        for site in self._runner.sites:
            await site.stop()
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        loop = asyncio.get_running_loop()
        until = loop.time() + self._first_request
        while self._connections.silent and loop.time() < until:
            await asyncio.sleep(_LOOK_EVERY_S)
        await self._runner.cleanup()
        await self._watch.stop()
