"""`.xlsx` workbooks: the values that Excel shows, without running anything.

Formulas give the values that were stored with them; numbers with the format of a date are dates, in the workbook's own
system (1900 or 1904). A workbook is a ZIP file of XML: its parts are measured before anything is unpacked, and a sheet
whose cells are far apart is refused before a table of that size is made.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from shared.errors import TooLarge, Unprocessable
from shared.tables.files import (
    MAX_COLUMNS,
    MAX_ROWS,
    MAX_TITLE_ROWS,
    Grid,
    Row,
    Value,
    assemble,
    column_name,
)
from shared.tables.format import ReadAs, TableFormat

MAX_UNPACKED: Final = 256 * 1024 * 1024
MAX_PARTS: Final = 2_000
MAX_SHEET_ROWS: Final = MAX_ROWS + 10_000
PIECE: Final = 1 << 20
_REFERENCE = re.compile(rb'<(?:\w+:)?c\s[^>]*?\br="([A-Z]{1,3})(\d{1,7})"')
_ROW = re.compile(rb'<(?:\w+:)?row\s[^>]*?\br="(\d{1,7})"')
_OLD: Final = b"\xd0\xcf\x11\xe0"


def is_workbook(data: bytes) -> bool:
    """Whether a file is a workbook by its first bytes. Raises Unprocessable for the format before `.xlsx`."""
    if data.startswith(_OLD):
        raise Unprocessable(
            "the file is an `.xls` workbook, or protected by a password: save it as `.xlsx` or CSV",
            code="xlsx_malformed",
        )
    return data.startswith(b"PK\x03\x04")


def read(data: bytes, required: Sequence[str], said: TableFormat) -> Grid:
    """Read the sheet that has the columns.

    Raises:
        TooLarge, Unprocessable: as `files.read_grid`.
    """
    _measure(data)
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(data))
        names: list[str] = [sheet.name for sheet in workbook.sheets_metadata if "Work" in str(sheet.typ)]
        sheets = {name: workbook.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in names}
    except (CalamineError, OSError, ValueError) as error:
        raise Unprocessable(f"the workbook can't be read: {error}", code="xlsx_malformed") from None
    name, because = _sheet(sheets, required, said.sheet)
    header, rows, line = assemble(_rows(sheets[name]), required)
    how = (
        ReadAs("encoding", "xlsx", "its bytes are"),
        ReadAs("sheet", name, because),
        ReadAs("header", f"line {line}", "it names the columns", line),
    )
    return Grid(header, rows, how)


def _measure(data: bytes) -> None:
    """Raises TooLarge for what would be far larger unpacked, Unprocessable for what is no workbook."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
            if len(parts) > MAX_PARTS:
                raise TooLarge(f"the workbook has more than {MAX_PARTS} parts", code="xlsx_too_large")
            left = MAX_UNPACKED
            for part in parts:
                sheet = part.filename.lower().replace("\\", "/").startswith("xl/worksheets/")
                left -= _unpacked(archive, part, left, sheet=sheet)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, ValueError, EOFError) as error:
        raise Unprocessable(f"the workbook can't be read: {error}", code="xlsx_malformed") from None


def _unpacked(archive: zipfile.ZipFile, part: zipfile.ZipInfo, left: int, *, sheet: bool) -> int:
    """Bytes of a part, as they are and not as the archive says."""
    size, tail = 0, b""
    with archive.open(part) as file:
        while piece := file.read(PIECE):
            size += len(piece)
            if size > left:
                raise TooLarge(
                    f"the workbook has more than {MAX_UNPACKED // 2**20} MiB unpacked: split it, or save it as CSV",
                    code="xlsx_too_large",
                )
            if sheet:
                _check_places(tail + piece)
                tail = piece[-256:]
    return size


def _check_places(xml: bytes) -> None:
    rows = max((int(found[1]) for found in _ROW.finditer(xml)), default=0)
    cells = list(_REFERENCE.finditer(xml))
    rows = max(rows, max((int(found[2]) for found in cells), default=0))
    columns = max((_column(found[1]) for found in cells), default=0)
    if rows > MAX_SHEET_ROWS:
        raise TooLarge(
            f"a table may have up to {MAX_ROWS} rows: split it, or delete what is far below it", code="too_many_rows"
        )
    if columns > MAX_COLUMNS:
        raise TooLarge(
            f"a table may have up to {MAX_COLUMNS} columns: delete what is far beside it", code="too_many_columns"
        )


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _sheet(sheets: dict[str, list[list[Any]]], required: Sequence[str], said: str | None) -> tuple[str, str]:
    if said is not None:
        if said not in sheets:
            raise Unprocessable(
                f"the workbook has no sheet {said!r}; it has {', '.join(map(repr, sheets))}", code="csv_columns",
                field="sheet", details={"sheets": list(sheets)},
            )  # fmt: skip
        return said, "you said so"
    having = [name for name, rows in sheets.items() if _has(rows, required)]
    if len(having) > 1:
        raise Unprocessable(
            f"the columns are in several sheets ({', '.join(map(repr, having))}): send `sheet=NAME`",
            code="table_ambiguous", details={"setting": "sheet", "choices": having},
        )  # fmt: skip
    if having:
        return having[0], "it has the columns"
    filled = [name for name, rows in sheets.items() if any(cell not in ("", None) for row in rows for cell in row)]
    if not filled:
        raise Unprocessable("the workbook is empty", code="csv_empty")
    return filled[0], "it is the first with cells"


def _has(rows: list[list[Any]], required: Sequence[str]) -> bool:
    return any({column_name(str(cell)) for cell in row}.issuperset(required) for row in rows[:MAX_TITLE_ROWS])


def _rows(rows: list[list[Any]]) -> Iterator[Row]:
    for line, cells in enumerate(rows, start=1):
        yield line, tuple(_value(cell) for cell in cells)


def _value(cell: Any) -> Value:
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, int | float):
        return float(cell)
    if isinstance(cell, date):
        return cell
    if isinstance(cell, time | timedelta):
        return str(cell)
    return "" if cell is None else str(cell).strip()
