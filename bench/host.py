"""Cost of the local Functions host: an HTTP call through it, compared with one to a bare server in the same run."""

from __future__ import annotations

import asyncio
import multiprocessing
import statistics
from typing import Any

import requests

from bench._common import elapsed_ms
from emulators.stack import Stack

ROUNDS = 5
CALLS = 200


def main() -> dict[str, Any]:
    """Measure milliseconds per call (median of the medians of alternating rounds) and their ratio."""
    ready: multiprocessing.Queue[int] = multiprocessing.Queue()
    bare = multiprocessing.Process(target=_bare, args=(ready,), daemon=True)
    bare.start()
    port = ready.get(timeout=30)
    with Stack(settings={"RATE_LIMIT_SCALE": "100000"}) as stack:
        urls = {"bare_aiohttp": f"http://127.0.0.1:{port}/", "health_function": f"{stack.url}/api/health"}
        sessions = {name: requests.Session() for name in urls}
        for name, url in urls.items():
            _round(sessions[name], url)
        medians: dict[str, list[float]] = {name: [] for name in urls}
        for _ in range(ROUNDS):
            for name, url in urls.items():
                medians[name].append(_round(sessions[name], url))
    bare.kill()
    found = {name: statistics.median(values) for name, values in medians.items()}
    return {
        "ok": True,
        "ms_p50": found,
        "ratio": found["health_function"] / found["bare_aiohttp"],
        "calls": ROUNDS * CALLS,
        "note": "includes the host, the worker runtime and the HTTP adapter with trace, metrics and a log line",
    }


def _round(session: requests.Session, url: str) -> float:
    return statistics.median(elapsed_ms(lambda: session.get(url, timeout=10).raise_for_status()) for _ in range(CALLS))


def _bare(ready: multiprocessing.Queue[int]) -> None:
    from aiohttp import web

    async def serve() -> None:
        app = web.Application()
        app.add_routes([web.get("/", lambda request: _ok())])
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        ready.put(runner.addresses[0][1])
        await asyncio.Event().wait()

    async def _ok() -> web.Response:
        return web.json_response({"status": "ok"})

    asyncio.run(serve())
