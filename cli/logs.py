"""`./studio logs`: what the app logged, readable; one request or job by its id."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from emulators.app_log import FILES, Line, Reader, is_worth_showing
from emulators.stack import ROOT

_COLOURS = {"DEBUG": "dim", "INFO": "green", "WARNING": "yellow", "ERROR": "red", "CRITICAL": "bold red"}


def add_parser(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("logs", help="show what the app logged; one request or job by its id")
    parser.add_argument("id", nargs="?", default="", help="id of a request, job, user or trace (its begin or end)")
    parser.add_argument("-f", "--follow", action="store_true", help="go on as lines come")
    parser.add_argument("--errors", action="store_true", help="warnings and errors only")
    parser.add_argument("--data", type=Path, default=ROOT / ".studio", help="data directory of ./studio run")
    parser.set_defaults(handler=handle)


def handle(options: argparse.Namespace) -> int:
    """Print the lines of all logs that match."""
    files = [options.data / name for name in FILES if (options.data / name).exists()]
    if not files:
        print(f"studio: there is no log in {options.data}: start ./studio run first, or name its --data")
        return 1
    console = Console(highlight=False, soft_wrap=True)
    readers = [Reader(file) for file in files]
    while True:
        found = [line for reader in readers for line in reader.read()]
        for line in sorted(found, key=lambda line: line.at):
            if line.concerns(options.id) if options.id else is_worth_showing(line, errors=options.errors):
                console.print(formatted(line))
        if not options.follow:
            return 0
        time.sleep(0.2)


def formatted(line: Line) -> Text:
    """Time, level, event, facts; then the ids, by which `./studio logs ID` finds all lines of one request."""
    text = Text()
    text.append(f"{line.at[11:23]} ", "dim")
    text.append(f"{line.level.lower():<8}", _COLOURS.get(line.level, ""))
    if not line.facts:
        text.append(f"{line.source}: " if line.source else "", "dim")
        return text.append(line.text)
    hidden = {"at", "level", "event", "traceId", "userId", "traceback"}
    ids = {name: str(value) for name, value in line.facts.items() if name.endswith("Id") and name not in hidden}
    text.append(f"{line.text:<16}")
    for name, value in line.facts.items():
        if name not in hidden and name not in ids:
            failed = name == "status" and str(value).startswith("5")
            text.append(f" {name}=", "dim").append(str(value), "red" if failed else "")
    for name, value in ids.items():
        text.append(f" {name.removesuffix('Id')}=", "dim").append(value.partition(":")[2] or value, "cyan")
    if "traceback" in line.facts:
        text.append("\n" + str(line.facts["traceback"]), "red")
    return text
