"""Requests whose end two readers could see at different places: the local host takes none of them for two.

In Azure the front end of the platform reads HTTP, and the host behind it never sees such a request.
"""

from __future__ import annotations

import asyncio
import re
import socket
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from quick import PATIENCE_S

from emulators.functions_host.http_server import HttpServer
from emulators.functions_host.slow_clients import Patience

HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"
HEAD = b"POST /seen HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
TWO = b"Content-Length: 2\r\n"
FORMS = {
    "length and chunks": HEAD + b"Content-Length: %d\r\n" % (5 + len(HIDDEN)) + CHUNKED + b"\r\n0\r\n\r\n" + HIDDEN,
    "chunks and length": HEAD + CHUNKED + b"Content-Length: 4\r\n\r\n2\r\n{}\r\n0\r\n\r\n" + HIDDEN,
    "unknown encoding": HEAD + b"Transfer-Encoding: xchunked\r\n" + TWO + b"\r\n{}" + HIDDEN,
    "tab before the encoding": HEAD + b"Transfer-Encoding:\tchunked\r\n" + TWO + b"\r\n{}" + HIDDEN,
    "space in a name": HEAD + b"Transfer-Encoding : chunked\r\n" + TWO + b"\r\n{}" + HIDDEN,
    "folded": HEAD + b"Transfer-Encoding:\r\n chunked\r\n" + TWO + b"\r\n{}" + HIDDEN,
    "two encodings": HEAD + b"Transfer-Encoding: identity\r\n" + CHUNKED + b"\r\n0\r\n\r\n" + HIDDEN,
    "two lengths": HEAD + TWO + b"Content-Length: 40\r\n\r\n{}" + HIDDEN,
    "list of lengths": HEAD + b"Content-Length: 2, 40\r\n\r\n{}" + HIDDEN,
    "length with a sign": HEAD + b"Content-Length: +2\r\n\r\n{}" + HIDDEN,
    "negative length": HEAD + b"Content-Length: -1\r\n\r\n{}" + HIDDEN,
    "length with a line": HEAD + b"Content-Length: 0_2\r\n\r\n{}" + HIDDEN,
    "hexadecimal length": HEAD + b"Content-Length: 0x2\r\n\r\n{}" + HIDDEN,
    "line feeds alone": HEAD.replace(b"\r\n", b"\n") + b"Content-Length: 2\n\n{}" + HIDDEN,
    "carriage return in a value": HEAD + b"X: a\rTransfer-Encoding: chunked\r\n" + TWO + b"\r\n{}" + HIDDEN,
    "line feed in a chunk's extension": HEAD + CHUNKED + b"\r\n2;a=\n\r\n{}\r\n0\r\n\r\n" + HIDDEN,
    "chunk size with more": HEAD + CHUNKED + b"\r\n2x\r\n{}\r\n0\r\n\r\n" + HIDDEN,
    "negative chunk": HEAD + CHUNKED + b"\r\n-2\r\n{}\r\n0\r\n\r\n" + HIDDEN,
    "chunk size with a line": HEAD + CHUNKED + b"\r\n0_2\r\n{}\r\n0\r\n\r\n" + HIDDEN,
    "chunks in HTTP/1.0": HEAD.replace(b"1.1", b"1.0") + CHUNKED + b"Connection: keep-alive\r\n\r\n0\r\n\r\n" + HIDDEN,
    "body of a GET": b"GET /seen HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(HIDDEN) + HIDDEN,
    "two hosts": b"GET /seen HTTP/1.1\r\nHost: x\r\nHost: y\r\nContent-Length: %d\r\n\r\n" % len(HIDDEN) + HIDDEN,
}


@dataclass
class Seen:
    """Paths of the requests that reached the app."""

    paths: list[str] = field(default_factory=list[str])

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        await request.read()
        self.paths.append(request.path)
        return web.Response(text="answered")


async def sent(data: bytes) -> tuple[Seen, list[bytes]]:
    """What the app saw of some bytes of a client that sends no more, and the statuses it was answered."""
    seen = Seen()
    listening = socket.create_server(("127.0.0.1", 0))
    server = HttpServer(seen.answer, grace=PATIENCE_S, patience=Patience(), first_request=0)
    await server.start(listening)
    reader, writer = await asyncio.open_connection(*listening.getsockname()[:2])
    writer.write(data)
    writer.write_eof()
    answers = await reader.read()
    writer.close()
    await server.stop()
    return seen, re.findall(rb"HTTP/1\.[01] (\d+)", answers)


@pytest.mark.parametrize("form", FORMS)
def test_no_request_is_taken_for_two(form: str) -> None:
    seen, _ = asyncio.run(sent(FORMS[form]))
    assert "/hidden" not in seen.paths


def test_two_requests_of_one_connection_are_two() -> None:
    seen, statuses = asyncio.run(sent(HEAD + TWO + b"\r\n{}" + HIDDEN))
    assert seen.paths == ["/seen", "/hidden"]
    assert statuses == [b"200", b"200"]
