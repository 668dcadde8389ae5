"""A merchant's table: every row checked, with every problem named by its line.

Nothing is guessed and no row is dropped silently: a table that cannot be read, or can be read in two ways, is refused
with the reason, and each bad row of one that can be read is reported with everything that is wrong with it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from shared import clock
from shared import text as texts
from shared.tables import csv_file
from shared.tables.currencies import Currencies, currencies_in
from shared.tables.dates import DateFormat, date_format
from shared.tables.files import IS_TOTAL, Grid, Row, Value, is_error, is_total, read_grid, shown
from shared.tables.format import AS_THE_FILE_SHOWS, Cell, ContradictoryTable, ReadAs, TableFormat
from shared.tables.headers import PIECES
from shared.tables.number_formats import Formatted
from shared.tables.numbers import HAS_LOST_DIGITS, NumberFormat, has_lost_digits, number_format

_COUNTED = re.compile(r"([\d.,' ]{1,20}) ?([^\W\d]{1,8}\.?)")
"""A number of pieces with what they are."""
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
NUMBERS: Final = ("units", "price")
WHOLE: Final = frozenset({"units"})
MAX_SHOWN: Final = 40
"""Characters of a cell that a problem shows."""

ERROR: Final = "is an error of the spreadsheet"


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
class Table:
    """A file as read.

    Args:
        columns: of the header, in the file's order; ignored: those without a meaning.
        rows: the line each row begins on, and its cells.
        numbers, dates: how those written as text are read.
        read_as: how the file was read, and why.
    """

    columns: tuple[str, ...]
    ignored: tuple[str, ...]
    rows: tuple[Row, ...]
    numbers: NumberFormat
    dates: DateFormat
    read_as: tuple[ReadAs, ...]


def read_table(data: bytes, required: Sequence[str], said: TableFormat = AS_THE_FILE_SHOWS) -> Table:
    """Read a file and decide what concerns it as a whole.

    Args:
        required: columns that the header must name.
        said: by the sender.

    Raises:
        TooLarge: more than 100,000 rows.
        Unprocessable: `csv_encoding`, `csv_columns`, `csv_empty`, `csv_malformed`, `xlsx_malformed`,
            `table_ambiguous`, `table_contradictory`.
    """
    grid = read_grid(data, required, said, OPTIONAL_COLUMNS)
    ignored = tuple(name for name in grid.columns if name and name not in (*required, *OPTIONAL_COLUMNS))
    known = [name for name in grid.columns if name in (*required, *OPTIONAL_COLUMNS)]
    numbers = number_format(_texts(grid.columns, grid.rows, [n for n in NUMBERS if n in known]), WHOLE, said.decimal)
    days = list(_texts(grid.columns, grid.rows, ["date"] if "date" in known else []))
    dates = replace(date_format(days, said.dates, grid.date_order), first_day=grid.first_day)
    _one_currency(grid)
    read_as = (*grid.read_as, *(one for one in (numbers.read_as, dates.read_as) if one is not None))
    return Table(grid.columns, ignored, grid.rows, numbers, dates, read_as)


def _texts(columns: Sequence[str], rows: Iterable[Row], names: Sequence[str]) -> Iterator[Cell]:
    """The cells of some columns that are text, each text of a column once."""
    places = [(columns.index(name), name) for name in names]
    seen: set[tuple[int, str]] = set()
    for line, cells in rows:
        for place, name in places:
            cell = cells[place] if place < len(cells) else ""
            if name == "date" and isinstance(cell, float):
                # Eight digits may be in two orders, as text is.
                cell = shown(cell)
            if isinstance(cell, str) and cell and (place, cell) not in seen and len(cell) <= MAX_CELL:
                seen.add((place, cell))
                yield Cell(line, name, cell)


def _one_currency(grid: Grid) -> None:
    """Raises ContradictoryTable for prices in several currencies, which are no numbers of one kind."""
    if "price" not in grid.columns:
        return
    place = grid.columns.index("price")
    common: tuple[Currencies, Cell] | None = None
    for line, cells in grid.rows:
        cell = cells[place] if place < len(cells) else ""
        if not (found := _currencies(cell)):
            continue
        named = f"{shown(cell)} {'/'.join(sorted(found)[:3])}" if isinstance(cell, float) else shown(cell)
        here = Cell(line, "price", named)
        if common is None:
            common = found, here
        elif not common[0] & found:
            raise ContradictoryTable(
                common[1], here, ("in one currency", "in another"), "convert all prices into one, and send them again"
            )


def _currencies(cell: Value) -> Currencies:
    if isinstance(cell, Formatted) and cell.format.currency:
        return currencies_in(cell.format.currency)
    return currencies_in(cell) if isinstance(cell, str) else frozenset()


def parse_sales(table: Table) -> tuple[list[SalesRow], list[RowProblem]]:
    """The good rows, and all problems of the others. A second row of the same image and date is a problem."""
    good: list[SalesRow] = []
    problems: list[RowProblem] = []
    lines: dict[tuple[str, int | str], int] = {}
    tomorrow = date.fromtimestamp(clock.now()).toordinal() + 1
    for line, cells in _complete_rows(table, problems):
        found: list[RowProblem] = []
        image = _image(line, cells["image"], found)
        units = _units(line, cells["units"], table.numbers, found)
        price = _price(line, cells["price"], table.numbers, found)
        category = _category(line, cells["category"], found)
        day = _day(line, cells["date"], table.dates, tomorrow, found)
        before = lines.setdefault((shown(cells["image"]), day or shown(cells["date"])), line)
        if before != line and image is not None:
            found.append(RowProblem(line, "image", f"is a second row of this image and date, after line {before}"))
        if found or units is None or price is None or category is None or day is None or image is None:
            problems += found
        else:
            good.append(SalesRow(line, image, units, price, category, day))
    return good, problems


def parse_batch(table: Table) -> tuple[list[BatchRow], list[RowProblem]]:
    """The good rows of a list, and all problems of the others; an empty price or category is not given."""
    good: list[BatchRow] = []
    problems: list[RowProblem] = []
    for line, cells in _complete_rows(table, problems):
        found: list[RowProblem] = []
        image = _image(line, cells["image"], found)
        price = _price(line, cells["price"], table.numbers, found) if cells.get("price", "") != "" else None
        category = _category(line, cells["category"], found) if cells.get("category", "") != "" else None
        if found or image is None:
            problems += found
        else:
            good.append(BatchRow(line, image, price, category))
    return good, problems


def _complete_rows(table: Table, problems: list[RowProblem]) -> Iterator[tuple[int, dict[str, Value]]]:
    for line, cells in table.rows:
        if len(cells) != len(table.columns):
            problems.append(RowProblem(line, "row", f"has {len(cells)} cells, the header has {len(table.columns)}"))
        elif any(isinstance(cell, str) and len(cell) > MAX_CELL for cell in cells):
            problems.append(RowProblem(line, "row", f"has a cell of more than {MAX_CELL} characters"))
        else:
            row = dict(zip(table.columns, cells, strict=True))
            if is_total(cells, cells[table.columns.index("image")]):
                problems.append(RowProblem(line, "row", IS_TOTAL))
            else:
                yield line, row


def _image(line: int, cell: Value, found: list[RowProblem]) -> str | None:
    if cell == "":
        found.append(RowProblem(line, "image", "is empty"))
        return None
    if is_error(cell):
        found.append(RowProblem(line, "image", f"{ERROR}: `{shown(cell)}`"))
        return None
    if has_lost_digits(cell):
        found.append(RowProblem(line, "image", HAS_LOST_DIGITS))
        return None
    return shown(cell)


def _number(line: int, column: str, cell: Value, numbers: NumberFormat, found: list[RowProblem]) -> float | None:
    if isinstance(cell, Formatted) and cell.format.is_percent:
        found.append(RowProblem(line, column, f"is a percentage, not an amount: `{cell * 100:.6g} %`"))
        return None
    if isinstance(cell, int | float):
        return float(cell)
    if isinstance(cell, date):
        found.append(RowProblem(line, column, f"is a date and not a number: `{shown(cell)}`"))
        return None
    value, problem = numbers.read(cell) if not is_error(cell) else (None, f"{ERROR}: `{cell}`")
    if problem is not None:
        found.append(RowProblem(line, column, problem))
    return value


def _units(line: int, cell: Value, numbers: NumberFormat, found: list[RowProblem]) -> float | None:
    if isinstance(cell, str) and (counted := _COUNTED.fullmatch(cell)) and counted[2].lower() in PIECES:
        cell = counted[1]
    units = _number(line, "units", cell, numbers, found)
    if units is None:
        return None
    if units < 0 or units > MAX_UNITS or units != int(units):
        problem = "is negative" if units < 0 else "is not a whole number in range"
        found.append(RowProblem(line, "units", f"{problem}: `{shown(cell)[:MAX_SHOWN]}`"))
        return None
    return units


def _price(line: int, cell: Value, numbers: NumberFormat, found: list[RowProblem]) -> float | None:
    price = _number(line, "price", cell, numbers, found)
    if price is not None and not MIN_PRICE <= price <= MAX_PRICE:
        text = shown(cell)[:MAX_SHOWN]
        found.append(RowProblem(line, "price", f"is not above 0 and at most {MAX_PRICE:.0f}: `{text}`"))
        return None
    return price


def _category(line: int, cell: Value, found: list[RowProblem]) -> str | None:
    if is_error(cell):
        found.append(RowProblem(line, "category", f"{ERROR}: `{shown(cell)}`"))
        return None
    plain = normalize_category(shown(cell))
    if not plain or len(plain) > MAX_CATEGORY or not plain.isprintable():
        problem = "is empty" if not plain else "is too long, or has unprintable characters"
        found.append(RowProblem(line, "category", problem))
        return None
    return plain


def normalize_category(category: str) -> str:
    """A category as it is compared: one spelling of Unicode, lower case, single spaces, entities resolved."""
    return unicodedata.normalize("NFC", texts.line(category).lower())


def _day(line: int, cell: Value, dates: DateFormat, tomorrow: int, found: list[RowProblem]) -> int | None:
    read = dates.read(cell) if isinstance(cell, str) else dates.read_number(cell) if isinstance(cell, float) else cell
    if not isinstance(read, date):
        problem = f"is not a date like 2026-01-31: `{shown(cell)[:MAX_SHOWN]}`"
        found.append(RowProblem(line, "date", problem if cell != "" else "is not a date like 2026-01-31: it is empty"))
        return None
    day = read.toordinal()
    if day > tomorrow or day < FIRST_DAY:
        found.append(RowProblem(line, "date", f"lies in the future, or before 1990: `{read.isoformat()}`"))
        return None
    return day


def problem_report(problems: Iterable[RowProblem]) -> bytes:
    """All problems as a CSV, by line."""
    found = sorted(problems, key=lambda one: one.line)
    return csv_file.write(("line", "column", "problem"), ((one.line, one.column, one.problem) for one in found))
