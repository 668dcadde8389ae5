"""Names of columns: units behind them, other names of one column, headers over two rows, and what is left open."""

from __future__ import annotations

import pytest

from shared.errors import Unprocessable
from shared.tables.files import Grid, read_grid
from shared.tables.format import TableFormat
from shared.tables.headers import Heading, heading

REQUIRED = ("image", "units", "date")
OPTIONAL = ("price", "category")


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        ("PRICE (EUR)", Heading("price", currency="EUR")),
        ("Price [usd]", Heading("price", currency="USD")),
        ("price(\u20ac)", Heading("price", currency="EUR")),
        ("Price in $", Heading("price", currency="$")),
        ("Unit price, GBP", Heading("unit_price", currency="GBP")),
        ("price_chf", Heading("price", currency="CHF")),
        ("Preis in Euro", Heading("preis", currency="EUR")),
        ("PREIS \u20ac", Heading("preis", currency="EUR")),
        ("Variant Price / CAD", Heading("variant_price", currency="CAD")),
        ("sale_price", Heading("sale_price")),
        ("Units (pcs)", Heading("units")),
        ("Menge [St\u00fcck]", Heading("menge")),
        ("Date (DD/MM/YYYY)", Heading("date", dates="dmy")),
        ("Date (mm-dd-yy)", Heading("date", dates="mdy")),
        ("Datum (TT.MM.JJJJ)", Heading("datum", dates="dmy")),
        ("date (yyyy-mm-dd)", Heading("date", dates="ymd")),
        ("Date (UTC)", Heading("date")),
        ("SKU*", Heading("sku")),
        ("* image :", Heading("image")),
        ("'Price (EUR)'", Heading("price", currency="EUR")),
        ("price (required)", Heading("price")),
        ("Preis (Pflichtfeld)*", Heading("preis")),
        ("Units (pcs)*", Heading("units")),
        ("***", Heading("***")),
        # Not a unit of these columns, or one in which the numbers are others.
        ("Price (k\u20ac)", Heading("price_(k\u20ac)")),
        ("Price (TSD EUR)", Heading("price_(tsd_eur)")),
        ("Price in cents", Heading("price_in_cents")),
        ("Price (all)", Heading("price_(all)")),
        ("Price (net)", Heading("price_(net)")),
        ("Units (thousands)", Heading("units_(thousands)")),
        ("Units (%)", Heading("units_(%)")),
        ("Body (HTML)", Heading("body_(html)")),
        ("Cost per item", Heading("cost_per_item")),
        ("Colour (EUR)", Heading("colour_(eur)")),
        ("", Heading("")),
        ("()", Heading("()")),
    ],
)
def test_a_unit_is_known_where_it_changes_no_number(cell: str, found: Heading) -> None:
    assert heading(cell) == found


def read(*lines: str) -> Grid:
    return read_grid("\n".join(lines).encode(), REQUIRED, TableFormat(), OPTIONAL)


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        ("Photo,Qty sold,Sale date,Unit price,Product category", ("image", "units", "date", "price", "category")),
        ("Bild;Menge;Datum;Preis (EUR);Warengruppe", ("image", "units", "date", "price", "category")),
        ("image,units,date,price,sale_price", ("image", "units", "date", "price", "sale_price")),
        ("image,units,date,SALE PRICE", ("image", "units", "date", "price")),
    ],
)
def test_a_column_has_other_names_if_no_column_has_its_own(header: str, columns: tuple[str, ...]) -> None:
    mark = ";" if ";" in header else ","
    grid = read(header, mark.join(("a", "3", "2026-01-31", "5", "dress")[: len(columns)]))
    assert grid.columns == columns
    called = {how.value: how.because for how in grid.read_as if how.what == "column"}
    assert set(called) == set(columns) - {name.strip().lower() for name in header.split(mark)}
    assert all("the header calls it" in why for why in called.values())


@pytest.mark.parametrize(
    ("header", "column", "choices"),
    [
        ("image,units,date,list price,sale price", "price", ["list price", "sale price"]),
        ("image,qty,quantity,date", "units", ["qty", "quantity"]),
    ],
)
def test_of_two_names_of_one_column_none_is_chosen(header: str, column: str, choices: list[str]) -> None:
    with pytest.raises(Unprocessable) as refused:
        read(header, "a,1,2026-01-31,5,6")
    details = refused.value.details or {}
    assert refused.value.code == "table_ambiguous"
    assert (details["column"], details["choices"]) == (column, choices) and f"`{column}`" in refused.value.message


def test_a_unit_that_changes_the_numbers_is_named_in_the_refusal() -> None:
    with pytest.raises(Unprocessable) as refused:
        read("image,units (thousands),date", "a,1,2026-01-31")
    assert refused.value.code == "csv_columns" and "`units_(thousands)`" in refused.value.message


def test_two_rows_may_be_the_header_together() -> None:
    grid = read("Report,,,", "Image,Sales,,Date", ",Units,Price (EUR),", "a,3,5,2026-01-31")
    assert grid.columns == ("image", "units", "price", "date")
    assert grid.currencies == {"price": "EUR"} and [line for line, _ in grid.rows] == [4]


def test_the_order_of_dates_in_a_header_is_read() -> None:
    assert read("image,units,Date (MM/DD/YYYY)", "a,3,01/02/2026").date_order == "mdy"
