"""The counterpart of Azure Static Web Apps: files of one folder, and `config.json` from a file of its own."""

from __future__ import annotations

import argparse
import mimetypes
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar, Final

from aiohttp import web

from emulators.server import Emulator

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src * data: blob:; connect-src *; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
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
        headers = {"Cache-Control": "no-store"}
        return web.Response(body=self._config.read_bytes(), content_type="application/json", headers=headers)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        path = (self._folder / request.match_info["path"]).resolve()
        if path == self._folder:
            path = self._folder / "index.html"
        if not path.is_relative_to(self._folder) or not path.is_file() or path.name.startswith("."):
            raise web.HTTPNotFound(text="there is no such file")
        immutable = path.parent.name == "assets"
        kind = TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        headers = {
            "Cache-Control": "public, max-age=31536000, immutable" if immutable else "no-cache",
            "Content-Security-Policy": POLICY,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
        }
        return web.Response(body=path.read_bytes(), content_type=kind, headers=headers)
