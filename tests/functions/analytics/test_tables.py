"""Merchants' tables: a file that cannot be read is refused with the reason, every bad row is named by its line."""

from __future__ import annotations

import csv
import io
import time
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.analytics import tables
from shared.errors import StudioError

GOOD = "a1,12,19.90,Dress,2025-03-01"
HEADER = "image,units,price,category,date"


def checked(*lines: str, header: str = HEADER) -> tuple[list[tables.SalesRow], list[tables.RowProblem]]:
    return tables.parse_sales(tables.read_table("\n".join([header, *lines]).encode(), tables.SALES_COLUMNS))


def refused(data: bytes) -> tuple[str, int]:
    with pytest.raises(StudioError) as caught:
        tables.parse_sales(tables.read_table(data, tables.SALES_COLUMNS))
    return caught.value.code, caught.value.status


def test_a_good_row_is_parsed() -> None:
    (sale,), bad = checked(GOOD)
    assert not bad
    assert sale == tables.SalesRow(2, "a1", 12, 19.9, "dress", date(2025, 3, 1).toordinal())


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "csv_empty"),
        (b"\n\n", "csv_empty"),
        (HEADER.encode(), "csv_empty"),
        (f"{HEADER}\n\u042e\u0431\u043a\u0430,1,2,x,2025-01-01".encode("cp1251"), "csv_encoding"),
        (f"{HEADER}\nsp\u00f3dnica ma\u0142a,1,2,x,2025-01-01".encode("cp1250"), "csv_encoding"),
        (f"{HEADER}\n\u9023\u8863\u88d9,1,2,x,2025-01-01".encode("gbk"), "csv_encoding"),
        (f"{HEADER}\n{GOOD}".encode("utf-16")[:-1], "csv_encoding"),
        (f"{HEADER}\na\0b,1,2,x,2025-01-01".encode(), "csv_encoding"),
        (b"image,units,price\na,1,2", "csv_columns"),
        (f"{HEADER},units\n{GOOD},3".encode(), "csv_columns"),
        (f'{HEADER}\n"open,1,2,x,2025-01-01'.encode(), "csv_malformed"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "table_unsupported"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_refused_with_the_reason(data: bytes, code: str) -> None:
    assert refused(data) == (code, 422)


def test_a_wrong_encoding_is_located_and_missing_columns_are_named() -> None:
    with pytest.raises(StudioError) as caught:
        tables.read_table(f"{HEADER}\n{GOOD}\n".encode() + "Юбка".encode("cp1251"), tables.SALES_COLUMNS)
    assert caught.value.details == {"line": 3, "byte": len(HEADER) + len(GOOD) + 2}
    with pytest.raises(StudioError) as caught:
        tables.read_table(b"image,price,sales\na,1,2", tables.SALES_COLUMNS)
    assert caught.value.details and caught.value.details["missing"] == ["units", "category", "date"]


@pytest.mark.parametrize(
    ("row", "column", "word"),
    [
        (",12,19.90,dress,2025-03-01", "image", "empty"),
        ("a,-3,19.90,dress,2025-03-01", "units", "negative"),
        ("a,NaN,19.90,dress,2025-03-01", "units", "finite"),
        ("a,inf,19.90,dress,2025-03-01", "units", "finite"),
        ("a,,19.90,dress,2025-03-01", "units", "empty"),
        ("a,many,19.90,dress,2025-03-01", "units", "not a number"),
        ("a,1.5,19.90,dress,2025-03-01", "units", "whole"),
        ("a,1_0,19.90,dress,2025-03-01", "units", "finite"),
        ("a,1e9,19.90,dress,2025-03-01", "units", "whole"),
        ("a,1,0,dress,2025-03-01", "price", "above 0"),
        ("a,1,-5,dress,2025-03-01", "price", "above 0"),
        ("a,1,nan,dress,2025-03-01", "price", "finite"),
        ("a,1,5,,2025-03-01", "category", "empty"),
        (f"a,1,5,{'x' * 61},2025-03-01", "category", "too long"),
        ("a,1,5,dress,01.13.2025", "date", "2026-01-31"),
        ("a,1,5,dress,2025-02-30", "date", "2026-01-31"),
        ("a,1,5,dress,2999-01-01", "date", "future"),
        ("a,1,5,dress", "date", "empty"),
        ("a,1,5,dress,2025-03-01,more", "row", "6 cells"),
        (f"{'x' * 3000},1,5,dress,2025-03-01", "row", "2048"),
    ],
)
def test_a_bad_row_is_named_by_line_column_and_reason(row: str, column: str, word: str) -> None:
    good, bad = checked(GOOD, row, "b,1,5,dress,2025-03-01")
    assert [sale.line for sale in good] == [2, 4]
    assert [(one.line, one.column) for one in bad] == [(3, column)]
    assert word in bad[0].problem


def test_all_problems_of_a_row_are_reported_and_no_row_is_lost() -> None:
    good, bad = checked(GOOD, ",x,-1,,nonsense", GOOD, "c,1,5,dress,2025-03-01")
    assert [one.column for one in bad if one.line == 3] == ["image", "units", "price", "category", "date"]
    assert [(one.line, one.column) for one in bad if one.line == 4] == [(4, "image")]
    assert "line 2" in bad[-1].problem
    assert len({one.line for one in bad}) + len(good) == 4
    rows = list(csv.reader(io.StringIO(tables.problem_report(bad).decode())))
    assert rows[0] == ["line", "column", "problem"] and len(rows) == 1 + len(bad)


def test_semicolons_decimal_commas_and_quoted_line_breaks_are_read() -> None:
    data = f"\ufeff{HEADER.replace(',', ';')};Notiz\r\nb;7;12,50;Kleid;2025-05-05;ja\r\n".encode()
    table = tables.read_table(data, tables.SALES_COLUMNS)
    (sale,), bad = tables.parse_sales(table)
    assert not bad and (sale.price, sale.category, table.ignored) == (12.5, "kleid", ("notiz",))
    quoted = tables.read_table(f'{HEADER}\n"a\nb",1,2,x,2025-01-01\nc,1,2,x,2025-01-01'.encode(), tables.SALES_COLUMNS)
    assert [sale.line for sale in tables.parse_sales(quoted)[0]] == [2, 4]


def test_a_hundred_thousand_rows_are_checked_and_one_more_is_refused() -> None:
    days = [(date(2020, 1, 1) + timedelta(days=n)).isoformat() for n in range(2000)]
    lines = [f"picture-{n // 2000},{n % 97},{5 + n % 40}.95,shirt,{days[n % 2000]}" for n in range(100_000)]
    lines[77_776] = lines[77_776].replace(",shirt", ",")
    data = "\n".join([HEADER, *lines]).encode()
    started = time.process_time()
    good, bad = tables.parse_sales(tables.read_table(data, tables.SALES_COLUMNS))
    assert time.process_time() - started < 20
    assert len(good) == 99_999
    assert [(one.line, one.column) for one in bad] == [(77_778, "category")]
    assert refused(data + b"\nz,1,2,x,2020-01-01") == ("too_many_rows", 413)


def test_empty_fields_of_a_list_are_not_given() -> None:
    table = tables.read_table(b"Image ID,price\nabc,12\ndef,\nghi,-1\n,3", tables.BATCH_COLUMNS)
    good, bad = tables.parse_batch(table)
    assert [(one.image, one.price, one.category) for one in good] == [("abc", 12.0, None), ("def", None, None)]
    assert [(one.line, one.column) for one in bad] == [(4, "price"), (5, "image")]


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode), st.booleans())
def test_any_bytes_are_read_or_refused(data: bytes, headed: bool) -> None:
    try:
        table = tables.read_table(HEADER.encode() + b"\n" + data if headed else data, tables.SALES_COLUMNS)
    except StudioError:
        return
    good, bad = tables.parse_sales(table)
    assert len(good) + len({one.line for one in bad}) == len(table.rows)


def test_numbers_of_an_input_method_for_japanese_or_chinese_are_read() -> None:
    text = "image,units,price,category,date\na,\uff15,\uff11\uff12\uff0e\uff15,hat,2026-01-31\n"
    (row,), problems = tables.parse_sales(tables.read_table(text.encode(), tables.SALES_COLUMNS))
    assert (row.units, row.price, problems) == (5.0, 12.5, [])
