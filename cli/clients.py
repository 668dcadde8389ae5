"""`./studio clients`: generate the types of the API clients and build the TypeScript one."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from cli import web

ROOT: Final = Path(__file__).resolve().parents[1]
CLIENTS: Final = ROOT / "clients"
MODELS: Final = CLIENTS / "python" / "src" / "ai_fashion_studio" / "models.py"
SCHEMA: Final = CLIENTS / "typescript" / "src" / "schema.ts"
DIST: Final = CLIENTS / "typescript" / "dist"
STAMP: Final = ROOT / ".studio" / "typescript-client.built-from"
"""Holds the digest of what the TypeScript client was built from; not in `dist`, which is published."""


class ClientBuildError(RuntimeError):
    """A client could not be built; the message is what the tools say."""


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("clients", help="generate the API clients' types, build the TypeScript client")
    parser.add_argument("--only-models", action="store_true", help="only the types of the Python client")
    parser.add_argument(
        "--json",
        action="store_true",
        help="print {ok, python, typescript}: paths; typescript is null with --only-models",
    )
    parser.set_defaults(handler=handle)


def handle(options: argparse.Namespace) -> int:
    """Generate and build both clients."""
    try:
        write_models()
        if not options.only_models:
            build_typescript()
    except ClientBuildError as error:
        print(f"studio: the clients could not be built:\n{error}", file=sys.stderr)
        return 1
    typescript = None if options.only_models else str(DIST.relative_to(ROOT))
    made = {"python": str(MODELS.relative_to(ROOT)), "typescript": typescript}
    print(json.dumps({"ok": True, **made}) if options.json else "\n".join(path for path in made.values() if path))
    return 0


def write_models() -> None:
    """Write the types of the Python client.

    Raises:
        ClientBuildError: the generator failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "models.py"
        _run(
            [
                sys.executable, "-m", "datamodel_code_generator", "--input", _description(folder),
                "--input-file-type", "openapi", "--output", str(made),
                "--output-model-type", "typing.TypedDict", "--no-use-closed-typed-dict",
                "--enum-field-as-literal", "all", "--target-python-version", "3.11", "--use-union-operator",
                "--use-schema-description", "--formatters", "builtin", "--disable-timestamp",
            ]
        )  # fmt: skip
        _put(MODELS, made.read_text())


def build_typescript() -> None:
    """Write the types of the TypeScript client and compile it into `dist`, unless it is up to date.

    Raises:
        ClientBuildError: the generator failed, or there is a type error.
    """
    with web.alone():
        try:
            web.write_types()
        except web.WebBuildError as error:
            raise ClientBuildError(str(error)) from None
        _put(SCHEMA, web.SCHEMA.read_text())
        folder = CLIENTS / "typescript"
        if STAMP.is_file() and STAMP.read_text() == _digest(folder):
            return
        _compile(folder)
        _put(STAMP, _digest(folder))


def _digest(folder: Path) -> str:
    """Of the sources, and of what was made from them: `dist` may have been changed or removed."""
    sources = [*(folder / "src").rglob("*.ts"), *folder.glob("*.json"), ROOT / "package-lock.json"]
    return web.digest_of([*sources, *DIST.rglob("*.*")])


def _compile(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        compiled = Path(temporary) / "dist"
        _run(["node", _tool("typescript/bin/tsc"), "-p", str(folder), "--outDir", str(compiled)])
        for file in sorted(compiled.rglob("*.*")):
            _put(DIST / file.relative_to(compiled), file.read_text())


def _description(folder: str) -> str:
    from shared import function_index
    from shared.http import openapi
    from shared.http.routes import ROUTES

    function_index.load_all()
    path = Path(folder) / "openapi.json"
    path.write_text(json.dumps(openapi.document(ROUTES), ensure_ascii=False))
    return str(path)


def _put(path: Path, text: str) -> None:
    """Write a file that another process may read meanwhile."""
    if path.is_file() and path.read_text() == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    passing = path.with_suffix(f".{os.getpid()}")
    passing.write_text(text)
    passing.replace(path)


def _tool(name: str) -> str:
    path = ROOT / "node_modules" / name
    if not path.exists():
        raise ClientBuildError(f"{name} is not installed: run ./studio once, or `npm ci`")
    return str(path)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ClientBuildError((done.stdout + done.stderr).strip())
