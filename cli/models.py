"""`./studio models list | export | pull`: what is registered, other people's models as ours, weights from the hub."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from typing import TYPE_CHECKING, Any

from cli import models_export, models_pull
from emulators.functions_host.settings import local_values
from emulators.stack import ROOT

if TYPE_CHECKING:
    from shared.onnx import Manifest

COLUMNS = ("model", "role", "MB", "precision", "quality", "licence", "health")


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("models", help="list the models, bring your own CLIP, download large weights")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="the models of MODELS_DIR, each checked by its SHA-256")
    listing.add_argument("--json", action="store_true", help="print {ok, folder, models}")
    listing.set_defaults(handler=handle)
    models_export.add_parser(actions)
    models_pull.add_parser(actions)


def handle(options: argparse.Namespace) -> int:
    """List what is registered; 0 only when every file is there as its manifest says."""
    from shared import onnx
    from shared.errors import ConfigurationError

    local_values(ROOT)
    try:
        found = [_row(entry) for entry in onnx.manifests().values()]
    except ConfigurationError as error:
        print(f"studio: {error.message}", file=sys.stderr)
        return 1
    ok = all(row["health"] == "ok" for row in found)
    if options.json:
        print(json.dumps({"ok": ok, "folder": str(onnx.models_dir()), "models": found}))
    else:
        _print([COLUMNS, *((row["version"], row["role"], f"{row['bytes'] / 1e6:.1f}", row["precision"],
                            row["quality"] or "", row["licence"][:40], row["health"]) for row in found)])  # fmt: skip
    return 0 if ok else 1


def _row(entry: Manifest) -> dict[str, Any]:
    extra = entry.model_extra or {}
    return {
        "id": entry.id,
        "version": entry.version,
        "role": entry.role,
        "bytes": entry.bytes,
        "precision": entry.precision,
        "licence": entry.licence,
        "quality": extra.get("quality"),
        "health": _health(entry),
    }


def _health(entry: Manifest) -> str:
    """`ok`, or what is wrong with the file."""
    from shared import onnx

    path = onnx.models_dir() / entry.file
    if not path.is_file():
        return f"{entry.file} is missing"
    with path.open("rb") as file:
        same = hashlib.file_digest(file, "sha256").hexdigest() == entry.sha256
    return "ok" if same else f"{entry.file} is not the file of the manifest"


def _print(rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[at]) for row in rows) for at in range(len(COLUMNS))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
