"""How a table is to be read, as its sender says or as the file shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic import Field

from shared.documents.model import Record
from shared.errors import Unprocessable

type DecimalMark = Literal["auto", "point", "comma"]
type DateOrder = Literal["auto", "dmy", "mdy", "ymd"]


class TableFormat(Record, frozen=True):
    """What the sender of a table says of it; `auto` is decided by the whole file."""

    decimal: DecimalMark = Field(default="auto", description="mark before the decimals of numbers written as text")
    dates: DateOrder = Field(default="auto", description="order of day, month and year in dates written as numbers")
    sheet: str | None = Field(default=None, description="name of the sheet of a workbook")
    charset: str | None = Field(default=None, description="encoding of a text file")


AS_THE_FILE_SHOWS: Final = TableFormat()


@dataclass(frozen=True)
class ReadAs:
    """One thing about a file, how it was read, and why.

    Args:
        what: `encoding`, `delimiter`, `sheet`, `hidden_rows`, `header`, `column`, `decimal` or `dates`.
        line: that shows it, if one does.
    """

    what: str
    value: str
    because: str
    line: int | None = None


@dataclass(frozen=True)
class Cell:
    """A cell of a column: the line its row begins on, and its text."""

    line: int
    column: str
    text: str

    def __str__(self) -> str:
        return f"`{self.text[:40]}` in line {self.line}, column {self.column}"


class AmbiguousTable(Unprocessable):
    """The file can be read in two ways, with different values, and nothing in it says which is meant."""

    code = "table_ambiguous"

    def __init__(
        self, cell: Cell, readings: tuple[str, str], setting: str, choices: tuple[str, ...], remedy: str | None = None
    ) -> None:
        named = remedy or f"send {' or '.join(f'`{setting}={choice}`' for choice in choices)}"
        details: dict[str, Any] = {
            "line": cell.line, "column": cell.column, "read": cell.text[:40], "readings": list(readings),
            "setting": setting, "choices": list(choices),
        }  # fmt: skip
        super().__init__(
            f"{cell} may be {readings[0]} or {readings[1]}, and no other cell decides: {named}", details=details
        )


class ContradictoryTable(Unprocessable):
    """Two cells of the file can't both be read in one way."""

    code = "table_contradictory"

    def __init__(self, one: Cell, other: Cell, why: tuple[str, str], remedy: str) -> None:
        super().__init__(
            f"{one} is written {why[0]}, {other} {why[1]}: {remedy}",
            details={
                "line": one.line, "column": one.column, "read": one.text[:40],
                "otherLine": other.line, "otherColumn": other.column, "otherRead": other.text[:40],
            },
        )  # fmt: skip
