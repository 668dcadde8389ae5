"""The log of the app and of the try-on container, entry by entry, and the entries of one request or job."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

FILES = ("functions.log", "vto.log")
"""In the data directory of a stack."""
_LINE = re.compile(r"^\[(?P<at>[^\]]+)\] (?P<level>[A-Z]+) (?P<logger>[\w.]+): (?P<text>.*)$", re.S)
_EXECUTED = re.compile(r"^Executed 'Functions\.[^']+' \(Succeeded")


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
            is_new = text.startswith(("[", "{")) or not entries or entries[-1].startswith("{")
            if not is_new:
                entries[-1] += "\n" + text
            elif text:
                entries.append(text)
        yield from map(parse, entries)


def parse(entry: str) -> Line:
    """An entry of the log: of the host, or a JSON line of the app; what is neither is kept as it is."""
    found = _LINE.match(entry)
    if found is None:
        return _of_facts(entry) or Line("", "INFO", "", entry)
    if found["logger"] == "studio" and (line := _of_facts(found["text"])) is not None:
        line.at, line.level, line.source = _time(found["at"]), found["level"], "studio"
        return line
    return Line(_time(found["at"]), found["level"], found["logger"], found["text"])


def _of_facts(text: str) -> Line | None:
    try:
        facts = json.loads(text)
    except ValueError:
        return None
    if not isinstance(facts, dict):
        return None
    known = cast("dict[str, Any]", facts)
    level = str(known.get("level", "info")).upper()
    return Line(_time(str(known.get("at", ""))), level, "studio", str(known.get("event", "")), known)


def _time(text: str) -> str:
    """Both forms of a time as `2026-11-29 01:02:03.456`, so that lines of both logs sort."""
    return text.replace(",", ".").replace("T", " ").removesuffix("Z")


def is_worth_showing(line: Line, *, errors: bool) -> bool:
    """Whether it says more than that a function ran, which the app's own line says better."""
    if errors:
        # Of a request it is HTTP's number; of a job, a word.
        status = line.facts.get("status")
        return line.level in ("WARNING", "ERROR", "CRITICAL") or (isinstance(status, int) and status >= 500)
    return not _EXECUTED.match(line.text)
