"""Workbooks of other programs and of attackers: what is read is what was checked, and nothing is left out silently."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable

import pytest
from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from shared.errors import StudioError
from shared.tables.files import Value, is_error, read_grid
from shared.tables.format import TableFormat

SHEET = "xl/worksheets/sheet1.xml"
type Cells = tuple[str | float, ...]
ROWS: tuple[Cells, ...] = (("sku", "title", "price"), ("A", "Shirt", 19.9))
type Change = Callable[[bytes], bytes]


def workbook(*rows: Cells, change: Callable[[Worksheet], None] | None = None) -> bytes:
    book = Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    for row in rows or ROWS:
        sheet.append(row)
    if change is not None:
        change(sheet)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def changed(name: str, change: Change, *, moved: str | None = None, data: bytes | None = None) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data or workbook())) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            content = old.read(part)
            if moved is not None and part.filename.endswith(".rels"):
                content = content.replace(b"/" + name.encode(), b"/" + moved.encode())
            hit = part.filename == name
            new.writestr(moved if hit and moved else part.filename, change(content) if hit else content)
    return out.getvalue()


def in_cell(old: bytes, new: bytes) -> Change:
    def change(xml: bytes) -> bytes:
        assert old in xml
        return xml.replace(old, new, 1)

    return change


def read(data: bytes) -> list[tuple[Value, ...]]:
    return [cells for _, cells in read_grid(data, ("sku",), TableFormat()).rows]


FAR = b'r="XFD1048576"'
HOSTILE = {
    "single quotes": changed(SHEET, in_cell(b'r="C2"', FAR.replace(b'"', b"'"))),
    "lower case": changed(SHEET, in_cell(b'r="C2"', FAR.lower())),
    "spaces": changed(SHEET, in_cell(b'r="C2"', b'r = "XFD1048576"')),
    "an entity": changed(SHEET, in_cell(b'r="C2"', b'r="XF&#68;1048576"')),
    "two addresses": changed(SHEET, in_cell(b'r="C2"', b'r="C2" ' + FAR)),
    "a later address": changed(SHEET, in_cell(b'r="C2"', b's="0" ' + FAR)),
    "a long tag": changed(SHEET, in_cell(b'r="C2"', b'a="' + b"x" * (3 << 20) + b'" ' + FAR)),
    "a tag over the end of a piece": changed(
        SHEET, in_cell(b'<c r="C2"', b" " * ((1 << 20) - 700) + b'<c a="' + b"x" * 900 + b'" ' + FAR)
    ),
    "a prefix": changed(SHEET, in_cell(b'<c r="C2"', b"<x:c " + FAR)),
    "a prefix beyond ASCII": changed(SHEET, in_cell(b'<c r="C2"', "<é:c ".encode() + FAR)),
    "an attribute that hides another": changed(SHEET, in_cell(b'r="C2"', b'a=" r=" ' + FAR)),
    "a row alone": changed(SHEET, in_cell(b'<row r="2"', b"<row r='1048576'")),
    "two cells far apart": changed(SHEET, in_cell(b'r="C2"', b'r="SQ109999"')),
    "a million cells without addresses": changed(
        SHEET, lambda xml: re.sub(rb' r="[A-Z]*\d+"', b"", xml).replace(b"</row>", b"<c/>" * 1_000_000 + b"</row>")
    ),
    "another place": changed(SHEET, in_cell(b'r="C2"', FAR), moved="xl/elsewhere.xml"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_sheet_never_makes_a_table_larger_than_was_checked(name: str) -> None:
    data = HOSTILE[name]
    assert len(data) < 100_000
    with pytest.raises(StudioError) as refused:
        read(data)
    assert refused.value.status in (413, 422)
    assert refused.value.code in ("xlsx_malformed", "xlsx_too_large", "too_many_rows", "too_many_columns")


def test_parts_that_are_not_read_do_not_count() -> None:
    data = workbook()
    with zipfile.ZipFile(out := io.BytesIO(data), "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/vbaProject.bin", b"\xd0\xcf\x11\xe0")
        archive.writestr("xl/media/image1.png", bytes(300 << 20))
        archive.writestr("content.xml", b"<office/>")
    assert read(out.getvalue()) == [("A", "Shirt", 19.9)]


OTHER_PROGRAMS: dict[str, tuple[str, Change]] = {
    "no addresses": (SHEET, lambda xml: re.sub(rb' r="[A-Z]*\d+"', b"", xml)),
    "a wrong size": (SHEET, lambda xml: re.sub(rb'<dimension ref="[^"]*"', b'<dimension ref="A1:XFD1048576"', xml)),
    "addresses later": (SHEET, lambda xml: re.sub(rb'<c r="(\w+)" t="(\w+)"', rb'<c t="\2" r="\1"', xml)),
    "a long text": (
        "xl/sharedStrings.xml", lambda xml: xml.replace(b"</sst>", b"<si><t>:c" + b"x" * 32_000 + b"</t></si></sst>")
    ),
}  # fmt: skip


@pytest.mark.parametrize("program", OTHER_PROGRAMS)
def test_workbooks_as_other_programs_write_them(program: str) -> None:
    assert read(changed(*OTHER_PROGRAMS[program])) == [("A", "Shirt", 19.9)]


def test_errors_and_formulas_without_a_result_are_cells_and_not_nothing() -> None:
    def spoil(sheet: Worksheet) -> None:
        for at, error in (("B2", "#N/A"), ("C3", "#DIV/0!"), ("A4", "#REF!")):
            sheet[at] = error
            sheet[at].data_type = "e"
        sheet["C4"] = "=10+9.9"

    rows = read(workbook(*ROWS, ("B", "Skirt", 5), ("C", "Hat", 6), change=spoil))
    assert rows == [("A", "#N/A", 19.9), ("B", "Skirt", "#DIV/0!"), ("#REF!", "Hat", "=10+9.9")]
    assert [is_error(cell) for cell in ("#N/A", "#BEZUG!", "#NV", "#SALE!", "N/A", 1.0)] == [
        True,
        True,
        True,
        *[False] * 3,
    ]
    formula = b'<c r="C2" t="str"><f>IF(A1="","",1)</f><v></v></c>'
    empty = changed(SHEET, lambda xml: re.sub(rb'<c r="C2".*?</c>', formula, xml))
    assert read(empty) == [("A", "Shirt", "")]


@pytest.mark.parametrize(("number", "text"), [(b"1e999", "inf"), (b"NaN", "nan"), (b"-1e999", "-inf")])
def test_numbers_without_a_value_are_text(number: bytes, text: str) -> None:
    assert read(changed(SHEET, in_cell(b"<v>19.9</v>", b"<v>" + number + b"</v>"))) == [("A", "Shirt", text)]


@pytest.mark.parametrize("state", ["hidden", "veryHidden"])
def test_of_sheets_with_the_columns_the_one_that_is_not_hidden_counts(state: str) -> None:
    def older(sheet: Worksheet) -> None:
        assert sheet.parent is not None
        copy = sheet.parent.create_sheet("Older")
        copy.sheet_state = state
        for row in (ROWS[0], ("A", "Shirt", 99)):
            copy.append(row)

    grid = read_grid(workbook(change=older), ("sku",), TableFormat())
    assert [cells for _, cells in grid.rows] == [("A", "Shirt", 19.9)]
    assert "not hidden" in next(how for how in grid.read_as if how.what == "sheet").because


def damaged(at: int, value: int) -> bytes:
    data = bytearray(workbook())
    data[data.find(b"PK\x01\x02") + at] = value
    return bytes(data)


BROKEN = {
    "encrypted": (damaged(8, 1), "password"),
    "compressed with AES": (damaged(10, 99), "compressed"),
    "compressed with bzip2": (damaged(10, 12), "compressed"),
    "another kind of archive": (changed("xl/workbook.xml", bytes, moved="xl/other.xml"), "xl/workbook.xml"),
    **{f"cut at {end}": (workbook()[:end], "zip file") for end in (10, 100, 2_000, -30, -1)},
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_workbook_is_refused_with_a_remedy(name: str) -> None:
    data, words = BROKEN[name]
    with pytest.raises(StudioError) as refused:
        read(data)
    assert (refused.value.status, refused.value.code) == (422, "xlsx_malformed")
    assert words in refused.value.message and "save it again" in refused.value.message
