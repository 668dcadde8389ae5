"""The counterpart of Azure Static Web Apps: files of one folder by the rules of its `staticwebapp.config.json`, and
`config.json` from another file."""

from __future__ import annotations

import argparse
import json
import mimetypes
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, ClassVar, Final

from aiohttp import web

from emulators.server import Emulator
from emulators.site.local_tools import LocalTools

SETTINGS: Final = "staticwebapp.config.json"
"""Read by the service and never served: headers of every answer, and of routes that are exact or end with `*`; the page
that answers addresses without a file (`navigationFallback`)."""
TYPES: Final = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".html": "text/html"}


class Site(Emulator):
    """One page and its files.

    Args:
        folder: what is served; `index.html` is its page.
        config: file that answers `config.json`; it is read at each request.
        log: files that the app writes, for the page to show.
    """

    name: ClassVar[str] = "site"

    def __init__(self, folder: str, config: str, log: list[str]) -> None:
        super().__init__()
        self._folder = Path(folder).resolve()
        self._config = Path(config)
        self._tools = LocalTools(self._config, [Path(file) for file in log])

    @classmethod
    def arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Add the folder, the configuration and the logs."""
        parser.add_argument("--folder", required=True)
        parser.add_argument("--config", required=True)
        parser.add_argument("--log", action="append", default=[])

    def routes(self) -> Iterable[web.RouteDef]:
        """The configuration, then every file; the tools of this machine."""
        return (
            web.get("/config.json", self._configuration),
            web.get("/{path:(?!_emulator/).*}", self._file),
            *self._tools.routes(),
        )

    async def _configuration(self, request: web.Request) -> web.StreamResponse:
        if not self._config.is_file():
            raise web.HTTPServiceUnavailable(text="the stack is still starting")
        headers = self._headers(request.path)
        return web.Response(body=self._config.read_bytes(), content_type="application/json", headers=headers)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        path = self._found(request.match_info["path"]) or self._fallback(request.path)
        if path is None:
            raise web.HTTPNotFound(text="there is no such file")
        kind = TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        headers = self._headers(request.path)
        return web.Response(body=path.read_bytes(), content_type=kind, headers=headers)

    def _found(self, name: str) -> Path | None:
        path = (self._folder / name).resolve()
        if path == self._folder:
            path = self._folder / "index.html"
        hidden = path.name.startswith(".") or path.name == SETTINGS
        return path if path.is_relative_to(self._folder) and path.is_file() and not hidden else None

    def _fallback(self, path: str) -> Path | None:
        """What answers an address without a file: the page, unless the settings exclude the address."""
        rule = self._settings().get("navigationFallback")
        if rule is None or any(fnmatchcase(path, pattern) for pattern in rule.get("exclude", ())):
            return None
        return self._found(str(rule["rewrite"]).lstrip("/"))

    def _settings(self) -> dict[str, Any]:
        return json.loads((self._folder / SETTINGS).read_text())

    def _headers(self, path: str) -> dict[str, str]:
        """Headers for everything, then those of the first route that matches."""
        settings = self._settings()
        for route in settings.get("routes", ()):
            pattern = route["route"]
            if path == pattern or (pattern.endswith("*") and path.startswith(pattern[:-1])):
                return {**settings["globalHeaders"], **route.get("headers", {})}
        return dict(settings["globalHeaders"])
