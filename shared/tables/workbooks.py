"""`.xlsx` workbooks: the values that Excel shows, without running anything.

Formulas give the values that were stored with them; numbers with the format of a date are dates, in the workbook's own
system (1900 or 1904), and others know what their format says (`number_formats`). A workbook is a ZIP file of XML:
`workbook_parts` measures and checks its parts first.
"""

from __future__ import annotations

import io
import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from functools import partial
from typing import Any, Final

from shared.errors import TooLarge, Unprocessable
from shared.tables import workbook_parts
from shared.tables.files import MAX_TITLE_ROWS, Grid, OpenTable, Row, Value, assemble, header_place
from shared.tables.format import ReadAs, TableFormat
from shared.tables.number_formats import Formatted
from shared.tables.workbook_parts import Checked

_OLD: Final = b"\xd0\xcf\x11\xe0"


def is_workbook(data: bytes) -> bool:
    """Whether a file is a workbook by its first bytes. Raises Unprocessable for the format before `.xlsx`."""
    if data.startswith(_OLD):
        raise Unprocessable(
            "the file is an `.xls` workbook, or protected by a password: save it as `.xlsx` or CSV",
            code="xlsx_malformed",
        )
    return data.startswith(b"PK\x03\x04")


def open_workbook(data: bytes, said: TableFormat) -> OpenTable:
    """Read all sheets; the result takes the one that has the columns. Raises as `files.read_grid`."""
    checked = workbook_parts.checked(data)
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(checked.archive))
        found = [sheet for sheet in workbook.sheets_metadata if "Work" in str(sheet.typ)]
        if len(workbook.sheets_metadata) > max(1, len(checked.book.sheets)):
            # The library reads a part for each sheet that names it, however often that is.
            raise Unprocessable(
                "the workbook can't be read: two of its sheets are one part: save it again as `.xlsx` or CSV",
                code="xlsx_malformed",
            )
        read = {one.name: workbook.get_sheet_by_name(one.name) for one in found}
        sheets = {name: sheet.to_python(skip_empty_area=False) for name, sheet in read.items()}
    except (CalamineError, OSError, ValueError) as error:
        raise Unprocessable(
            f"the workbook can't be read: {error}: save it again as `.xlsx` or CSV", code="xlsx_malformed"
        ) from None
    hidden = {one.name for one in found if not str(one.visible).endswith(".Visible")}
    for name, sheet in read.items():
        _unmerge(sheets[name], sheet.merged_cell_ranges or (), checked.mark)
    return partial(_grid, checked, sheets, hidden, said.sheet)


def _grid(
    checked: Checked,
    sheets: dict[str, list[list[Any]]],
    hidden: Collection[str],
    said: str | None,
    required: Sequence[str],
    optional: Sequence[str] = (),
) -> Grid:
    name, because = _sheet(sheets, hidden, required, optional, said)
    how = [ReadAs("encoding", "xlsx", "its bytes are"), ReadAs("sheet", name, because)]
    for part, one in checked.hidden.items():
        if checked.book.sheets.get(part) == name:
            because = f"line {one.first} is not shown in the workbook, and is read as all others are"
            how.append(ReadAs("hidden_rows", f"{one.rows} read", because, one.first))
    grid = assemble(_rows(sheets[name], checked), required, optional, how)
    return replace(grid, first_day=checked.book.first_day)


def _unmerge(rows: list[list[Any]], ranges: Sequence[tuple[tuple[int, int], tuple[int, int]]], mark: str) -> None:
    """Write words and dates of merged cells into all that they are shown over. Numbers stay where they are: a sum over
    three rows is none of theirs."""
    visits = workbook_parts.MAX_PLACES
    for (top, left), (bottom, right) in ranges:
        if top >= len(rows) or left >= len(rows[top]):
            continue
        value = rows[top][left]
        is_number = not isinstance(value, str | date) or (isinstance(value, str) and value.startswith(mark))
        if left != right or is_number or value == "":
            continue
        visits -= min(bottom, len(rows)) - top
        if visits < 0:
            raise TooLarge("the workbook has too many merged cells: unmerge them", code="xlsx_too_large")
        for row in rows[top + 1 : bottom + 1]:
            if left < len(row) and row[left] in ("", None):
                row[left] = value


def _sheet(
    sheets: dict[str, list[list[Any]]],
    hidden: Collection[str],
    required: Sequence[str],
    optional: Sequence[str],
    said: str | None,
) -> tuple[str, str]:
    if said is not None:
        # Two sheets of a workbook never differ in case alone.
        said = next((name for name in sheets if name.casefold() == said.casefold()), said)
        if said not in sheets:
            raise Unprocessable(
                f"the workbook has no sheet {said!r}; it has {', '.join(map(repr, sheets))}", code="csv_columns",
                field="sheet", details={"sheets": list(sheets)},
            )  # fmt: skip
        return said, "you said so"
    having = [name for name, rows in sheets.items() if _has(rows, required, optional)]
    shown = [name for name in having if name not in hidden]
    if len(having) > 1 and len(shown) == 1:
        return shown[0], "of the sheets with the columns it alone is not hidden"
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


def _has(rows: list[list[Any]], required: Sequence[str], optional: Sequence[str]) -> bool:
    filled = [row for row in rows[: 4 * MAX_TITLE_ROWS] if any(cell not in ("", None) for cell in row)]
    return header_place(filled, required, optional) is not None


def _rows(rows: list[list[Any]], checked: Checked) -> Iterator[Row]:
    for line, cells in enumerate(rows, start=1):
        yield line, tuple(_value(cell, checked) for cell in cells)


def _value(cell: Any, checked: Checked) -> Value:
    if isinstance(cell, str):
        return _formatted(cell, checked) if cell.startswith(checked.mark) else cell.strip()
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, int | float):
        return float(cell) if math.isfinite(cell) else str(cell)
    if isinstance(cell, date):
        return cell
    return "" if cell is None else str(cell)


def _formatted(cell: str, checked: Checked) -> Value:
    """A number that `workbook_parts` has marked."""
    style, _, number = cell.removeprefix(checked.mark).partition(checked.mark)
    try:
        value = float(number)
    except ValueError:
        return number.strip()
    return Formatted.of(value, checked.styles.formats[int(style)]) if math.isfinite(value) else number.strip()
