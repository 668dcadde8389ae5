"""Files of tables: text with any delimiter and encoding, and `.xlsx` workbooks, as rows of cells.

Excel's habits are known: byte order marks, a `sep=` line, Windows-1252, UTF-16, titles above the header, empty rows and
columns around the table. What can be read in two ways is decided by the whole file.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from itertools import pairwise, zip_longest
from typing import Final, Protocol

from shared.errors import TooLarge, Unprocessable
from shared.tables.dates import EPOCH
from shared.tables.format import DateOrder, ReadAs, TableFormat
from shared.tables.headers import Header, header
from shared.tables.number_formats import Formatted

MAX_ROWS: Final = 100_000
MAX_COLUMNS: Final = 512
MAX_CELLS: Final = 10_000_000
"""Rows times columns: each takes 8 bytes in memory although it is empty, and nothing in a file where rows are short."""
DELIMITERS: Final = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}
MAX_TITLE_ROWS: Final = 20
"""Rows above the header."""
SAMPLE: Final = 200_000
"""Characters by which delimiters are compared."""
MAX_FIELD: Final = 131_072
"""Characters of a cell that Python's reader takes."""
_RULE = re.compile(r"[-=_:+|\s]*[-=_]{2}[-=_:+|\s]*")
_RARE_LINE_ENDS: Final = str.maketrans("\u0085\u2028", "\n\n")
_FORMULA_TEXT = re.compile(r'="([^"]*)"')
"""`="0012"`, by which exports keep Excel from making a number of text."""
_SEP = re.compile(r'^"?sep=(.)"?[ ;,\t]*$', re.IGNORECASE)
_ERROR_NAMES = (
    "#N/A #DIV/0! #NAME? #NULL! #NUM! #REF! #VALUE! #SPILL! #CALC! #FIELD! #BLOCKED! #CONNECT! #UNKNOWN! #BUSY! "
    "#GETTING_DATA #NV #BEZUG! #WERT! #ZAHL! #\u00dcBERLAUF! #NOM? #NOMBRE! #NUL! #VALEUR! #N/D #RIF! #VALORE! #NOME? "
    "#\u00a1DIV/0! #\u00bfNOMBRE? #\u00a1NUM! #\u00a1REF! #\u00a1VALOR! #VALOR! #WAARDE! #VERW! #NAAM? #GETAL! "
    "#DEEL/0! #LEEG! #NB"
)
_ERRORS: Final = frozenset(_ERROR_NAMES.split())
"""As spreadsheets show them in English, German, French, Italian, Spanish, Portuguese and Dutch."""
_TOTAL = re.compile(
    r"(?:(?:grand |sub ?|sub-|sous-)?totals?|sum(?:me)?|(?:gesamt|zwischen|end)(?:summe|betrag)?|insgesamt"
    r"|tot[ae]le?s?(?: g[\u00e9e]n[\u00e9e]ral| general| complessivo)?|total (?:g[\u00e9e]n[\u00e9e]ral|general)|somme"
    r"|suma(?: total)?|somma|totaal|toplam|razem|\u03a3|\u0438\u0442\u043e\u0433\u043e"
    r"|\u5408\u8ba1|\u5408\u8a08|\u5c0f\u8ba1|\u5c0f\u8a08)\s*:?",
    re.IGNORECASE,
)

type Value = str | float | date
type Row = tuple[int, tuple[Value, ...]]


@dataclass(frozen=True)
class Grid:
    """A file as rows of cells.

    Args:
        columns: of the header, in the file's order.
        rows: the line each row begins on, and its cells; numbers and dates where a workbook has them as such.
        read_as: how the file was read.
        currencies: by column, what its header says: a code, or a sign of several currencies.
        date_order: that a header says.
        first_day: 0 of a workbook's serial dates.
    """

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    read_as: tuple[ReadAs, ...]
    currencies: Mapping[str, str] = field(default_factory=dict[str, str])
    date_order: DateOrder = "auto"
    first_day: date = EPOCH


class OpenTable(Protocol):
    """A file that is decoded; its table is read by the columns that are looked for."""

    def __call__(self, required: Sequence[str], optional: Sequence[str] = ()) -> Grid:
        """The table, as `read_grid` gives it."""
        ...


def read_grid(data: bytes, required: Sequence[str], said: TableFormat, optional: Sequence[str] = ()) -> Grid:
    """Read a file.

    Args:
        required: columns that the header must name.
        optional: further columns with a meaning; both may have other names.

    Raises:
        TooLarge: more than 100,000 rows, or a workbook that is far larger than its file.
        Unprocessable: `csv_encoding`, `csv_columns`, `csv_empty`, `csv_malformed`, `xlsx_malformed`,
            `table_unsupported`, `table_ambiguous`.
    """
    return open_table(data, said)(required, optional)


def open_table(data: bytes, said: TableFormat) -> OpenTable:
    """Decode a file once, for who looks for the columns of several kinds. Raises as `read_grid`, as its result does."""
    from shared.tables import encodings, others, workbooks

    others.refuse(data)
    if workbooks.is_workbook(data):
        return workbooks.open_workbook(data, said)
    text, encoding = encodings.decode(data, said.charset)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\n" not in text:
        text = text.translate(_RARE_LINE_ENDS)
    return partial(_text_grid, *_separator(text), encoding)


def _text_grid(
    text: str, forced: str | None, encoding: ReadAs, required: Sequence[str], optional: Sequence[str] = ()
) -> Grid:
    delimiter, because = _delimiter(text, required, forced)
    if (whole := _without_outer_quotes(text, required)) is not None:
        text, (delimiter, _) = whole, _delimiter(whole, required, forced)
        because = "each line is one cell in quotes, and has the columns without them"
    how = (encoding, ReadAs("delimiter", DELIMITERS.get(delimiter, delimiter), because))
    try:
        return assemble(_rows(text, delimiter), required, optional, how)
    except csv.Error as error:
        line = _line_of(text, delimiter)
        if "field limit" in str(error):
            said = (
                f'a cell has more than {MAX_FIELD:,} characters: shorten it, or close its quotes (those in it are `""`)'
            )
        else:
            said = f'{error}: a cell that has quotes in it is written in quotes, and each of them twice (`"a ""b"" c"`)'
        raise Unprocessable(f"line {line}: {said}", code="csv_malformed") from None


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
        yield began, tuple(_cell(cell) for cell in cells)


def _cell(text: str) -> str:
    text = text.strip()
    if text[:2] == '="' and (found := _FORMULA_TEXT.fullmatch(text)):
        return found[1].strip()
    return text


def _line_of(text: str, delimiter: str) -> int:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for _ in reader:
            line = reader.line_num + 1
    except csv.Error:
        return line
    return line


def _delimiter(text: str, required: Sequence[str], forced: str | None) -> tuple[str, str]:
    """The delimiter under which the header has the columns and rows have as many cells as it, and why it is this.

    Args:
        forced: by a line `sep=`, which counts unless the header has the columns with another one only.
    """
    sample = text if len(text) <= SAMPLE else text[:SAMPLE].rpartition("\n")[0]
    best, most = forced or ",", (False, False, -1.0, 0)
    for delimiter in DELIMITERS if forced is None else dict.fromkeys((forced, *DELIMITERS)):
        rows, whole = _sample_rows(sample, delimiter)
        whole |= len(text) > SAMPLE
        place = header_place(rows, required)
        at = place.row if place else 0
        width = len(_trimmed(rows[at])) if rows else 0
        below = rows[at + 1 :]
        alike = sum(len(_trimmed(cells)) == width for cells in below) / len(below) if below else 0.0
        score = (place is not None, whole, alike, width)
        if delimiter == forced and place is not None:
            return delimiter, "the line `sep=` says so"
        if score > most and (forced is None or place is not None):
            best, most = delimiter, score
    found = most[0]
    return best, "the header has the columns with it" if found else "the rows have most cells with it"


def _without_outer_quotes(text: str, required: Sequence[str]) -> str | None:
    """The text without the quotes that make one cell of each line, if the header has the columns then only: so a
    program writes lines again that it took for single cells."""
    first = next((line for line in text.split("\n") if line.strip()), "")
    if not first.startswith('"') or len(required) < 2:
        return None
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter="\0", strict=True))
    except csv.Error:
        return None
    if any(len(row) > 1 or "\n" in "".join(row) for row in rows):
        return None
    lines = ["".join(row) for row in rows]
    header_of = next((line for line in lines if line), "")
    found = (row for delimiter in DELIMITERS for row in _sample_rows(header_of, delimiter)[0])
    return "\n".join(lines) if any(header(row, required).has(required) for row in found) else None


def _sample_rows(sample: str, delimiter: str) -> tuple[list[tuple[str, ...]], bool]:
    """The rows with a cell up to the first that can't be read, and whether all can."""
    rows: list[tuple[str, ...]] = []
    try:
        for _, cells in _rows(sample, delimiter):
            if any(map(_is_there, cells)):
                rows.append(tuple(map(str, cells)))
    except csv.Error:
        return rows, False
    return rows, True


def shown(cell: Value) -> str:
    """A cell as text: whole numbers without a decimal point, as they are in names."""
    if isinstance(cell, Formatted) and (text := cell.format.shown(cell)) is not None:
        return text
    if isinstance(cell, int | float):
        return str(int(cell)) if float(cell).is_integer() else repr(cell)
    return cell.isoformat() if isinstance(cell, date) else cell


def is_error(cell: Value) -> bool:
    """Whether a cell is an error that a spreadsheet shows in place of a value, such as `#N/A`."""
    return cell in _ERRORS


def _is_there(cell: Value) -> bool:
    return cell != ""


def _trimmed(cells: Sequence[Value]) -> tuple[Value, ...]:
    """Without the empty cells at the end."""
    end = len(cells)
    while end and cells[end - 1] == "":
        end -= 1
    return tuple(cells[:end])


@dataclass(frozen=True)
class Place:
    """Which of the first rows the header ends with, and what it says."""

    row: int
    header: Header


def header_place(
    rows: Sequence[Sequence[Value]], required: Sequence[str], optional: Sequence[str] = ()
) -> Place | None:
    """The first of the first rows that names all required columns, alone or with the row above it: a column whose
    header is merged over two rows has it in the upper one."""
    wanted = (*required, *optional)
    texts_of = [[str(cell) for cell in _trimmed(cells)] for cells in rows[:MAX_TITLE_ROWS]]
    for place, cells in enumerate(texts_of):
        if (found := header(cells, wanted)).has(required):
            return Place(place, found)
    for place, (upper, lower) in enumerate(pairwise(texts_of), start=1):
        both = [low or up for up, low in zip_longest(upper, lower, fillvalue="")]
        if (found := header(both, wanted)).has(required):
            return Place(place, found)
    return None


def assemble(rows: Iterator[Row], required: Sequence[str], optional: Sequence[str], how: Sequence[ReadAs]) -> Grid:
    """The table among rows: empty rows and empty columns at the end are left out.

    Raises:
        TooLarge, Unprocessable: `csv_columns`, `csv_empty`, `table_ambiguous`.
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
    found = header_place([cells for _, cells in first], required, optional)
    place, top = (found.row, found.header) if found else (0, header([str(c) for c in _trimmed(first[0][1])], ()))
    line = first[place][0]
    again = _trimmed(first[place][1])
    body, repeated = _without(again, _below(first[place + 1 :] + kept))
    if len(top.names) > MAX_COLUMNS:
        raise TooLarge(f"a table may have up to {MAX_COLUMNS} columns", code="too_many_columns")
    _check_header(top, required, optional, line)
    if not body:
        raise Unprocessable("the file has a header and no rows", code="csv_empty")
    if len(body) > MAX_ROWS:
        raise TooLarge(f"a table may have up to {MAX_ROWS} rows: split it", code="too_many_rows")
    renamed = (ReadAs("column", want, f"the header calls it `{called}`", line) for want, called in top.renamed)
    check_cells(len(body), len(top.names))
    named = list(zip(top.names, top.headings, strict=True))
    orders: list[DateOrder] = [one.dates for name, one in named if name in (*required, *optional) and one.dates]
    return Grid(
        top.names, tuple((at, _fitted(row, len(top.names))) for at, row in body),
        (*how, ReadAs("header", f"line {line}", f"it names the columns{_again(repeated)}", line), *renamed),
        currencies={name: one.currency for name, one in named if one.currency},
        date_order=orders[0] if orders else "auto",
    )  # fmt: skip


def check_cells(rows: int, columns: int) -> None:
    """Raises TooLarge: `too_many_cells`."""
    if rows * columns > MAX_CELLS:
        raise TooLarge(
            f"a table may have up to {MAX_CELLS:,} cells, and this has {rows:,} rows of {columns} columns: leave out "
            "columns that are not needed, or split it",
            code="too_many_cells",
        )


def _below(rows: list[Row]) -> list[Row]:
    """The rows below a header, without the rule that some programs draw there: `---,---`, `---+---`."""
    there = [str(cell) for cell in rows[0][1] if _is_there(cell)] if rows else []
    return rows[1:] if there and all(map(_RULE.fullmatch, there)) else rows


def _without(header_cells: tuple[Value, ...], rows: list[Row]) -> tuple[list[Row], list[int]]:
    """The rows but for those that repeat the header, and the lines of these."""
    repeated = [line for line, cells in rows if cells[:1] == header_cells[:1] and _trimmed(cells) == header_cells]
    lines = frozenset(repeated)
    return ([row for row in rows if row[0] not in lines] if lines else rows), repeated


def _again(lines: Sequence[int]) -> str:
    if not lines:
        return ""
    return f"; line{'s' if len(lines) > 1 else ''} {', '.join(map(str, lines[:5]))} repeat{'s' * (len(lines) == 1)} it"


def _fitted(cells: tuple[Value, ...], width: int) -> tuple[Value, ...]:
    """A row without empty cells beyond the header, and with those at its end that programs do not write: Excel leaves
    them out of its text files from the 16th row on (Microsoft's article 77295)."""
    if len(cells) <= width:
        return (*cells, *("",) * (width - len(cells)))
    return (*cells[:width], *_trimmed(cells[width:]))


def is_total(cells: Sequence[Value], named: Value) -> bool:
    """Whether a row has sums of others: what should name a thing says so, or is empty behind a cell that does."""
    if isinstance(named, str) and _TOTAL.fullmatch(named):
        return True
    first = next((cell for cell in cells if cell != ""), "")
    return named == "" and isinstance(first, str) and _TOTAL.fullmatch(first) is not None


IS_TOTAL: Final = "is a row of totals and no data: delete it"


def _check_header(found: Header, required: Sequence[str], optional: Sequence[str], line: int) -> None:
    for want, called in found.open:
        raise Unprocessable(
            f"{' and '.join(f'`{name}`' for name in called)} may both be the column {want}: name one of them `{want}`",
            code="table_ambiguous", details={"line": line, "column": want, "choices": list(called)},
        )  # fmt: skip
    missing = [name for name in required if name not in found.names]
    known = (*required, *optional)
    twice = sorted({name for name in found.names if name in known and found.names.count(name) > 1})
    if missing or twice:
        what = f"lacks {', '.join(missing)}" if missing else f"names {', '.join(twice)} twice"
        hint = ""
        near = [
            one
            for one in found.names
            if any(one.startswith((f"{name}_(", f"{name}_[", f"{name}_in_")) for name in missing)
        ]
        if len(found.names) == 1 and len(required) > 1:
            hint = (
                "; it is a single cell: separate cells by comma, semicolon, tab or `|`, or name another sign in a "
                "first line, `sep=^`"
            )
        elif near:
            hint = f"; what {', '.join(f'`{one}`' for one in near)} is in is not understood"
        raise Unprocessable(
            f"the header {what}{hint}; it needs {', '.join(required)}", code="csv_columns",
            details={"missing": missing, "twice": twice, "found": list(found.names)[:50]},
        )  # fmt: skip
