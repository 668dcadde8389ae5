"""What a workbook says of its sheets: which part each is in, and from which day its dates count."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final
from xml.parsers import expat

from shared.tables.dates import EPOCH

EPOCH_1904: Final = date(1904, 1, 1)
MAX_SHEETS: Final = 2_000

type Start = Callable[[str, Mapping[str, str]], None]


@dataclass(frozen=True)
class Book:
    """A workbook's index.

    Args:
        sheets: by the name of their part in the archive, in lower case.
        first_day: 0 of serial dates.
    """

    sheets: Mapping[str, str]
    first_day: date

    @classmethod
    def read(cls, book: bytes, relations: bytes) -> Book:
        """Of `xl/workbook.xml` and what it is related to; as far as both are understood."""
        names: dict[str, str] = {}
        first_days: list[date] = []
        targets: dict[str, str] = {}

        def start(name: str, attributes: Mapping[str, str]) -> None:
            local = name.rpartition(":")[2]
            if local == "workbookPr" and attributes.get("date1904", "0") in ("1", "true"):
                first_days.append(EPOCH_1904)
            elif local == "sheet" and len(names) < MAX_SHEETS:
                related = next((value for key, value in attributes.items() if key.endswith(":id")), "")
                names[related] = attributes.get("name", "")
            elif local == "Relationship" and len(targets) < MAX_SHEETS:
                targets[attributes.get("Id", "")] = attributes.get("Target", "")

        for xml in (book, relations):
            _parse(xml, start)
        parts = {_part(target): names[id] for id, target in targets.items() if id in names}
        return cls(parts, first_days[0] if first_days else EPOCH)


def _part(target: str) -> str:
    """The name of a part that a relation of the workbook names."""
    path = target.replace("\\", "/").lower()
    return path.lstrip("/") if path.startswith(("/", "xl/")) else f"xl/{path}"


def _parse(xml: bytes, start: Start) -> None:
    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = _refuse
    try:
        parser.Parse(xml, True)
    except (expat.ExpatError, ValueError):
        # The library that reads cells refuses it, or knows better.
        return


def _refuse(*_: object) -> None:
    raise ValueError("a document type")
