"""`./studio logs`: what the app logged, readable; one request or job by its id."""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from emulators.stack import ROOT

FILES = ("functions.log", "vto.log")
_LINE = re.compile(r"^\[(?P<at>[^\]]+)\] (?P<level>[A-Z]+) (?P<logger>[\w.]+): (?P<text>.*)$", re.S)
_EXECUTED = re.compile(r"^Executed 'Functions\.[^']+' \(Succeeded")
_COLOURS = {"DEBUG": "dim", "INFO": "green", "WARNING": "yellow", "ERROR": "red", "CRITICAL": "bold red"}


@dataclass
class Line:
    """One entry of a log: `facts` are those of a JSON line of the app."""

    at: str
    level: str
    source: str
    text: str
    facts: dict[str, Any] = field(default_factory=dict[str, Any])

    def concerns(self, id: str) -> bool:
        """Whether it belongs to the request, job, user or trace whose id begins or ends so."""
        ids = [value for name, value in self.facts.items() if name.endswith("Id") and isinstance(value, str)]
        return any(value.startswith(id) or value.endswith(id) for value in ids) or (bool(id) and id in self.text)


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


class Reader:
    """Reads a log from where it was read last."""

    def __init__(self, file: Path, *, from_end: bool = False) -> None:
        self._file = file
        self._position = file.stat().st_size if from_end and file.exists() else 0

    def read(self) -> Iterator[Line]:
        """The entries written since the last call, those of several lines as one."""
        if not self._file.exists():
            return
        with self._file.open("rb") as opened:
            opened.seek(self._position)
            content = opened.read()
        complete, _, _ = content.rpartition(b"\n")
        self._position += len(complete) + (1 if complete else 0)
        entries: list[str] = []
        for text in complete.decode(errors="replace").splitlines():
            if entries and not text.startswith("["):
                entries[-1] += "\n" + text
            elif text:
                entries.append(text)
        yield from map(parse, entries)


def parse(entry: str) -> Line:
    """An entry of the log; what is no entry of ours is kept as it is."""
    found = _LINE.match(entry)
    if found is None:
        return Line("", "INFO", "", entry)
    line = Line(found["at"].replace(",", "."), found["level"], found["logger"], found["text"])
    if found["logger"] == "studio":
        try:
            line.facts = json.loads(found["text"])
        except ValueError:
            return line
        line.text = str(line.facts.get("event", ""))
    return line


def is_worth_showing(line: Line, *, errors: bool) -> bool:
    """Whether it says more than that a function ran, which the app's own line says better."""
    if errors:
        return line.level in ("WARNING", "ERROR", "CRITICAL") or int(line.facts.get("status") or 0) >= 500
    return not _EXECUTED.match(line.text)


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
