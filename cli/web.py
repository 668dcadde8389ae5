"""`./studio web`: build the studio page into `web/dist`, or serve it with live reload while it is written."""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import subprocess
import sys
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
WEB: Final = ROOT / "web"
DIST: Final = WEB / "dist"
SCHEMA: Final = WEB / "src" / "api" / "schema.ts"
"""The types of the API, of the page and of the TypeScript client."""
STAMP: Final = DIST / ".built-from"
"""Holds the digest of what the build was made from."""


class WebBuildError(RuntimeError):
    """The page could not be built; the message is what the tools say."""


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("web", help="build the studio page")
    parser.add_argument("--json", action="store_true", help="print {ok, folder, built, bytes}")
    parser.set_defaults(handler=handle)


def handle(options: argparse.Namespace) -> int:
    """Build the page unless it is up to date."""
    try:
        built = build()
    except WebBuildError as error:
        print(f"studio: the page could not be built:\n{error}", file=sys.stderr)
        return 1
    size = sum(path.stat().st_size for path in DIST.rglob("*") if path.is_file())
    folder = str(DIST.relative_to(ROOT))
    if options.json:
        print(json.dumps({"ok": True, "folder": folder, "built": built, "bytes": size}))
    else:
        print(f"{folder}: {'built' if built else 'up to date'}, {size / 1024:.0f} kB")
    return 0


def build() -> bool:
    """Build `web/dist` from the sources and the API's description; returns whether anything was to be done.

    Raises:
        WebBuildError: a type error, or a tool that is missing.
    """
    with alone():
        write_types()
        digest = _digest()
        if STAMP.is_file() and STAMP.read_text() == digest:
            return False
        _run("tsc", "-p", "web")
        _run("vite", "build", "web", "--logLevel", "warn")
        _run("vite", "build", "web/widget", "--logLevel", "warn")
        STAMP.write_text(digest)
        return True


@contextmanager
def alone() -> Generator[None]:
    """Let other processes wait: what they would build at the same time is then up to date."""
    (ROOT / ".studio").mkdir(exist_ok=True)
    with (ROOT / ".studio" / "web.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def write_types() -> None:
    """Write the types of the API (`SCHEMA`) from its description, if that has changed.

    Raises:
        WebBuildError: the generator failed or is missing.
    """
    from shared import function_index
    from shared.http import openapi
    from shared.http.routes import ROUTES

    function_index.load_all()
    text = json.dumps(openapi.document(ROUTES), ensure_ascii=False, indent=1)
    description = WEB / "openapi.json"
    if SCHEMA.is_file() and description.is_file() and description.read_text() == text:
        return
    description.write_text(text)
    _run("openapi-typescript", str(description), "-o", str(SCHEMA))


def _digest() -> str:
    sources = [
        *WEB.glob("*.*"),
        *(WEB / "src").rglob("*"),
        *(WEB / "public").rglob("*"),
        *(WEB / "widget").glob("*"),
        ROOT / "package-lock.json",
    ]
    return digest_of(path for path in sources if path.is_file())


def digest_of(files: Iterable[Path]) -> str:
    """A digest of paths and contents."""
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(str(path).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _run(tool: str, *arguments: str) -> None:
    program = ROOT / "node_modules" / ".bin" / tool
    if not program.exists():
        raise WebBuildError(f"{tool} is not installed: run ./studio once, or `npm ci`")
    done = subprocess.run([str(program), *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise WebBuildError((done.stdout + done.stderr).strip())
