"""Products from workbooks and tables: what formats, headers and signs say of prices and numbers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from workbook_writers import DAY, EUROS, GENERAL, PERCENT, WRITERS, ZEROS, Cell, Writer

from functions.catalogue.feed_kinds import read_feed
from functions.catalogue.feed_products import FeedProduct, Prices, products_of
from shared.errors import Unprocessable
from shared.tables.format import TableFormat

HEADER: tuple[Cell, ...] = tuple((name, GENERAL) for name in ("SKU", "Title", "Price", "Size"))


def products(data: bytes | str, currency: str | None = None) -> list[FeedProduct]:
    feed = read_feed(data.encode() if isinstance(data, str) else data, TableFormat())
    return products_of(feed, Prices.of(feed, "auto", currency))


def price_of(one: FeedProduct) -> tuple[str, str]:
    assert not one.problems and one.change is not None and one.change.price is not None, one.problems
    return f"{one.change.price.amount}", one.change.price.currency


def refusal(one: FeedProduct) -> tuple[int, str, str]:
    (problem,) = one.problems
    return problem.line, problem.column, problem.message


@pytest.mark.parametrize("writer", WRITERS)
def test_a_workbook_of_any_program_gives_the_same_products(writer: Callable[[], Writer]) -> None:
    rows: list[tuple[Cell, ...]] = [
        HEADER,
        ((12, ZEROS), ("Shirt", GENERAL), (19.9, EUROS), ("S, M", GENERAL)),
        (("B", GENERAL), ("Coat", GENERAL), (0.19, PERCENT), ("L", GENERAL)),
        (("C", GENERAL), ("Sock", GENERAL), (5, EUROS), (date(2026, 12, 10), DAY)),
        (("Total", GENERAL), None, (25.09, EUROS), None),
    ]
    shirt, coat, sock, total = products(writer().write(rows))
    assert shirt.sku == "00012" and price_of(shirt) == ("19.90", "EUR")
    assert refusal(coat)[:2] == (3, "price") and "percentage" in refusal(coat)[2]
    assert refusal(sock)[:2] == (4, "size") and "spreadsheet" in refusal(sock)[2]
    assert refusal(total)[:2] == (5, "row") and "totals" in refusal(total)[2]


@pytest.mark.parametrize(
    ("header", "cell", "currency", "expected"),
    [
        ("price (EUR)", "19.90", None, "EUR"),
        ("price in $", "19.90", "CAD", "CAD"),
        ("price [USD]", "$19.90", None, "USD"),
        ("unit price", "19.90 GBP", None, "GBP"),
        ("SALE PRICE \u20ac", "19,90", None, "EUR"),
        ("price", "$19.90", "USD", "USD"),
        ("price", "19.90 kr", "SEK", "SEK"),
        ("price", "\u20ac19.90", "USD", "EUR"),
    ],
)
def test_the_currency_is_what_all_that_names_one_agrees_on(
    header: str, cell: str, currency: str | None, expected: str
) -> None:
    (one,) = products(f'sku;title;{header}\nA;Shirt;"{cell}"\n', currency)
    assert price_of(one) == ("19.90", expected)


@pytest.mark.parametrize(
    ("header", "cell", "currency", "words"),
    [
        ("price (EUR)", "19.90 USD", None, "is in USD, the header says EUR"),
        ("price", "$19.90", "EUR", "is in one of ARS, AUD, BBD ..., and not in EUR"),
        ("price", "$19.90", None, "is in one of"),
        ("price in $", "19.90", None, "send `currency="),
        ("price in $", "\u20ac19.90", None, "is in EUR, the header says one of"),
        ("price", "\u00a519.90", "USD", "is in one of CNY, JPY"),
    ],
)
def test_currencies_that_contradict_each_other_are_refused(
    header: str, cell: str, currency: str | None, words: str
) -> None:
    (one,) = products(f'sku;title;{header}\nA;Shirt;"{cell}"\n', currency)
    line, column, message = refusal(one)
    assert (line, column) == (2, "price") and words in message


def test_a_sale_price_beside_a_price_is_said() -> None:
    (one,) = products("sku,title,price,sale_price,currency\nA,Shirt,19.90,9.90,EUR\n")
    assert price_of(one) == ("19.90", "EUR")
    (notice,) = one.notices
    assert (notice.column, notice.read) == ("sale_price", "9.90") and "not read" in notice.message


@pytest.mark.parametrize("header", ["title,name", "sku,artikelnummer"])
def test_names_of_one_column_beside_its_own_are_ignored(header: str) -> None:
    own, other = header.split(",")
    feed = read_feed(f"sku,title,price,{other}\nA,Shirt,5,x\n".encode(), TableFormat())
    assert own in feed.grid.columns and (other == "name" or other in feed.ignored)


@pytest.mark.parametrize("size", ["12. Okt", "12-Oct", "Okt-12", "10-Dez.", "1/feb"])
def test_a_size_that_became_a_date_is_refused_and_words_are_not(size: str) -> None:
    (one,) = products(f"sku,title,size\nA,Shirt,{size}\n")
    assert refusal(one)[:2] == (2, "size")
    for kept in ("0-3 months", "Set 3", "10-12", "W32/L34", "M"):
        (good,) = products(f"sku,title,size\nA,Shirt,{kept}\n")
        assert not good.problems


def test_two_columns_that_may_be_the_price_are_asked_about() -> None:
    with pytest.raises(Unprocessable) as refused:
        products("sku,title,list price,sale price\nA,Shirt,5,4\n")
    assert refused.value.code == "table_ambiguous" and "list price" in refused.value.message


def test_a_brand_called_total_is_no_sum() -> None:
    (one,) = products("brand,sku,title,price,currency\nTotal,T-1,Shirt,5.00,EUR\n")
    assert price_of(one) == ("5.00", "EUR")
