"""The host's own routes: `GET admin/host/status`, `GET admin/functions`, `POST admin/functions/NAME`.

The last one runs a function that has no HTTP trigger, as `func` and the portal do. All but `admin/host/ping` take the
master key, as in Azure.
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib.metadata import version
from typing import Any

from aiohttp import web

from .http_keys import is_master, key_of

_STARTED = time.time()
Run = Callable[[str, str], Awaitable[bool]]


class Admin:
    """Answers `admin/...`. `rows` describe the functions, `errors` those that could not be started."""

    def __init__(self, host_id: str, rows: Sequence[Mapping[str, Any]], errors: Mapping[str, str], run: Run) -> None:
        self._host_id = host_id
        self._rows = rows
        self._errors = errors
        self._run = run

    async def answer(self, path: str, request: web.BaseRequest) -> web.StreamResponse | None:
        """Answer `path` (below `admin/`, lower case), or None when there is no such route."""
        parts, key = path.split("/"), is_master(key_of(request, request.query))
        match request.method, parts:
            case "GET" | "POST", ["host", "ping"]:
                return web.Response()
            case ("GET", ["host", "status"] | ["functions"]) | ("POST", ["functions", _]) if not key:
                return web.Response(status=401)
            case "GET", ["host", "status"]:
                return web.json_response(self._status())
            case "GET", ["functions"]:
                return web.json_response(list(self._rows))
            case "POST", ["functions", name]:
                return await self._start(name, request)
            case _:
                return None

    def _status(self) -> dict[str, Any]:
        return {
            "id": self._host_id,
            "state": "Running",
            "pid": os.getpid(),
            "processUptime": round((time.time() - _STARTED) * 1000),
            "functions": [row["name"] for row in self._rows],
            "errors": dict(self._errors),
            "versions": {
                "python": platform.python_version(),
                "azure-functions": version("azure-functions"),
                "azure-functions-runtime": version("azure-functions-runtime"),
            },
        }

    async def _start(self, name: str, request: web.BaseRequest) -> web.Response:
        try:
            given = json.loads(await request.read() or b"{}")
            text = given.get("input", "")
        except (ValueError, AttributeError):
            return web.Response(status=400)
        started = await self._run(name, text if isinstance(text, str) else json.dumps(text))
        return web.Response(status=202 if started else 404)
