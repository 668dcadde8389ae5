"""Files of tables: text with any delimiter and encoding, and `.xlsx` workbooks, as rows of cells.

Excel's habits are known: byte order marks, a `sep=` line, Windows-1252, UTF-16, titles above the header, empty rows and
columns around the table. What can be read in two ways is decided by the whole file.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from shared import text as texts
from shared.errors import TooLarge, Unprocessable
from shared.tables.format import ReadAs, TableFormat

MAX_ROWS: Final = 100_000
MAX_COLUMNS: Final = 512
DELIMITERS: Final = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}
MAX_TITLE_ROWS: Final = 20
"""Rows above the header."""
SAMPLE: Final = 200_000
"""Characters by which delimiters are compared."""
_SEP = re.compile(r'^"?sep=(.)"?[ ;,\t]*$', re.IGNORECASE)
_BEYOND_1252 = re.compile(
    "[^\\W\\d_\x00-\x7f]{3}|[^\\W\\d_][\u00b9\u00b3\u00bf\u00a3\u00b6\u00bc\u00be\u00a5\u00af]|[\x81\x8d\x8f\x90\x9d]"
)
"""What Western text does not have and text of other encodings becomes when it is read as Windows-1252."""
_ALIASES: Final = {"imageid": "image", "image_id": "image", "blob": "image", "blobname": "image", "blob_name": "image"}

type Value = str | float | date
type Row = tuple[int, tuple[Value, ...]]


@dataclass(frozen=True)
class Grid:
    """A file as rows of cells.

    Args:
        columns: of the header, in the file's order.
        rows: the line each row begins on, and its cells; numbers and dates where a workbook has them as such.
        read_as: how the file was read.
    """

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    read_as: tuple[ReadAs, ...]


def read_grid(data: bytes, required: Sequence[str], said: TableFormat) -> Grid:
    """Read a file.

    Args:
        required: columns that the header must name.

    Raises:
        TooLarge: more than 100,000 rows, or a workbook that is far larger than its file.
        Unprocessable: `csv_encoding`, `csv_columns`, `csv_empty`, `csv_malformed`, `xlsx_malformed`, `table_ambiguous`.
    """
    from shared.tables import workbooks

    if workbooks.is_workbook(data):
        return workbooks.read(data, required, said)
    text, encoding = _decode(data, said.charset)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text, forced = _separator(text)
    delimiter, because = (forced, "the line `sep=` says so") if forced else _delimiter(text, required)
    try:
        header, rows, line = assemble(_rows(text, delimiter), required)
    except csv.Error as error:
        raise Unprocessable(f"line {_line_of(text, delimiter)}: {error}", code="csv_malformed") from None
    how = (encoding, ReadAs("delimiter", DELIMITERS.get(delimiter, delimiter), because), _header(line))
    return Grid(header, rows, how)


def _header(line: int) -> ReadAs:
    return ReadAs("header", f"line {line}", "it names the columns", line)


def _decode(data: bytes, charset: str | None) -> tuple[str, ReadAs]:
    try:
        text = texts.decode(data, declared=charset)
        because = "the content type says so" if charset else "its bytes are"
        how = ReadAs("encoding", charset or "Unicode", because)
    except ValueError as error:
        text = texts.decode(data, fallback="cp1252") if _is_single_byte(data, charset) else ""
        line = data.count(b"\n", 0, _first_beyond_ascii(data)) + 1
        if not text or _BEYOND_1252.search(text):
            byte = _first_beyond_ascii(data)
            raise Unprocessable(
                f"{error} (line {line} has the byte 0x{data[byte]:02x}), or name its encoding in the content type, for "
                "example `text/csv; charset=windows-1251`",
                code="csv_encoding", details={"line": line, "byte": byte},
            ) from None  # fmt: skip
        how = ReadAs("encoding", "windows-1252", f"line {line} is not UTF-8 and has letters of Western languages", line)
    text = text.removeprefix("\ufeff")
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise Unprocessable(
            f"the file has a zero byte in line {line}: save it as `CSV UTF-8`", code="csv_encoding",
            details={"line": line},
        )  # fmt: skip
    return text, how


def _is_single_byte(data: bytes, charset: str | None) -> bool:
    return charset is None and not data.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf"))


def _first_beyond_ascii(data: bytes) -> int:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return error.start
    return next((at for at, byte in enumerate(data) if byte > 127), 0)


def _separator(text: str) -> tuple[str, str | None]:
    """The text with its `sep=` line emptied, and what that line says."""
    first, rest = text.partition("\n")[::2]
    found = _SEP.match(first.strip(" "))
    return (f"\n{rest}", found[1]) if found else (text, None)


def _rows(text: str, delimiter: str) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    for cells in reader:
        began, line = line, reader.line_num + 1
        yield began, tuple(cell.strip() for cell in cells)


def _line_of(text: str, delimiter: str) -> int:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for _ in reader:
            line = reader.line_num + 1
    except csv.Error:
        return line
    return line


def _delimiter(text: str, required: Sequence[str]) -> tuple[str, str]:
    """The delimiter under which the header has the columns and rows have as many cells as it, and why it is this."""
    sample = text if len(text) <= SAMPLE else text[:SAMPLE].rpartition("\n")[0]
    best, most = ",", (False, -1.0, 0)
    for delimiter in DELIMITERS:
        rows: list[tuple[str, ...]] = []
        try:
            rows.extend(
                tuple(str(cell) for cell in cells)
                for _, cells in _rows(sample, delimiter)
                if any(map(_is_there, cells))
            )
        except csv.Error:
            if not rows or len(text) <= SAMPLE:
                continue
        place = _header_place(rows, required)
        header = _trimmed(rows[place or 0]) if rows else ()
        below = rows[(place or 0) + 1 :]
        alike = sum(len(_trimmed(cells)) == len(header) for cells in below) / len(below) if below else 0.0
        score = (place is not None, alike, len(header))
        if score > most:
            best, most = delimiter, score
    found = most[0]
    return best, "the header has the columns with it" if found else "the rows have most cells with it"


def shown(cell: Value) -> str:
    """A cell as text: whole numbers without a decimal point, as they are in names."""
    if isinstance(cell, int | float):
        return str(int(cell)) if float(cell).is_integer() else repr(cell)
    return cell.isoformat() if isinstance(cell, date) else cell


def _is_there(cell: Value) -> bool:
    return cell != ""


def _trimmed(cells: Sequence[Value]) -> tuple[Value, ...]:
    """Without the empty cells at the end."""
    end = len(cells)
    while end and cells[end - 1] == "":
        end -= 1
    return tuple(cells[:end])


def _header_place(rows: Sequence[Sequence[Value]], required: Sequence[str]) -> int | None:
    """Which of the first rows names all required columns."""
    for place, cells in enumerate(rows[:MAX_TITLE_ROWS]):
        names = {column_name(str(cell)) for cell in cells}
        if names.issuperset(required):
            return place
    return None


def assemble(rows: Iterator[Row], required: Sequence[str]) -> tuple[tuple[str, ...], tuple[Row, ...], int]:
    """Header, rows below it, and the line of the header; empty rows and empty columns at the end are left out.

    Raises:
        TooLarge, Unprocessable: `csv_columns`, `csv_empty`.
    """
    first: list[Row] = []
    kept: list[Row] = []
    for row in rows:
        if not any(map(_is_there, row[1])):
            continue
        if len(first) < MAX_TITLE_ROWS:
            first.append(row)
            continue
        if len(kept) > MAX_ROWS + MAX_TITLE_ROWS:
            break
        kept.append(row)
    if not first:
        raise Unprocessable("the file is empty", code="csv_empty")
    place = _header_place([cells for _, cells in first], required) or 0
    line, cells = first[place]
    header = tuple(column_name(str(cell)) for cell in _trimmed(cells))
    body = [*first[place + 1 :], *kept]
    if len(header) > MAX_COLUMNS:
        raise TooLarge(f"a table may have up to {MAX_COLUMNS} columns", code="too_many_columns")
    _check_header(header, required)
    if not body:
        raise Unprocessable("the file has a header and no rows", code="csv_empty")
    if len(body) > MAX_ROWS:
        raise TooLarge(f"a table may have up to {MAX_ROWS} rows: split it", code="too_many_rows")
    return header, tuple((at, _fitted(row, len(header))) for at, row in body), line


def _fitted(cells: tuple[Value, ...], width: int) -> tuple[Value, ...]:
    """A row without empty cells beyond the header."""
    return cells if len(cells) <= width else (*cells[:width], *_trimmed(cells[width:]))


def column_name(cell: str) -> str:
    """A column as it is compared."""
    plain = texts.line(cell).lower().replace(" ", "_")[:64]
    return _ALIASES.get(plain.replace("_", ""), _ALIASES.get(plain, plain))


OPTIONAL_COLUMNS: Final = ("price", "category")


def _check_header(header: Sequence[str], required: Sequence[str]) -> None:
    missing = [name for name in required if name not in header]
    known = (*required, *OPTIONAL_COLUMNS)
    twice = sorted({name for name in header if name in known and header.count(name) > 1})
    if missing or twice:
        what = f"lacks {', '.join(missing)}" if missing else f"names {', '.join(twice)} twice"
        raise Unprocessable(
            f"the header {what}; it needs {', '.join(required)}", code="csv_columns",
            details={"missing": missing, "twice": twice, "found": list(header)[:50]},
        )  # fmt: skip
