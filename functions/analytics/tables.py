"""A merchant's table: a CSV read row by row, with every problem named by its line.

Nothing is guessed and no row is dropped silently: a table that cannot be read at all is refused with the reason, and
each bad row of one that can be read is reported with everything that is wrong with it.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from shared import clock
from shared.errors import TooLarge, Unprocessable

MAX_ROWS: Final = 100_000
MAX_CELL: Final = 2_048
"""Characters of a cell."""
MAX_UNITS: Final = 1e7
MIN_PRICE, MAX_PRICE = 0.001, 1e6
MAX_CATEGORY: Final = 60
"""Characters of a category's name."""
FIRST_DAY: Final = date(1990, 1, 1).toordinal()
SALES_COLUMNS: Final = ("image", "units", "price", "category", "date")
BATCH_COLUMNS: Final = ("image",)
OPTIONAL_COLUMNS: Final = ("price", "category")
_ALIASES: Final = {"imageid": "image", "image_id": "image", "blob": "image", "blobname": "image", "blob_name": "image"}


@dataclass(frozen=True)
class RowProblem:
    """One thing wrong with one row: the line of the file it begins on, the column, and what it is."""

    line: int
    column: str
    problem: str


@dataclass(frozen=True)
class SalesRow:
    """A good row of a sales table.

    Args:
        image: as given: an image id, a blob's name or a URL.
        day: of the sale, as proleptic ordinal.
    """

    line: int
    image: str
    units: float
    price: float
    category: str
    day: int


@dataclass(frozen=True)
class BatchRow:
    """A good row of a list of images to predict for."""

    line: int
    image: str
    price: float | None
    category: str | None


@dataclass(frozen=True)
class CsvTable:
    """A file as read.

    Args:
        columns: of the header, in the file's order; ignored: those without a meaning.
        rows: the line each row begins on, and its cells.
        decimal_comma: whether numbers may have one: the cells are separated by semicolons or tabs.
    """

    columns: tuple[str, ...]
    ignored: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    decimal_comma: bool


def read_csv(data: bytes, required: Sequence[str]) -> CsvTable:
    """Read a file and check what concerns it as a whole.

    Args:
        required: columns that the header must name.

    Raises:
        TooLarge: more than 100,000 rows.
        Unprocessable: `csv_encoding`, `csv_columns`, `csv_empty`, `csv_malformed`.
    """
    text = _decode(data)
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[tuple[int, tuple[str, ...]]] = []
    header: list[str] | None = None
    line = 1
    try:
        for cells in reader:
            began, line = line, reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if header is None:
                header = [_column_name(cell) for cell in cells]
                continue
            if len(rows) == MAX_ROWS:
                raise TooLarge(f"a table may have up to {MAX_ROWS} rows: split it", code="too_many_rows")
            rows.append((began, tuple(cell.strip() for cell in cells)))
    except csv.Error as error:
        raise Unprocessable(f"line {line}: {error}", code="csv_malformed") from None
    if header is None:
        raise Unprocessable("the file is empty", code="csv_empty")
    _check_header(header, required)
    if not rows:
        raise Unprocessable("the file has a header and no rows", code="csv_empty")
    ignored = tuple(name for name in header if name not in (*required, *OPTIONAL_COLUMNS))
    return CsvTable(tuple(header), ignored, tuple(rows), decimal_comma=delimiter != ",")


def _decode(data: bytes) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Unprocessable(
            f"the file is not UTF-8: line {line} has the byte 0x{data[error.start]:02x}; save it as `CSV UTF-8`",
            code="csv_encoding",
            details={"line": line, "byte": error.start},
        ) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise Unprocessable(
            f"the file has a zero byte in line {line}: save it as `CSV UTF-8`", code="csv_encoding",
            details={"line": line},
        )  # fmt: skip
    return text


def _column_name(cell: str) -> str:
    plain = cell.strip().lower().replace(" ", "_")[:64]
    return _ALIASES.get(plain.replace("_", ""), _ALIASES.get(plain, plain))


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


def parse_sales(table: CsvTable) -> tuple[list[SalesRow], list[RowProblem]]:
    """The good rows, and all problems of the others. A second row of the same image and date is a problem."""
    good: list[SalesRow] = []
    problems: list[RowProblem] = []
    lines: dict[tuple[str, str], int] = {}
    tomorrow = date.fromtimestamp(clock.now()).toordinal() + 1
    for line, cells in _complete_rows(table, problems):
        found: list[RowProblem] = []
        image = _image(line, cells["image"], found)
        units = _number(line, "units", cells["units"], table.decimal_comma, found)
        if units is not None and (units < 0 or units > MAX_UNITS or units != int(units)):
            found.append(RowProblem(line, "units", "is negative" if units < 0 else "is not a whole number in range"))
        price = _price(line, cells["price"], table.decimal_comma, found)
        category = _category(line, cells["category"], found)
        day = _day(line, cells["date"], tomorrow, found)
        before = lines.setdefault((cells["image"], cells["date"]), line)
        if before != line and image is not None:
            found.append(RowProblem(line, "image", f"is a second row of this image and date, after line {before}"))
        if found or units is None or price is None or category is None or day is None or image is None:
            problems += found
        else:
            good.append(SalesRow(line, image, units, price, category, day))
    return good, problems


def parse_batch(table: CsvTable) -> tuple[list[BatchRow], list[RowProblem]]:
    """The good rows of a list, and all problems of the others; an empty price or category is not given."""
    good: list[BatchRow] = []
    problems: list[RowProblem] = []
    for line, cells in _complete_rows(table, problems):
        found: list[RowProblem] = []
        image = _image(line, cells["image"], found)
        price = _price(line, cells["price"], table.decimal_comma, found) if cells.get("price") else None
        category = _category(line, cells["category"], found) if cells.get("category") else None
        if found or image is None:
            problems += found
        else:
            good.append(BatchRow(line, image, price, category))
    return good, problems


def _complete_rows(table: CsvTable, problems: list[RowProblem]) -> Iterator[tuple[int, dict[str, str]]]:
    for line, cells in table.rows:
        if len(cells) != len(table.columns):
            problems.append(RowProblem(line, "row", f"has {len(cells)} cells, the header has {len(table.columns)}"))
        elif any(len(cell) > MAX_CELL for cell in cells):
            problems.append(RowProblem(line, "row", f"has a cell of more than {MAX_CELL} characters"))
        else:
            yield line, dict(zip(table.columns, cells, strict=True))


def _image(line: int, cell: str, found: list[RowProblem]) -> str | None:
    if not cell:
        found.append(RowProblem(line, "image", "is empty"))
        return None
    return cell


def _number(line: int, column: str, cell: str, decimal_comma: bool, found: list[RowProblem]) -> float | None:
    has_comma = decimal_comma and cell.count(",") == 1 and "." not in cell
    plain = cell.replace(",", ".") if has_comma else cell
    try:
        value = float(plain)
    except ValueError:
        found.append(RowProblem(line, column, "is empty" if not cell else "is not a number"))
        return None
    if "_" in plain or not math.isfinite(value):
        found.append(RowProblem(line, column, "is not a finite number"))
        return None
    return value


def _price(line: int, cell: str, decimal_comma: bool, found: list[RowProblem]) -> float | None:
    price = _number(line, "price", cell, decimal_comma, found)
    if price is not None and not MIN_PRICE <= price <= MAX_PRICE:
        found.append(RowProblem(line, "price", f"is not above 0 and at most {MAX_PRICE:.0f}"))
        return None
    return price


def _category(line: int, cell: str, found: list[RowProblem]) -> str | None:
    plain = normalize_category(cell)
    if not plain or len(plain) > MAX_CATEGORY or not plain.isprintable():
        problem = "is empty" if not plain else "is too long, or has unprintable characters"
        found.append(RowProblem(line, "category", problem))
        return None
    return plain


def normalize_category(category: str) -> str:
    """A category as it is compared: lower case, single spaces."""
    return " ".join(category.lower().split())


def _day(line: int, cell: str, tomorrow: int, found: list[RowProblem]) -> int | None:
    try:
        day = date.fromisoformat(cell).toordinal() if len(cell) == 10 else 0
    except ValueError:
        day = 0
    if day == 0:
        found.append(RowProblem(line, "date", "is not a date like 2026-01-31"))
    elif day > tomorrow or day < FIRST_DAY:
        found.append(RowProblem(line, "date", "lies in the future, or before 1990"))
        return None
    return day or None


def problem_report(problems: Iterable[RowProblem]) -> bytes:
    """All problems as a CSV, by line."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(("line", "column", "problem"))
    writer.writerows((one.line, one.column, one.problem) for one in sorted(problems, key=lambda one: one.line))
    return out.getvalue().encode()
