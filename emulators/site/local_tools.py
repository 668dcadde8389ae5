"""What only one machine has, for the page beside it: the control surfaces of the emulators, and the log of the app.

They answer a page of this site and programs, not pages of other sites: a browser names in `Sec-Fetch-Site` where a
request comes from, and `Host` must be this machine even if another name points to it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import aiohttp
from aiohttp import web

from emulators.app_log import Line, Reader, is_worth_showing
from emulators.server import answer

PREFIX: Final = "/_emulator"
NAMES: Final = frozenset({"127.0.0.1", "localhost", "::1"})
MAX_LINES: Final = 500
TIMEOUT: Final = aiohttp.ClientTimeout(total=10)


class LocalTools:
    """`/_emulator/providers/{name}/{path}` and `/_emulator/log`.

    Args:
        config: the page's configuration, which names the address of each emulated provider.
        logs: files that the app writes.
    """

    def __init__(self, config: Path, logs: Sequence[Path]) -> None:
        self._config = config
        self._logs = logs

    def routes(self) -> Iterable[web.RouteDef]:
        """The routes of both."""
        forward = f"{PREFIX}/providers/{{name}}/{{path:.+}}"
        methods = ("GET", "POST", "DELETE")
        return [*(web.route(method, forward, self._forward) for method in methods), web.get(f"{PREFIX}/log", self._log)]

    async def _forward(self, request: web.Request) -> web.Response:
        """Pass a request on to the control surface of an emulator."""
        check_caller(request)
        url = self._providers().get(request.match_info["name"], {}).get("url")
        if not url:
            raise web.HTTPNotFound(text="this provider is not emulated")
        target = f"{str(url).rstrip('/')}/_emulator/{request.match_info['path']}"
        async with (
            aiohttp.ClientSession(timeout=TIMEOUT) as session,
            session.request(request.method, target, params=request.query, data=await request.read()) as reply,
        ):
            return web.Response(status=reply.status, body=await reply.read(), content_type=reply.content_type)

    def _providers(self) -> dict[str, dict[str, Any]]:
        config: dict[str, Any] = json.loads(self._config.read_text()) if self._config.is_file() else {}
        return config.get("local", {}).get("providers", {})

    async def _log(self, request: web.Request) -> web.Response:
        """The latest entries, oldest first; those of one request, job, user or trace with `id`; `errors=true`."""
        check_caller(request)
        id, errors = request.query.get("id", "").strip(), request.query.get("errors") == "true"
        found = [line for file in self._logs for line in Reader(file).read() if _is_wanted(line, id, errors=errors)]
        found.sort(key=lambda line: line.at)
        return answer({"lines": [asdict(line) for line in found[-MAX_LINES:]], "total": len(found)})


def _is_wanted(line: Line, id: str, *, errors: bool) -> bool:
    return line.concerns(id) if id else bool(line.at) and is_worth_showing(line, errors=errors)


def check_caller(request: web.Request) -> None:
    """Refuse pages of other sites. Raises HTTPForbidden."""
    site = request.headers.get("Sec-Fetch-Site", "none")
    if site not in ("same-origin", "none") or request.url.host not in NAMES:
        raise web.HTTPForbidden(text="only a page of this site may use its tools")
