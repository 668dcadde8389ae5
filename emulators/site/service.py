"""The counterpart of Azure Static Web Apps: files of one folder with the headers of its `staticwebapp.config.json`, and
`config.json` from another file."""

from __future__ import annotations

import argparse
import json
import mimetypes
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar, Final

from aiohttp import web

from emulators.server import Emulator

SETTINGS: Final = "staticwebapp.config.json"
"""Read by the service and never served: headers of every answer, and of routes that are exact or end with `*`."""
TYPES: Final = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".html": "text/html"}


class Site(Emulator):
    """One page and its files.

    Args:
        folder: what is served; `index.html` is its page.
        config: file that answers `config.json`; it is read at each request.
    """

    name: ClassVar[str] = "site"

    def __init__(self, folder: str, config: str) -> None:
        super().__init__()
        self._folder = Path(folder).resolve()
        self._config = Path(config)

    @classmethod
    def arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Add the folder and the configuration."""
        parser.add_argument("--folder", required=True)
        parser.add_argument("--config", required=True)

    def routes(self) -> Iterable[web.RouteDef]:
        """The configuration, then every file."""
        return (web.get("/config.json", self._configuration), web.get("/{path:(?!_emulator/).*}", self._file))

    async def _configuration(self, request: web.Request) -> web.StreamResponse:
        if not self._config.is_file():
            raise web.HTTPServiceUnavailable(text="the stack is still starting")
        headers = self._headers(request.path)
        return web.Response(body=self._config.read_bytes(), content_type="application/json", headers=headers)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        path = (self._folder / request.match_info["path"]).resolve()
        if path == self._folder:
            path = self._folder / "index.html"
        if (
            not path.is_relative_to(self._folder)
            or not path.is_file()
            or path.name.startswith(".")
            or path.name == SETTINGS
        ):
            raise web.HTTPNotFound(text="there is no such file")
        kind = TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        headers = self._headers(request.path)
        return web.Response(body=path.read_bytes(), content_type=kind, headers=headers)

    def _headers(self, path: str) -> dict[str, str]:
        """Headers for everything, then those of the first route that matches."""
        settings = json.loads((self._folder / SETTINGS).read_text())
        for route in settings.get("routes", ()):
            pattern = route["route"]
            if path == pattern or (pattern.endswith("*") and path.startswith(pattern[:-1])):
                return {**settings["globalHeaders"], **route.get("headers", {})}
        return dict(settings["globalHeaders"])
