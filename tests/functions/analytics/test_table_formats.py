"""Tables as people's programs write them: the values that were meant, or a refusal, and never another value."""

from __future__ import annotations

import csv
import io
import unicodedata
import zipfile
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from functions.analytics import tables
from functions.analytics.tables import SALES_COLUMNS, RowProblem, SalesRow
from shared.errors import StudioError
from shared.tables.format import AmbiguousTable, ContradictoryTable, TableFormat

HEADER = ("image", "units", "price", "category", "date")
DAY = date(2026, 1, 31)


def read(data: bytes | str, **said: Any) -> tuple[list[SalesRow], list[RowProblem]]:
    data = data.encode() if isinstance(data, str) else data
    return tables.parse_sales(tables.read_table(data, SALES_COLUMNS, TableFormat(**said)))


def values(rows: list[SalesRow]) -> list[tuple[float, float, str, str]]:
    return [(row.units, row.price, row.category, date.fromordinal(row.day).isoformat()) for row in rows]


def one(
    units: str = "3", price: str = "19.99", category: str = "dress", day: str = "2026-01-31", mark: str = ";"
) -> str:
    return mark.join(("a1", units, price, category, day))


def table(*rows: str, header: str = ";".join(HEADER)) -> str:
    return "\n".join((header, *rows)) + "\n"


THOUSANDS = """image;units;price;category;date
a1;1.200;1.299;dress;2026-01-31
a2;1.000;1.299,00;dress;2026-01-31
a3;12.000;2.500;dress;2026-01-31
"""
SEP_LINE = "sep=;\nimage;units;price;category;date\na1;3;19,99;dress;2026-01-31\n"


def test_thousands_are_read_by_the_whole_file() -> None:
    rows, bad = read(THOUSANDS)
    assert not bad
    assert [(row.units, row.price) for row in rows] == [(1200, 1299), (1000, 1299), (12000, 2500)]
    found = tables.read_table(THOUSANDS.encode(), SALES_COLUMNS)
    (decimal,) = [how for how in found.read_as if how.what == "decimal"]
    assert (decimal.value, decimal.line) == ("comma", 3) and "1.299,00" in decimal.because


def test_a_sep_line_is_a_hint_and_lines_are_counted_with_it() -> None:
    rows, bad = read(SEP_LINE)
    assert not bad and values(rows) == [(3, 19.99, "dress", "2026-01-31")]
    assert rows[0].line == 3
    assert values(read('"sep=,"\r\n' + table(one(mark=","), header=",".join(HEADER)))[0])


@pytest.mark.parametrize(
    ("rows", "setting", "column", "line"),
    [
        ((one("12.000", "5"),), "decimal", "units", 2),
        ((one("5", "5"), one("12,000", "5")), "decimal", "units", 3),
        ((one("5", "1.299"),), "decimal", "price", 2),
        ((one("5", "1,299"), one("7", "2,500", day="2026-01-30")), "decimal", "price", 2),
        ((one(day="03/04/2026"),), "dates", "date", 2),
        ((one(day="01-02-2025"), one(day="05-06-2025")), "dates", "date", 2),
        ((one(day="10-11-12"),), "dates", "date", 2),
    ],
)
def test_what_can_be_read_in_two_ways_is_asked_for_by_the_setting_that_decides(
    rows: tuple[str, ...], setting: str, column: str, line: int
) -> None:
    with pytest.raises(AmbiguousTable) as asked:
        read(table(*rows))
    details = asked.value.details
    assert details and (details["setting"], details["column"], details["line"]) == (setting, column, line)
    assert f"{setting}=" in asked.value.message and asked.value.status == 422
    assert len(set(details["readings"])) == 2
    for choice in details["choices"]:
        good, bad = read(table(*rows), **{setting: choice})
        assert len(good) + len({problem.line for problem in bad}) == len(rows)


@pytest.mark.parametrize(
    ("rows", "lines"),
    [
        ((one(price="19.99"), one(price="19,99")), {2, 3}),
        ((one("1.234.567", "5"), one("5", "5.5")), {2, 3}),
        ((one(day="31/01/2026"), one(day="01/31/2026")), {2, 3}),
    ],
)
def test_cells_that_contradict_each_other_are_refused_by_line_and_column(
    rows: tuple[str, ...], lines: set[int]
) -> None:
    with pytest.raises(ContradictoryTable) as refused:
        read(table(*rows))
    details = refused.value.details
    assert details and {details["line"], details["otherLine"]} == lines and details["column"] in HEADER


def test_a_setting_makes_the_other_cells_bad_rows() -> None:
    good, bad = read(table(one(price="19.99"), one(price="19,99", day="2026-01-30")), decimal="comma")
    assert [row.line for row in good] == [3] and [(p.line, p.column) for p in bad] == [(2, "price")]
    assert "19.99" in bad[0].problem and "decimal comma" in bad[0].problem


@pytest.mark.parametrize(
    "data",
    [
        table(one()).encode("utf-8-sig"),
        table(one()).encode("utf-16"),
        table(one()).encode("utf-16-le"),
        table(one()).encode("utf-16-be"),
        table(one()).replace("\n", "\r\n").encode(),
        table(one()).replace("\n", "\r").encode(),
        table(one(), header='"image";"Units";" price ";CATEGORY;"date"').encode(),
        table(one() + ";;", ";;;;;;", "", header=";".join(HEADER) + ";;").encode(),
        ("Sales of January\n\n" + table(one(), "", ";;;;")).encode(),
        table("\t".join(one().split(";")), header="\t".join(HEADER)).encode(),
        table("|".join(one().split(";")), header="|".join(HEADER)).encode(),
        table('"a1",3,19.99,"dress",2026-01-31', header=",".join(HEADER)).encode(),
    ],
)
def test_habits_of_programs_are_known(data: bytes) -> None:
    rows, bad = read(data)
    assert not bad and values(rows) == [(3, 19.99, "dress", "2026-01-31")]


def test_a_delimiter_in_quotes_is_none() -> None:
    rows, bad = read(table('"a;b,c;;;;;";3;19.99;"dress; long, red";2026-01-31'))
    assert not bad and (rows[0].image, rows[0].category) == ("a;b,c;;;;;", "dress; long, red")
    listed = tables.read_table(b"image\nhttps://x/a,b.jpg\nc;d.jpg\n", ("image",))
    assert listed.columns == ("image",)


def test_windows_1252_is_read_as_such_and_said() -> None:
    data = table(one(category="Röcke – Größe"), one(category="Jupe évasée, 5 €", day="2026-01-30")).encode("cp1252")
    rows, bad = read(data)
    assert not bad and [row.category for row in rows] == ["röcke – größe", "jupe évasée, 5 €"]
    (encoding,) = [how for how in tables.read_table(data, SALES_COLUMNS).read_as if how.what == "encoding"]
    assert (encoding.value, encoding.line) == ("windows-1252", 2)


@pytest.mark.parametrize(
    ("category", "encoding"),
    [("Юбка", "cp1251"), ("連衣裙", "gbk"), ("sukienka żółta", "cp1250"), ("ワンピース", "shift-jis")],
)
def test_other_encodings_are_read_when_they_are_named(category: str, encoding: str) -> None:
    data = table(one(category=category)).encode(encoding)
    with pytest.raises(StudioError) as refused:
        read(data)
    assert refused.value.code == "csv_encoding" and refused.value.details and refused.value.details["line"] == 2
    rows, bad = read(data, charset=encoding)
    assert not bad and rows[0].category == category.lower()


def test_spellings_of_a_category_are_one() -> None:
    spelt = [unicodedata.normalize(form, "Crème & Été") for form in ("NFC", "NFD")] + ["crème  &amp; ÉTÉ"]
    rows, bad = read(table(*(one(category=f'"{text}"', day=f"2026-01-{n + 1:02}") for n, text in enumerate(spelt))))
    assert not bad and {row.category for row in rows} == {"crème & été"}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1'299.50", 1299.5), ("1’299.50", 1299.5), ("1 299,50", 1299.5), ("1\u202f299,50", 1299.5),
        ("1\u00a0299,50", 1299.5), ("1\u2009299,50", 1299.5), ("12,34,567.00", None), ("1,299.50", 1299.5),
        ("1.299,50", 1299.5), ("€ 12,50", 12.5), ("12,50 €", 12.5), ("$12.50", 12.5), ("CHF 12.50", 12.5),
        ("12.50 EUR", 12.5), ("19.-", 19), ("19,–", 19), ("1.299,-", 1299), ("1,299.--", 1299),
        ("R$ 12,50", 12.5), ("12,50 zł", 12.5), ("kr. 12,50", 12.5),
        ("1.25E+01", 12.5), ("١٢٫٥", 12.5), ("+12.50", 12.5), (".5", 0.5), ("US$ 5.50", 5.5), ("5.5 US$", 5.5),
        ("(12.50)", None), ("-12.50", None), ("12.50-", None), ("−12.50", None), ("12.5%", None), ("12.50.1", None),
        ("1,2,3", None), ("1 23", None), ("0x10", None), ("1e400", None), ("", None), ("n/a", None), ("#DIV/0!", None),
        ("12.50 per piece", None),
    ],
)  # fmt: skip
def test_prices(written: str, value: float | None) -> None:
    rows, bad = read(table(one(price=f'"{written}"')))
    if value is None:
        assert [(problem.line, problem.column) for problem in bad] == [(2, "price")]
        assert not written or written in bad[0].problem
    else:
        assert not bad and rows[0].price == pytest.approx(value)


@pytest.mark.parametrize(
    "written",
    [
        "2026-01-31", "2026/1/31", "2026.01.31", "20260131", "31.01.2026", "31.1.26", "31/01/2026", "1/31/2026",
        "31-01-2026", "46053", "46053.75", "2026-01-31T23:15:00Z", "2026-01-31 10:00", "31.01.2026 14:30",
        "31 Jan 2026",
        "31-Jan-26", "Jan 31, 2026", "January 31st, 2026", "Sat, 31 Jan 2026", "31. Januar 2026", "31 janvier 2026",
        "31 janv. 2026", "31 de enero de 2026", "31 gennaio 2026", "31 januari 2026", "31 de janeiro de 2026",
        "2026年1月31日", "٣١/٠١/٢٠٢٦", "31. 1. 2026", "2026. 01. 31.",
    ],
)  # fmt: skip
def test_dates(written: str) -> None:
    rows, bad = read(table(one(day=f'"{written}"')))
    assert not bad and date.fromordinal(rows[0].day) == DAY


@pytest.mark.parametrize(
    "written", ["31.02.2026", "2026-13-01", "soon", "31 Foo 2026", "", "12", "1.2026", "99/99/2026"]
)
def test_what_is_no_date_is_a_bad_row(written: str) -> None:
    _, bad = read(table(one(day=written), one(day="2026-01-30")))
    assert [(problem.line, problem.column) for problem in bad] == [(2, "date")] and written in bad[0].problem


def workbook(*rows: tuple[Any, ...], change: Callable[[Any], None] | None = None, header: Any = HEADER) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (header, *rows):
        sheet.append(row)
    if change is not None:
        change(book)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_workbooks_are_read_with_their_own_numbers_and_dates() -> None:
    rows, bad = read(
        workbook(
            ("a1", 12, 19.99, "Dress", DAY),
            (1001, "1.200", "1.299,00", "Crème", "30.01.2026"),
            ("a3", 5.5, 3, "hat", DAY),
            ("a4", 5, 3, "hat", True),
        )
    )
    assert values(rows) == [(12, 19.99, "dress", "2026-01-31"), (1200, 1299, "crème", "2026-01-30")]
    assert rows[1].image == "1001"
    assert [(problem.line, problem.column) for problem in bad] == [(4, "units"), (5, "date")]


def test_a_workbook_keeps_its_own_calendar_and_stored_results_and_rows() -> None:
    def change(book: Any) -> None:
        book.epoch = CALENDAR_MAC_1904
        book.active.insert_rows(1, 3)
        book.active.insert_cols(1, 1)
        book.active["B1"] = "Sales of January"
        book.create_sheet("Notes")["A1"] = "image"

    data = workbook(("a1", 12, 19.99, "dress", DAY), (), ("a2", 1, 2, "hat", "2026-01-30"), change=change)
    rows, bad = read(data)
    assert not bad and [row.line for row in rows] == [5, 7] and rows[0].day == DAY.toordinal()
    formula = workbook(("a1", "=1+1", 2, "hat", "2026-01-30"))
    assert [(problem.line, problem.column) for problem in read(formula)[1]] == [(2, "units")]


def test_the_sheet_is_the_one_with_the_columns_or_asked_for() -> None:
    def second(book: Any) -> None:
        sheet = book.create_sheet("February")
        for row in (HEADER, ("b1", 7, 8, "bag", DAY)):
            sheet.append(row)
        book.create_sheet("Empty")

    data = workbook(("a1", 12, 19.99, "dress", DAY), change=second)
    with pytest.raises(StudioError) as asked:
        read(data)
    assert asked.value.code == "table_ambiguous" and asked.value.details
    assert asked.value.details["choices"] == ["Sheet", "February"]
    assert read(data, sheet="February")[0][0].units == 7
    with pytest.raises(StudioError) as refused:
        read(data, sheet="March")
    assert refused.value.details and "February" in refused.value.details["sheets"]


def repacked(data: bytes, name: str, change: Callable[[bytes], bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            content = old.read(part)
            new.writestr(part.filename, change(content) if part.filename == name else content)
    return out.getvalue()


def test_workbooks_that_unpack_to_far_more_than_they_are_are_refused() -> None:
    good = workbook(("a1", 12, 19.99, "dress", DAY))
    sheet = "xl/worksheets/sheet1.xml"
    bombs = {
        "xlsx_too_large": repacked(good, "xl/styles.xml", lambda xml: xml + b" " * (300 * 1024 * 1024)),
        "too_many_rows": repacked(good, sheet, lambda xml: xml.replace(b'r="A2"', b'r="A1048576"')),
        "too_many_columns": repacked(good, sheet, lambda xml: xml.replace(b'r="A2"', b'r="XFD2"')),
    }
    for code, data in bombs.items():
        assert len(data) < 1_000_000
        with pytest.raises(StudioError) as refused:
            read(data)
        assert (refused.value.code, refused.value.status) == (code, 413)
    for broken in (good[: len(good) // 2], b"PK\x03\x04" + bytes(100), b"\xd0\xcf\x11\xe0" + bytes(600)):
        with pytest.raises(StudioError) as refused:
            read(broken)
        assert (refused.value.code, refused.value.status) == ("xlsx_malformed", 422)


NUMBERS = {
    "en": (",", "."), "de": (".", ","), "fr": ("\u202f", ","), "ch": ("’", "."), "it-ch": ("'", "."),
    "sv": ("\u00a0", ","),
    "plain": ("", "."), "plain-comma": ("", ","),
}  # fmt: skip
DATES = {
    "iso": "%Y-%m-%d", "de": "%d.%m.%Y", "de2": "%d.%m.%y", "us": "%m/%d/%Y", "us2": "%m/%d/%y", "gb": "%d/%m/%Y",
    "gb2": "%d/%m/%y", "nl": "%d-%m-%Y", "ja": "%Y/%m/%d", "compact": "%Y%m%d", "name": "%d %b %Y", "long": "%B %d, %Y",
}  # fmt: skip
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252")
SIGNS = ("", "€ ", " €", "$", " EUR", "CHF ")


def written(value: float, decimals: int, style: str, sign: str) -> str:
    group, mark = NUMBERS[style]
    text = f"{value:,.{decimals}f}".replace(",", "\0").replace(".", mark).replace("\0", group)
    return f"{sign}{text}" if not sign.startswith(" ") else f"{text}{sign}"


@st.composite
def sold(draw: st.DrawFn) -> tuple[int, float, date]:
    cents = draw(st.integers(1, 100_000_00))
    return draw(st.integers(0, 2_000_000)), cents / 100, DAY - timedelta(days=draw(st.integers(0, 12_000)))


@settings(
    max_examples=400, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
@given(
    st.lists(sold(), min_size=1, max_size=8),
    st.sampled_from(sorted(NUMBERS)),
    st.sampled_from(sorted(DATES)),
    st.sampled_from(",;\t|"),
    st.sampled_from(ENCODINGS),
    st.sampled_from(SIGNS),
    st.integers(0, 3),
    st.booleans(),
)
def test_known_values_in_any_dialect_come_back_or_are_refused_and_are_never_others(
    rows: list[tuple[int, float, date]],
    numbers: str,
    dates: str,
    delimiter: str,
    encoding: str,
    sign: str,
    decimals: int,
    hint: bool,
) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, quoting=csv.QUOTE_ALL if delimiter == "\t" else csv.QUOTE_MINIMAL)
    writer.writerow(HEADER)
    expected: list[tuple[float, float, str, str]] = []
    for number, (units, price, day) in enumerate(rows):
        price = max(round(price, decimals), 1.0)
        fields = (
            written(units, 0, numbers, ""),
            written(price, decimals, numbers, sign),
            "Röcke",
            day.strftime(DATES[dates]),
        )
        writer.writerow((f"a{number}", *fields))
        expected.append((units, price, "röcke", day.isoformat()))
    text = (f"sep={delimiter}\r\n" if hint else "") + out.getvalue()
    try:
        data = text.encode(encoding)
    except UnicodeEncodeError:
        return
    try:
        good, bad = read(data)
    except (AmbiguousTable, ContradictoryTable) as asked:
        setting = str((asked.details or {}).get("setting", ""))
        said = {"decimal": "comma" if NUMBERS[numbers][1] == "," else "point", "dates": order_of(dates)}
        assert setting in said
        good, bad = read(data, **said)
    assert not bad and values(good) == expected


def order_of(dates: str) -> str:
    return "ymd" if DATES[dates].startswith("%Y") else "mdy" if DATES[dates].startswith("%m") else "dmy"


@pytest.mark.parametrize(
    "text",
    [
        table(one(price="19€99")),
        table(one(price="19$99")),
        table(one(units="3 pcs")),
        table(one(units="3 Stk.", price="19,99 €")),
        table(one(units="3szt")),
        "\u00ef\u00bb\u00bf" + table(one()),
        table(one(), header="Zdjęcie;Ilość;Cena;Kategoria;Data"),
        table(one(), header="Görsel;Adet;Fiyat;Kategori;Tarih"),
        table(one(), header="фото;количество;цена;категория;дата"),
        table(one(), header="画像;数量;価格;カテゴリ;日付"),
        table(one(), header="图片;销量;价格;类别;日期"),
    ],
)  # fmt: skip
def test_what_cells_and_headers_have_beside_their_values(text: str) -> None:
    rows, bad = read(text)
    assert not bad
    assert values(rows) == [(3, 19.99, "dress", "2026-01-31")]


@pytest.mark.parametrize("units", ["3 kg", "3 red", "3 x 2", "pcs", "3 pcs 4"])
def test_units_of_something_else_are_no_units(units: str) -> None:
    rows, bad = read(table(one(units=units)))
    assert not rows and bad[0].column == "units"
