"""`./studio demo`: plays the main job and shows what came of it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from emulators.stack import DOCUMENTS, ROOT


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("demo", help="play the whole flow with real photos")
    parser.add_argument("--person", type=Path, help="a photo of a person instead of the supplied ones")
    parser.add_argument("--garment", type=Path, help="a photo of a garment instead of the drawn ones")
    parser.add_argument("--out", type=Path, default=ROOT / "demo" / "out", help="where pictures and page go")
    parser.add_argument("--documents", choices=DOCUMENTS, help="SQLite (default), or the Cosmos DB emulator")
    parser.add_argument("--flex", action="store_true", help="a process for each scaling group of Flex Consumption")
    parser.add_argument("--json", action="store_true", help="print {ok, steps, artifacts} and nothing else")
    parser.set_defaults(handler=handle)


def handle(options: argparse.Namespace) -> int:
    """Play; 0 only when every step went well."""
    from demo.play import play

    return play(
        person=options.person,
        garment=options.garment,
        out=options.out,
        as_json=options.json,
        documents=options.documents,
        flex=options.flex,
    )
