"""What every emulator shares: the start-up line, signals, the request log and the control surface."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
import ssl
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from aiohttp import web

from emulators.faults import COMMON_MODES, Fault, FaultList, meet_common

SECRET_HEADERS = frozenset({"authorization", "x-goog-api-key", "cookie"})
SECRET_QUERY = frozenset({"key", "access_token", "sig"})
type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Emulator:
    """One cloud service on this machine: a subclass gives its routes, its facts and its own fault modes.

    A request's entry in the log is `request["entry"]`; handlers add what is worth seeing, never secrets.
    """

    name: ClassVar[str] = ""
    modes: ClassVar[tuple[str, ...]] = ()
    largest_body: ClassVar[int] = 32 * 1024 * 1024

    def __init__(self) -> None:
        self.faults = FaultList((*COMMON_MODES, *self.modes))
        self.log: deque[dict[str, Any]] = deque(maxlen=5000)
        self._count = 0

    @classmethod
    def arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Add the emulator's own command line options; each becomes a keyword of its constructor."""

    def routes(self) -> Iterable[web.RouteDef]:
        """The service's own routes and its further control routes."""
        return ()

    def facts(self, url: str) -> dict[str, Any]:
        """What a client needs beside the address: keys, account names, connection strings."""
        return {}

    def status_answer(self, fault: Fault) -> web.Response | None:
        """The service's answer to a fault whose mode is an HTTP status; None for any other mode."""
        return None

    async def early_answer(
        self, request: web.Request, operation: str, text: str
    ) -> tuple[Fault | None, web.StreamResponse | None]:
        """(the fault that a request meets, its answer if it leaves nothing done)."""
        fault = self.faults.take(operation, text)
        if fault is None:
            return None, None
        request["entry"]["fault"] = fault.mode
        return fault, await meet_common(request, fault) or self.status_answer(fault)

    def reset(self) -> None:
        """Forget faults, requests and (in a subclass) everything stored."""
        self.faults.clear()
        self.log.clear()

    def tls(self) -> ssl.SSLContext | None:
        """What it serves HTTPS with; None for HTTP."""
        return None

    async def started(self, url: str) -> None:
        """Called once the address is known, before the start-up line is printed."""

    async def stopping(self) -> None:
        """Called once on the way out."""

    def application(self) -> web.Application:
        """The aiohttp application: the service's routes and the control surface under `/_emulator/`."""
        app = web.Application(middlewares=[self._logged], client_max_size=self.largest_body)
        app.add_routes(self.routes())
        app.add_routes(
            [
                web.get("/_emulator/requests", self._list_requests),
                web.get("/_emulator/faults", self._list_faults),
                web.post("/_emulator/faults", self._add_fault),
                web.delete("/_emulator/faults", self._clear_faults),
                web.post("/_emulator/reset", self._reset),
            ]
        )
        return app

    @web.middleware
    async def _logged(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith("/_emulator/"):
            return await handler(request)
        self._count += 1
        entry: dict[str, Any] = {
            "n": self._count,
            "at": datetime.now(UTC).isoformat(),
            "method": request.method,
            "path": request.path,
            "query": {k: "***" if k in SECRET_QUERY else v for k, v in request.query.items()},
            "headers": {k: "***" if k.lower() in SECRET_HEADERS else v for k, v in request.headers.items()},
            "fault": None,
            "status": None,
        }
        request["entry"] = entry
        self.log.append(entry)
        start = time.perf_counter()
        try:
            response = await handler(request)
        except web.HTTPException as refused:
            entry["status"] = refused.status
            raise
        finally:
            entry["ms"] = round((time.perf_counter() - start) * 1000, 1)
        entry["status"] = response.status
        return response

    async def _list_requests(self, request: web.Request) -> web.Response:
        wanted = request.query.get("match", "")
        return answer({"requests": [entry for entry in self.log if wanted in json.dumps(entry)]})

    async def _list_faults(self, request: web.Request) -> web.Response:
        return answer({"faults": self.faults.listed(), "modes": self.faults.modes})

    async def _add_fault(self, request: web.Request) -> web.Response:
        try:
            self.faults.add(await request.json())
        except (ValueError, TypeError, AttributeError) as wrong:
            return answer({"error": str(wrong)}, status=400)
        return answer({"faults": self.faults.listed()}, status=201)

    async def _clear_faults(self, request: web.Request) -> web.Response:
        self.faults.clear(request.query.get("match"))
        return web.Response(status=204)

    async def _reset(self, request: web.Request) -> web.Response:
        self.reset()
        return web.Response(status=204)


def answer(body: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """A JSON answer."""
    return web.json_response(body, status=status, headers=headers)


def main(emulator_class: type[Emulator]) -> None:
    """Run one emulator until SIGTERM or SIGINT; its first line on stdout is its address and facts as JSON."""
    parser = argparse.ArgumentParser(prog=f"python -m emulators.{emulator_class.name}")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 takes a free one")
    emulator_class.arguments(parser)
    options = vars(parser.parse_args())
    host, port = options.pop("host"), options.pop("port")
    serve([(emulator_class(**options), port)], host)


def serve(emulators: Sequence[tuple[Emulator, int]], host: str = "127.0.0.1") -> None:
    """Run emulators, each on its port, until SIGTERM or SIGINT; prints address and facts of each as a line of JSON."""
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(emulators, host))


async def _serve(emulators: Sequence[tuple[Emulator, int]], host: str) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        # Windows has no signal handlers in the loop; there SIGINT arrives as KeyboardInterrupt.
        with contextlib.suppress(NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with contextlib.AsyncExitStack() as running:
        for emulator, port in emulators:
            facts = await running.enter_async_context(_listening(emulator, host, port))
            print(json.dumps(facts), flush=True)
        await stop.wait()


@contextlib.asynccontextmanager
async def _listening(emulator: Emulator, host: str, port: int) -> AsyncGenerator[dict[str, Any]]:
    """Run one emulator in this loop; yields its address and facts."""
    runner = web.AppRunner(emulator.application(), access_log=None, handler_cancellation=True, shutdown_timeout=0.2)
    await runner.setup()
    try:
        tls = emulator.tls()
        await web.TCPSite(runner, host, port, ssl_context=tls).start()
        url = f"{'http' if tls is None else 'https'}://{host}:{runner.addresses[0][1]}"
        await emulator.started(url)
        yield {"name": emulator.name, "url": url, **emulator.facts(url)}
    finally:
        await emulator.stopping()
        await runner.cleanup()
