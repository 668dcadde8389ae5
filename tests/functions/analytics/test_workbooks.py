"""Merchants' workbooks: formats of numbers, days as numbers, currencies and totals, as each program writes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

import pytest
from workbook_writers import DAY, EUROS, GENERAL, PERCENT, WRITERS, ZEROS, Excel, MacExcel, Row, Writer, serial

from functions.analytics import tables
from functions.analytics.tables import SALES_COLUMNS, RowProblem, SalesRow
from shared.tables.format import AmbiguousTable, ContradictoryTable, TableFormat

HEADER: Row = tuple((name, GENERAL) for name in ("Image", "Units", "Price (EUR)", "Category", "Date"))
SOLD = date(2026, 1, 31)


def row(
    image: str | float = "a1", units: float | str = 3, price: float | str = 19.9, category: str = "dress",
    day: date | str | float = SOLD, *, image_style: int = GENERAL, price_style: int = EUROS, day_style: int = DAY,
) -> Row:  # fmt: skip
    return (
        (image, image_style), (units, GENERAL), (price, price_style), (category, GENERAL), (day, day_style)
    )  # fmt: skip


def read(rows: Sequence[Row], writer: Writer | None = None) -> tuple[list[SalesRow], list[RowProblem]]:
    data = (writer or Excel()).write((HEADER, *rows))
    return tables.parse_sales(tables.read_table(data, SALES_COLUMNS, TableFormat()))


def written(found: Sequence[SalesRow]) -> list[tuple[str, float, float, str, date]]:
    return [(one.image, one.units, one.price, one.category, date.fromordinal(one.day)) for one in found]


@pytest.mark.parametrize("writer", WRITERS)
def test_one_table_is_the_same_from_every_program(writer: Callable[[], Writer]) -> None:
    empty: Row = (None,) * 5
    rows = (
        row(), empty, row("a2", 1, 1299, "coat & hat"), row(12, 7, 0.5, image_style=ZEROS),
        row("a4", 2, 0.19, price_style=PERCENT), row("Total", 13, 1319.59, "", ""),
    )  # fmt: skip
    good, bad = read(rows, writer())
    assert written(good) == [
        ("a1", 3, 19.9, "dress", SOLD), ("a2", 1, 1299, "coat & hat", SOLD), ("00012", 7, 0.5, "dress", SOLD),
    ]  # fmt: skip
    assert [(one.line, one.column) for one in bad] == [(6, "price"), (7, "row")]
    assert "percentage" in bad[0].problem and "19 %" in bad[0].problem and "totals" in bad[1].problem


@pytest.mark.parametrize("writer", [Excel, MacExcel])
def test_days_without_a_format_are_those_of_the_workbook(writer: Callable[[], Writer]) -> None:
    made = writer()
    days = (serial(SOLD, since_1904=made.since_1904), 20260131)
    good, bad = read([row(str(n), day=day, day_style=GENERAL) for n, day in enumerate(days)], made)
    assert not bad and [date.fromordinal(one.day) for one in good] == [SOLD, SOLD]


@pytest.mark.parametrize("day", [0, 1, 99.5, 2026, 31, 1e12, -46053])
def test_a_number_that_is_no_day_is_a_bad_row(day: float) -> None:
    good, bad = read([row(day=day, day_style=GENERAL)])
    assert not good and [(one.line, one.column) for one in bad] == [(2, "date")]


def test_a_name_whose_last_digits_are_lost_names_nothing() -> None:
    good, bad = read([row(123456789012345678.0), row(400638133393.0)])
    assert [one.image for one in good] == ["400638133393"]
    assert [(one.line, one.column) for one in bad] == [(2, "image")] and "format the column as text" in bad[0].problem


def test_a_sheet_may_be_named_in_any_case() -> None:
    data = Excel().write((HEADER, row()))
    assert tables.read_table(data, SALES_COLUMNS, TableFormat(sheet="sALES")).rows


def test_eight_digits_in_two_orders_are_asked_for() -> None:
    with pytest.raises(AmbiguousTable) as asked:
        read([row(day=3042026, day_style=GENERAL), row(day=10042026, day_style=GENERAL)])
    assert asked.value.details and asked.value.details["setting"] == "dates"


@pytest.mark.parametrize(
    ("prices", "lines"),
    [
        (((19.9, EUROS), ("USD 12", GENERAL)), {2, 3}),
        ((("19,90 \u20ac", GENERAL), ("12,00 \u20ac", GENERAL), ("$ 9,50", GENERAL)), {2, 4}),
        ((("\u00a35", GENERAL), (12.0, EUROS)), {2, 3}),
    ],
)
def test_prices_in_two_currencies_are_no_numbers_of_one_kind(
    prices: Sequence[tuple[float | str, int]], lines: set[int]
) -> None:
    rows = [row(str(n), price=price, price_style=style) for n, (price, style) in enumerate(prices)]
    with pytest.raises(ContradictoryTable) as refused:
        read(rows)
    assert refused.value.details and {refused.value.details["line"], refused.value.details["otherLine"]} == lines


def test_signs_that_may_be_one_currency_are_taken_for_it() -> None:
    good, bad = read([row("a", price="$5.00", price_style=GENERAL), row("b", price="USD 7.50", price_style=GENERAL)])
    assert not bad and [one.price for one in good] == [5, 7.5]


@pytest.mark.parametrize(
    "word", ["Total", "TOTAL:", "Grand total", "Summe", "Gesamtsumme", "Total g\u00e9n\u00e9ral", "\u5408\u8ba1"]
)
def test_a_row_of_totals_is_named_and_no_product(word: str) -> None:
    table = f"image,units,price,category,date\na,1,5.50,dress,2026-01-31\n{word},1,5.50,,\n,,,{word},\n"
    good, bad = tables.parse_sales(tables.read_table(table.encode(), SALES_COLUMNS))
    assert [one.image for one in good] == ["a"]
    assert [(one.line, one.problem.partition(":")[0]) for one in bad] == [
        (3, "is a row of totals and no data"), (4, "is a row of totals and no data")
    ]  # fmt: skip
