"""The end of an instance's HTTP server: an accepted connection is answered, a silent one does not hold the end."""

from __future__ import annotations

import asyncio
import socket

from aiohttp import web
from quick import PATIENCE_S

from emulators.functions_host.http_server import HttpServer
from emulators.functions_host.slow_clients import Patience

REQUEST = b"GET / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n"


async def answer(_request: web.BaseRequest) -> web.StreamResponse:
    return web.Response(text="answered")


async def serving(first_request: float) -> tuple[HttpServer, int]:
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    server = HttpServer(answer, grace=PATIENCE_S, patience=Patience(), first_request=first_request)
    await server.start(listening)
    return server, port


async def until_refused(port: int) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
        except ConnectionError:
            return


def test_what_was_accepted_is_answered_after_the_server_listens_no_more() -> None:
    async def run() -> tuple[bytes, bytes]:
        server, port = await serving(first_request=PATIENCE_S)
        silent, to_silent = await asyncio.open_connection("127.0.0.1", port)
        # Connections are accepted in their order: once this one is answered the silent one is accepted.
        other, to_other = await asyncio.open_connection("127.0.0.1", port)
        to_other.write(REQUEST)
        before = await other.read()
        stopping = asyncio.create_task(server.stop())
        await until_refused(port)
        to_silent.write(REQUEST)
        after = await silent.read()
        await stopping
        to_silent.close()
        to_other.close()
        return before, after

    for received in asyncio.run(run()):
        assert received.startswith(b"HTTP/1.1 200")
        assert received.endswith(b"answered")


def test_a_request_that_is_under_way_when_the_server_stops_is_answered() -> None:
    async def run() -> bytes:
        server, port = await serving(first_request=0)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(REQUEST)
        await server.stop()
        received = await reader.read()
        writer.close()
        return received

    assert asyncio.run(run()).startswith(b"HTTP/1.1 200")


def test_a_connection_without_a_request_does_not_hold_the_end() -> None:
    async def run() -> bytes:
        server, port = await serving(first_request=0.05)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await server.stop()
        received = await reader.read()
        writer.close()
        return received

    assert asyncio.run(run()) == b""
