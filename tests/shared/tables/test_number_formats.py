"""Formats of numbers in workbooks: what they show beside the number is read, or said, and never lost."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from shared.errors import TooLarge
from shared.tables.files import Grid, read_grid, shown
from shared.tables.format import TableFormat
from shared.tables.number_formats import Formatted, NumberFormat, format_of

ZEROS = "\0\0\0\0\0"


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("General", NumberFormat()),
        ("@", NumberFormat()),
        ("#,##0.00", NumberFormat()),
        ("0", NumberFormat()),
        ("0.00", NumberFormat()),
        ("[Red]0.00", NumberFormat()),
        ("0.00E+00", NumberFormat()),
        ("0%", NumberFormat(is_percent=True)),
        ("#,##0.0 %;[Red]-0.0 %", NumberFormat(is_percent=True)),
        ('0"%"', NumberFormat(pattern="\0%")),
        ('#,##0.00\\ "\u20ac"', NumberFormat(currency="EUR")),
        ("#,##0.00 \u20ac", NumberFormat(currency="EUR")),
        ("_-* #,##0.00\\ [$\u20ac-407]_-;-* #,##0.00", NumberFormat(currency="EUR")),
        ("[$\u00a3-809]#,##0.00", NumberFormat(currency="GBP")),
        ("[$USD] #,##0.00", NumberFormat(currency="USD")),
        ("[$$-409]#,##0.00", NumberFormat(currency="USD")),
        ("[$$-1009]#,##0.00", NumberFormat(currency="CAD")),
        ("[$kr-41D] #,##0", NumberFormat(currency="SEK")),
        ("[$kr] #,##0", NumberFormat(currency="kr")),
        ("$#,##0.00", NumberFormat(currency="$")),
        ('_("$"* #,##0.00_);_("$"* (#,##0.00)', NumberFormat(currency="$")),
        ('"EUR" 0.00', NumberFormat(currency="EUR")),
        ('0.00 "kg"', NumberFormat()),
        ("00000", NumberFormat(pattern=ZEROS)),
        ("000-00", NumberFormat(pattern="\0\0\0-\0\0")),
        ('"SKU-"0000', NumberFormat(pattern="SKU-\0\0\0\0")),
        ("\\A\\-0", NumberFormat(pattern="A-\0")),
        ("yyyy-mm-dd", NumberFormat()),
        ('"', NumberFormat()),
        ("", NumberFormat()),
    ],
)
def test_what_a_format_shows(code: str, found: NumberFormat) -> None:
    assert format_of(code) == found


@pytest.mark.parametrize(
    ("code", "value", "text"),
    [
        ("00000", 12, "00012"),
        ("00000", 1234567, "1234567"),
        ("000-00", 1234, "012-34"),
        ("000-00", 123456, "1234-56"),
        ('"SKU-"0000', 7, "SKU-0007"),
        ("00000", 1.5, "1.5"),
        ("00000", -3, "-3"),
        ("0.00", 3, "3"),
    ],
)
def test_a_number_is_shown_with_its_zeros_and_words(code: str, value: float, text: str) -> None:
    grid = read(("sku", "title"), (value, "Shirt"), formats={"A2": code})
    assert shown(grid.rows[0][1][0]) == text


def book(*rows: tuple[Any, ...], formats: dict[str, str], change: Callable[[Worksheet], None] | None = None) -> bytes:
    made = Workbook()
    sheet = made.active
    assert isinstance(sheet, Worksheet)
    for row in rows:
        sheet.append(row)
    for address, code in formats.items():
        sheet[address].number_format = code
    if change is not None:
        change(sheet)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def read(
    *rows: tuple[Any, ...], formats: dict[str, str] | None = None, change: Callable[[Worksheet], None] | None = None
) -> Grid:
    return read_grid(book(*rows, formats=formats or {}, change=change), ("sku",), TableFormat(), ("price",))


def test_a_number_with_a_format_is_still_the_number() -> None:
    grid = read(("sku", "price"), ("A", 0.19), ("B", 19.9), ("C", 5), formats={"B2": "0%", "B3": '0.00 "\u20ac"'})
    percent, euros, plain = (cells[1] for _, cells in grid.rows)
    assert (percent, euros, plain) == (0.19, 19.9, 5)
    assert isinstance(percent, Formatted) and percent.format.is_percent
    assert isinstance(euros, Formatted) and euros.format.currency == "EUR"
    assert not isinstance(plain, Formatted)


def test_formulas_keep_their_result_and_their_format() -> None:
    def calculated(sheet: Worksheet) -> None:
        sheet["B2"] = "=9.5*2"
        sheet["B2"].number_format = "[$USD] 0.00"

    data = book(("sku", "price"), ("A", 1), formats={}, change=calculated)
    grid = read_grid(data, ("sku",), TableFormat())
    assert grid.rows[0][1][1] == "=9.5*2", "no program has calculated it"


def test_words_and_dates_that_are_merged_count_for_all_rows_and_numbers_do_not() -> None:
    def merged(sheet: Worksheet) -> None:
        for area in ("B2:B4", "C2:C4", "D2:D4"):
            sheet.merge_cells(area)

    grid = read(
        ("sku", "category", "price", "day"), ("A", "dress", 9.5, date(2026, 1, 31)), ("B",), ("C",), change=merged
    )
    assert [cells for _, cells in grid.rows] == [
        ("A", "dress", 9.5, date(2026, 1, 31)),
        ("B", "dress", "", date(2026, 1, 31)),
        ("C", "dress", "", date(2026, 1, 31)),
    ]


@pytest.mark.parametrize(("areas", "code"), [(120_000, "xlsx_too_large"), (50_000, "xlsx_too_large"), (1_000, None)])
def test_a_flood_of_merged_cells_is_refused(areas: int, code: str | None) -> None:
    """Each area spans all rows, so that to fill them is work of areas times rows."""
    data, out = book(("sku", "title"), *((f"A{n}", "x") for n in range(2_000)), formats={}), io.BytesIO()
    flood = b'<mergeCells count="1">' + b'<mergeCell ref="B1:B2001"/>' * areas + b"</mergeCells></worksheet>"
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            content = old.read(part)
            flooded = content.replace(b"</worksheet>", flood) if part.filename.endswith("sheet1.xml") else content
            new.writestr(part.filename, flooded)
    if code is None:
        assert len(read_grid(out.getvalue(), ("sku",), TableFormat()).rows) == 2_000
        return
    with pytest.raises(TooLarge) as refused:
        read_grid(out.getvalue(), ("sku",), TableFormat())
    assert refused.value.code == code and "merge" in refused.value.message


def test_hidden_rows_are_read_and_said() -> None:
    def hide(sheet: Worksheet) -> None:
        sheet.row_dimensions[3].hidden = True
        sheet.row_dimensions[4].hidden = True

    grid = read(("sku",), ("A",), ("B",), ("C",), change=hide)
    assert [cells[0] for _, cells in grid.rows] == ["A", "B", "C"]
    (how,) = [one for one in grid.read_as if one.what == "hidden_rows"]
    assert (how.value, how.line) == ("2 read", 3)


def test_hidden_rows_of_another_sheet_are_not_said() -> None:
    def other(sheet: Worksheet) -> None:
        assert sheet.parent is not None
        notes = sheet.parent.create_sheet("notes", 0)
        notes.append(("x",))
        notes.row_dimensions[1].hidden = True

    grid = read(("sku",), ("A",), change=other)
    assert not [one for one in grid.read_as if one.what == "hidden_rows"]


def test_text_that_looks_like_a_mark_stays_text() -> None:
    grid = read(("sku", "title"), ("\ue0001\ue0005", "\ue000x\ue000y"), ("C", 12), formats={"B3": "00000"})
    assert grid.rows[1][1][1] == 12 and grid.rows[0][1] == ("\ue0001\ue0005", "\ue000x\ue000y")
