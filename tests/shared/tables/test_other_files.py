"""Files that are no table, and tables as other programs leave them: refused by their name, or read."""

from __future__ import annotations

import gzip
import io
import zipfile

import pytest

from shared.errors import Unprocessable
from shared.tables.files import Grid, read_grid
from shared.tables.format import TableFormat

COLUMNS = ("image", "units", "price")
PLAIN = "image,units,price\na1,3,5\na2,4,6\n"


def read(data: str | bytes) -> Grid:
    return read_grid(data.encode() if isinstance(data, str) else data, COLUMNS, TableFormat())


def zipped(*names: str, **bodies: str) -> bytes:
    with zipfile.ZipFile(out := io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in (*((name, "x" * 99) for name in names), *bodies.items()):
            archive.writestr(name, body, zipfile.ZIP_STORED if name == "mimetype" else None)
    return out.getvalue()


OTHERS = {
    "ods": (zipped(mimetype="application/vnd.oasis.opendocument.spreadsheet"), "`.ods`", "CSV"),
    "xlsb": (zipped("[Content_Types].xml", "xl/workbook.bin"), "`.xlsb`", "CSV"),
    "Numbers": (zipped("Index/Document.iwa"), "Numbers", "export"),
    "Word": (zipped("[Content_Types].xml", "word/document.xml"), "text document", "CSV"),
    "ZIP of CSV": (zipped("sales.csv"), "ZIP", "unpack"),
    "gzip": (gzip.compress(PLAIN.encode()), "gzip", "unpack"),
    "7-Zip": (b"7z\xbc\xaf\x27\x1c" + bytes(99), "7-Zip", "unpack"),
    "PDF": (b"%PDF-1.7\n", "PDF", "send"),
    "Parquet": (b"PAR1" + bytes(99), "Parquet", "CSV"),
    "SQLite": (b"SQLite format 3\0" + bytes(99), "database", "CSV"),
    "PNG": (b"\x89PNG\r\n\x1a\n" + bytes(99), "picture", "send"),
    "RTF": (b"{\\rtf1\\ansi image}", "RTF", "CSV"),
    "SYLK": (b"ID;PWXL;N;E\n", "SYLK", "CSV"),
    "HTML called xls": (b"\xef\xbb\xbf<html><table><tr><td>image</td></tr></table>", "web page", "CSV"),
    "HTML in UTF-16": ("<TABLE><tr><td>image</td>".encode("utf-16"), "web page", "CSV"),
    "Excel 2003": (b'<?xml version="1.0"?><Workbook xmlns="urn:x:office:spreadsheet">', "2003", "CSV"),
    "JSON": (b'[{"image": "a1"}]', "JSON", "CSV"),
    "JSON lines": (b'{"image": "a1"}\n{"image": "a2"}\n', "JSON", "CSV"),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_table_is_refused_by_its_name_with_a_remedy(name: str) -> None:
    data, named, remedy = OTHERS[name]
    with pytest.raises(Unprocessable) as refused:
        read(data)
    assert refused.value.code == "table_unsupported"
    assert named in refused.value.message and remedy in refused.value.message


@pytest.mark.parametrize("text", ["[image],units,price\n{a},1,2\n", "<b>,image,units,price\nx,a,1,2\n", PLAIN])
def test_a_table_that_begins_like_another_file_is_read(text: str) -> None:
    text = text.replace("[image]", "image")
    assert read(text).rows


@pytest.mark.parametrize(
    "text",
    [
        '"image,units,price"\n"a1,3,5"\n"a2,4,6"\n',
        '"image;units;price"\r\n"a1;3;5"\r\n"a2;4;6"\r\n',
        '"image,units,""price"""\n"a1,3,""5"""\n"a2,4,6"\n',
        '\ufeff"image\tunits\tprice"\n"a1\t3\t5"\n"a2\t4\t6"',
        PLAIN.replace("\n", "\u2028"),
        PLAIN.replace("\n", "\u0085"),
        PLAIN.replace("a1", '="a1"').replace("3", '="3"'),
        PLAIN.replace("a2,", "image,units,price\na2,"),
        PLAIN + "\nimage,units,price\n",
        "sep=^\n" + PLAIN.replace(",", "^"),
    ],
)
def test_tables_as_programs_leave_them(text: str) -> None:
    assert [cells for _, cells in read(text).rows] == [("a1", "3", "5"), ("a2", "4", "6")]


def test_a_repeated_header_is_said_with_its_lines() -> None:
    found = read("image,units,price\na1,3,5\nimage,units,price\na2,4,6\n")
    assert [line for line, _ in found.rows] == [2, 4]
    (how,) = [how for how in found.read_as if how.what == "header"]
    assert "line 3 repeats it" in how.because


def test_lines_in_quotes_keep_their_numbers_and_are_said() -> None:
    found = read('"image,units,price"\n\n"a1,3,5"\n')
    assert found.rows[0][0] == 3
    assert any("quotes" in how.because for how in found.read_as if how.what == "delimiter")


@pytest.mark.parametrize("mark", ["^", "~", ":", "\x01"])
def test_an_unknown_delimiter_is_asked_for(mark: str) -> None:
    with pytest.raises(Unprocessable) as refused:
        read(PLAIN.replace(",", mark))
    assert refused.value.code == "csv_columns" and "sep=^" in refused.value.message
