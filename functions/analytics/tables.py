"""A merchant's table as it comes: a CSV read row by row, with every problem named by its line.

Nothing is guessed and nothing is dropped in silence: a table that can't be read at all is refused with the reason, and
of one that can be read each bad row is told with all that is wrong with it.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from shared import clock
from shared.errors import TooLarge, Unprocessable

MAX_ROWS: Final = 100_000
MAX_CELL: Final = 2_048
SALES: Final = ("image", "units", "price", "category", "date")
LIST: Final = ("image",)
OPTIONAL: Final = ("price", "category")
MOST_UNITS: Final = 1e7
MOST_PRICE: Final = 1e6
MAX_CATEGORY: Final = 60
_NAMES: Final = {"imageid": "image", "image_id": "image", "blob": "image", "blobname": "image", "blob_name": "image"}


@dataclass(frozen=True)
class Problem:
    """One thing wrong with one row: the line of the file it begins on, the column, and what it is."""

    line: int
    column: str
    problem: str


@dataclass(frozen=True)
class Sale:
    """A good row: `image` as given (an image id, a blob's name or a URL), a finite price, a day as ordinal."""

    line: int
    image: str
    units: float
    price: float
    category: str
    day: int


@dataclass(frozen=True)
class Wish:
    """A row of a list of pictures to predict for."""

    line: int
    image: str
    price: float | None
    category: str | None


@dataclass(frozen=True)
class Table:
    """What could be read: the header in the file's order, and cells by column with the line each row begins on."""

    columns: tuple[str, ...]
    ignored: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    comma: bool
    """Whether numbers have a decimal comma: the cells are parted by semicolons or tabs."""


def read(data: bytes, wanted: Sequence[str]) -> Table:
    """Read a file as far as it must be right in whole.

    Raises:
        TooLarge: more than 100,000 rows.
        Unprocessable: `csv_encoding`, `csv_columns`, `csv_empty`, `csv_malformed`.
    """
    text = _decoded(data)
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
                header = [_name(cell) for cell in cells]
                continue
            if len(rows) == MAX_ROWS:
                raise TooLarge(f"a table may have {MAX_ROWS} rows: split it", code="too_many_rows")
            rows.append((began, tuple(cell.strip() for cell in cells)))
    except csv.Error as error:
        raise Unprocessable(f"line {line}: {error}", code="csv_malformed") from None
    if header is None:
        raise Unprocessable("the file is empty", code="csv_empty")
    _check_header(header, wanted)
    if not rows:
        raise Unprocessable("the file has a header and no rows", code="csv_empty")
    ignored = tuple(name for name in header if name not in (*wanted, *OPTIONAL))
    return Table(tuple(header), ignored, tuple(rows), comma=delimiter != ",")


def _decoded(data: bytes) -> str:
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


def _name(cell: str) -> str:
    plain = cell.strip().lower().replace(" ", "_")[:64]
    return _NAMES.get(plain.replace("_", ""), _NAMES.get(plain, plain))


def _check_header(header: Sequence[str], wanted: Sequence[str]) -> None:
    missing = [name for name in wanted if name not in header]
    twice = sorted({name for name in header if name in (*wanted, *OPTIONAL) and header.count(name) > 1})
    if missing or twice:
        what = f"lacks {', '.join(missing)}" if missing else f"names {', '.join(twice)} twice"
        raise Unprocessable(
            f"the header {what}; it needs {', '.join(wanted)}", code="csv_columns",
            details={"missing": missing, "twice": twice, "found": list(header)[:50]},
        )  # fmt: skip


def sales(table: Table) -> tuple[list[Sale], list[Problem]]:
    """The good rows and all problems of the others. A second row of a picture and date is a duplicate."""
    good: list[Sale] = []
    bad: list[Problem] = []
    seen: dict[tuple[str, str], int] = {}
    today = date.fromtimestamp(clock.now()).toordinal() + 1
    for line, cells in _cells(table, bad):
        found: list[Problem] = []
        image = _image(line, cells["image"], found)
        units = _number(line, "units", cells["units"], table.comma, found)
        if units is not None and (units < 0 or units > MOST_UNITS or units != int(units)):
            found.append(Problem(line, "units", "is negative" if units < 0 else "is not a whole number in range"))
        price = _price(line, cells["price"], table.comma, found)
        category = _category(line, cells["category"], found)
        day = _day(line, cells["date"], today, found)
        before = seen.setdefault((cells["image"], cells["date"]), line)
        if before != line and image is not None:
            found.append(Problem(line, "image", f"is a second row of this picture and date, after line {before}"))
        if found or units is None or price is None or category is None or day is None or image is None:
            bad += found
        else:
            good.append(Sale(line, image, units, price, category, day))
    return good, bad


def wishes(table: Table) -> tuple[list[Wish], list[Problem]]:
    """The rows of a list; an empty or missing price or category is not given."""
    good: list[Wish] = []
    bad: list[Problem] = []
    for line, cells in _cells(table, bad):
        found: list[Problem] = []
        image = _image(line, cells["image"], found)
        price = _price(line, cells["price"], table.comma, found) if cells.get("price") else None
        category = _category(line, cells["category"], found) if cells.get("category") else None
        if found or image is None:
            bad += found
        else:
            good.append(Wish(line, image, price, category))
    return good, bad


def _cells(table: Table, bad: list[Problem]) -> Iterator[tuple[int, dict[str, str]]]:
    for line, cells in table.rows:
        if len(cells) != len(table.columns):
            bad.append(Problem(line, "row", f"has {len(cells)} cells, the header has {len(table.columns)}"))
        elif any(len(cell) > MAX_CELL for cell in cells):
            bad.append(Problem(line, "row", f"has a cell of more than {MAX_CELL} characters"))
        else:
            yield line, dict(zip(table.columns, cells, strict=True))


def _image(line: int, cell: str, found: list[Problem]) -> str | None:
    if not cell:
        found.append(Problem(line, "image", "is empty"))
        return None
    return cell


def _number(line: int, column: str, cell: str, comma: bool, found: list[Problem]) -> float | None:
    plain = cell.replace(",", ".") if comma and cell.count(",") == 1 and "." not in cell else cell
    try:
        value = float(plain)
    except ValueError:
        found.append(Problem(line, column, "is empty" if not cell else "is not a number"))
        return None
    if "_" in plain or not math.isfinite(value):
        found.append(Problem(line, column, "is not a finite number"))
        return None
    return value


def _price(line: int, cell: str, comma: bool, found: list[Problem]) -> float | None:
    price = _number(line, "price", cell, comma, found)
    if price is not None and not 0.001 <= price <= MOST_PRICE:
        found.append(Problem(line, "price", f"is not above 0 and at most {MOST_PRICE:.0f}"))
        return None
    return price


def _category(line: int, cell: str, found: list[Problem]) -> str | None:
    plain = tidy(cell)
    if not plain or len(plain) > MAX_CATEGORY or not plain.isprintable():
        found.append(Problem(line, "category", "is empty" if not plain else "is too long, or has odd characters"))
        return None
    return plain


def tidy(category: str) -> str:
    """A category as it is compared: lower case, single spaces."""
    return " ".join(category.lower().split())


def _day(line: int, cell: str, latest: int, found: list[Problem]) -> int | None:
    try:
        day = date.fromisoformat(cell).toordinal() if len(cell) == 10 else 0
    except ValueError:
        day = 0
    if day == 0:
        found.append(Problem(line, "date", "is not a date like 2026-01-31"))
    elif day > latest or day < date(1990, 1, 1).toordinal():
        found.append(Problem(line, "date", "lies in the future, or before 1990"))
        return None
    return day or None


def report(problems: Sequence[Problem]) -> bytes:
    """All problems as a CSV, by line."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(("line", "column", "problem"))
    writer.writerows((one.line, one.column, one.problem) for one in sorted(problems, key=lambda one: one.line))
    return out.getvalue().encode()
