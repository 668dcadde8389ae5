"""Clients that send or read too slowly, over real sockets: they are cut off, and others notice nothing."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from emulators.functions_host.bindings import Binding, Function
from emulators.functions_host.http_listener import HttpListener
from emulators.functions_host.http_server import HttpServer
from emulators.functions_host.protos import TypedData
from emulators.functions_host.settings import HttpOptions
from emulators.functions_host.slow_clients import Patience
from emulators.functions_host.worker import Result

EAGER = Patience(headers_s=1.0, grace_s=1.0, bytes_a_second=1_000_000, body_s=600)
"""Asks for a rate that a dripping client does not reach, on any machine."""
CALM = Patience(headers_s=600, grace_s=600, bytes_a_second=1, body_s=600)
LARGE = 40_000_000
"""Bytes of an answer: more than the buffers of two sockets take."""


class Front:
    """The HTTP front of a host, on a port of its own."""

    def __init__(self) -> None:
        self.port = 0
        self.connections: Callable[[], object] = list
        """The open connections."""
        self.ran: list[int] = []
        """Sizes of the bodies that a function got."""

    async def open(self, *, receive_buffer: int | None = None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A new connection."""
        sock = socket.socket()
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self.port))
        return await asyncio.open_connection(sock=sock)

    async def answers(self) -> bool:
        """Whether another client is answered."""
        reader, writer = await self.open()
        writer.write(b"POST /api/take HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi")
        answer = await reader.read()
        writer.close()
        return answer.startswith(b"HTTP/1.1 200")


@asynccontextmanager
async def serving(patience: Patience) -> AsyncIterator[Front]:
    front = Front()

    async def invoke(function: Function, data: TypedData, *_: Any, **__: Any) -> Result:
        body: bytes = data.http.body.bytes if data.http.body.WhichOneof("data") else b""
        front.ran.append(len(body))
        size = LARGE if function.name == "large" else 2
        return Result(True, value=TypedData(bytes=b"x" * size))

    async def nothing(*_: Any) -> web.Response:
        return web.Response(status=404)

    functions = [
        Function(name, name, Binding("req", "httpTrigger", "in", {"authLevel": "ANONYMOUS"}), (), ())
        for name in ("take", "large")
    ]
    listener = HttpListener(functions, HttpOptions(), invoke, nothing, nothing, patience)
    server = HttpServer(listener.handle, 1, patience)
    listening = socket.create_server(("127.0.0.1", 0))
    front.port = listening.getsockname()[1]
    front.connections = lambda: server._connections.connections
    await server.start(listening)
    try:
        yield front
    finally:
        await server.stop()


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 300))


async def drip(writer: asyncio.StreamWriter, what: bytes) -> None:
    """Send a byte now and then until the connection ends."""
    try:
        while True:
            writer.write(what)
            await writer.drain()
            await asyncio.sleep(0.02)
    except ConnectionError:
        return


def test_headers_that_never_end_are_cut_off() -> None:
    async def test() -> None:
        async with serving(EAGER) as front:
            reader, writer = await front.open()
            writer.write(b"POST /api/take HTTP/1.1\r\nHost: x\r\nX-Long: ")
            dripping = asyncio.create_task(drip(writer, b"a"))
            with pytest.raises(ConnectionError):
                assert not await reader.read()
                raise ConnectionResetError
            await dripping
            assert await front.answers()
            assert front.ran == [2]

    run(test)


def test_a_body_that_drips_is_answered_408_and_no_function_runs() -> None:
    async def test() -> None:
        async with serving(EAGER) as front:
            reader, writer = await front.open()
            writer.write(b"POST /api/take HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
            dripping = asyncio.create_task(drip(writer, b"a"))
            assert (await reader.readline()).startswith(b"HTTP/1.1 408")
            dripping.cancel()
            writer.close()
            assert await front.answers()
            assert front.ran == [2]

    run(test)


def test_a_body_has_a_deadline_whatever_its_rate() -> None:
    async def test() -> None:
        async with serving(Patience(headers_s=600, grace_s=600, bytes_a_second=1, body_s=1)) as front:
            reader, writer = await front.open()
            writer.write(b"POST /api/take HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            dripping = asyncio.create_task(drip(writer, b"4\r\nabcd\r\n"))
            assert (await reader.readline()).startswith(b"HTTP/1.1 408")
            dripping.cancel()
            writer.close()

    run(test)


def test_an_answer_that_is_not_read_is_dropped() -> None:
    async def test() -> None:
        async with serving(EAGER) as front:
            reader, writer = await front.open(receive_buffer=4096)
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            writer.write(b"POST /api/large HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
            while not front.ran:
                await asyncio.sleep(0.01)
            assert await front.answers()
            while front.connections():
                await asyncio.sleep(0.05)
            # What was in the buffers is all that comes.
            writer.transport.resume_reading()  # type: ignore[attr-defined]
            got = 0
            with pytest.raises(ConnectionError):
                while chunk := await reader.read(1 << 20):
                    got += len(chunk)
                raise ConnectionResetError
            assert got < LARGE

    run(test)


def test_slow_clients_within_the_limits_are_served() -> None:
    async def test() -> None:
        async with serving(CALM) as front:
            reader, writer = await front.open()
            for part in (b"POST /api/la", b"rge HTTP/1.1\r\nHost: x\r\nContent-Le", b"ngth: 4\r\n\r\na", b"bcd"):
                writer.write(part)
                await asyncio.sleep(0.3)
            got = 0
            while got < LARGE:
                got += len(await reader.read(1 << 22))
            assert front.ran == [4]
            writer.close()

    run(test)
