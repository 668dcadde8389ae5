"""Files that hold no table as text or as `.xlsx`, by their first bytes, and what their sender can do."""

from __future__ import annotations

import re
from typing import Final

from shared.errors import Unprocessable

HEAD: Final = 2048
"""Bytes that are looked at."""
_SAVE: Final = "save it as `.xlsx` or CSV"
_UNPACK: Final = "unpack it and send the table in it"
_BY_START: Final = (
    (b"%PDF", "a PDF", "send the table that it was made of"),
    (b"\x1f\x8b", "packed (gzip)", _UNPACK),
    (b"Rar!", "packed (RAR)", _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "packed (7-Zip)", _UNPACK),
    (b"BZh", "packed (bzip2)", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "packed (Zstandard)", _UNPACK),
    (b"PAR1", "a Parquet file", "export it as CSV"),
    (b"SQLite format 3", "a database", "export the table as CSV"),
    (b"\x89PNG", "a picture", "send the table that it shows"),
    (b"\xff\xd8\xff", "a picture", "send the table that it shows"),
    (b"{\\rtf", "a text document (RTF)", _SAVE),
    (b"ID;P", "a table in the format SYLK", _SAVE),
)
_IN_ZIP: Final = (
    (b"opendocument.spreadsheet", "an `.ods` workbook", _SAVE),
    (b"xl/workbook.bin", "an `.xlsb` workbook", _SAVE),
    (b".iwa", "a workbook of Numbers", "export it as Excel or CSV"),
    (b"word/document.xml", "a text document", "copy its table into a workbook and save that as `.xlsx` or CSV"),
    (b"opendocument.text", "a text document", "copy its table into a workbook and save that as `.xlsx` or CSV"),
    (b"ppt/presentation.xml", "a presentation", "copy its table into a workbook and save that as `.xlsx` or CSV"),
)
_END_OF_ZIP: Final = b"PK\x05\x06"
_WORKBOOK: Final = b"xl/workbook.xml"
_XML: Final = re.compile(rb"\s*<\?xml|\s*<Workbook", re.IGNORECASE)
_HTML: Final = re.compile(rb"\s*<(?:!doctype html|html|table|head|meta|style)\b", re.IGNORECASE)
_JSON: Final = re.compile(rb"\s*(?:\{\s*\"|\[\s*[{\[\"])")


def refuse(data: bytes) -> None:
    """Refuse what is known to be no text and no `.xlsx`. Raises Unprocessable: `table_unsupported`."""
    head = data[:HEAD].removeprefix(b"\xef\xbb\xbf")
    for start, what, remedy in _BY_START:
        if head.startswith(start):
            raise _refusal(what, remedy)
    if head.startswith(b"PK\x03\x04") and _WORKBOOK not in data.lower():
        for part, what, remedy in _IN_ZIP:
            if part in data:
                raise _refusal(what, remedy)
        if _END_OF_ZIP in data[-66_000:] and b"[Content_Types].xml" not in data:
            raise _refusal("a ZIP file and no workbook", _UNPACK)
    plain = head.replace(b"\0", b"").removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff")
    if _HTML.match(plain):
        raise _refusal("a web page, whatever it is called", f"open it in Excel or LibreOffice and {_SAVE}")
    if _XML.match(plain):
        what = "a workbook of Excel 2003 as XML" if b"office:spreadsheet" in plain else "XML"
        raise _refusal(what, f"open it in Excel and {_SAVE}")
    if _JSON.match(plain):
        raise _refusal("JSON", "write its values as a table, CSV or `.xlsx`")


def _refusal(what: str, remedy: str) -> Unprocessable:
    return Unprocessable(f"the file is {what}: {remedy}", code="table_unsupported")
