"""The API's description and the page that shows it. Swagger UI's files lie beside this one, from no other host."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from shared import function_index
from shared.errors import NotFound
from shared.http import openapi
from shared.http.caching import etag_of
from shared.http.endpoint import Reply
from shared.http.routes import ROUTES

FOLDER: Final = Path(__file__).parent / "assets"
FILES: Final = {
    "docs.html": "text/html",
    "docs.js": "text/javascript",
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
}
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


@cache
def _description() -> tuple[bytes, bytes, str]:
    """`openapi.json` of every route of the app: as it is, compressed, and its ETag."""
    function_index.load_all()
    plain = json.dumps(openapi.document(ROUTES), ensure_ascii=False).encode()
    return plain, gzip.compress(plain, mtime=0), etag_of(plain)


def description(headers: Mapping[str, str]) -> Reply:
    """The API's description, compressed where the caller takes that."""
    plain, packed, etag = _description()
    sent = {"Cache-Control": "public, max-age=300", "Vary": "Accept-Encoding", "ETag": etag}
    if "gzip" in headers.get("Accept-Encoding", ""):
        return Reply(content=packed, headers={**sent, "Content-Encoding": "gzip", "ETag": f"W/{etag}"})
    return Reply(content=plain, headers=sent)


@cache
def _packed(name: str) -> bytes:
    packed = FOLDER / f"{name}.gz"
    return packed.read_bytes() if packed.exists() else gzip.compress((FOLDER / name).read_bytes(), mtime=0)


def asset(name: str, headers: Mapping[str, str]) -> Reply:
    """A file of the page, packed where the caller takes that. Raises NotFound for anything else."""
    if name not in FILES:
        raise NotFound("there is no such file", code="file_not_found")
    packed = _packed(name)
    sent = {
        "Content-Security-Policy": POLICY,
        "Cache-Control": "public, max-age=3600",
        "Vary": "Accept-Encoding",
    }
    if "gzip" in headers.get("Accept-Encoding", ""):
        sent["Content-Encoding"] = "gzip"
        return Reply(content=packed, media=FILES[name], headers=sent)
    return Reply(content=gzip.decompress(packed), media=FILES[name], headers=sent)
