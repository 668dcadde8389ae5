"""Dates with the names of months in every language that is read, as ICU writes them."""

from __future__ import annotations

from datetime import date
from importlib import import_module
from typing import Any

import pytest

from shared.tables import months
from shared.tables.dates import date_format, readings
from shared.tables.format import AmbiguousTable, Cell

icu: Any = import_module("icu")
STYLES = (icu.DateFormat.LONG, icu.DateFormat.MEDIUM, icu.DateFormat.FULL)


def written(locale: str, day: date, style: int) -> str:
    zone = icu.TimeZone.createTimeZone("UTC")
    form: Any = icu.DateFormat.createDateInstance(style, icu.Locale(locale))
    form.setTimeZone(zone)
    return form.format((day - date(1970, 1, 1)).days * 86_400.0)


def column(*texts: str) -> list[Cell]:
    return [Cell(line, "date", text) for line, text in enumerate(texts, start=2)]


@pytest.mark.parametrize("locale", months.LOCALES.split())
def test_dates_as_every_language_writes_them(locale: str) -> None:
    days = [date(2026, month, day) for month in range(1, 13) for day in (3, 28)]
    for style in STYLES:
        texts = [written(locale, day, style) for day in days]
        form = date_format(column(*texts), "auto")
        assert [form.read(text) for text in texts] == days, texts
        assert [form.read(text.upper()) for text in texts] == days


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("31-янв-26", "2026-01-31"), ("31 января 2026 г., 10:00", "2026-01-31"), ("31.01.2026 г.", "2026-01-31"),
        ("31.01.2026г", "2026-01-31"), ("1 KASIM 2026", "2026-11-01"), ("01.Oca.2026", "2026-01-01"),
        ("15 paź 2026", "2026-10-15"), ("5 грудня 2026 р.", "2026-12-05"), ("mar. 3 mars 2026", "2026-03-03"),
        ("paz 4 eki 2026", "2026-10-04"), ("2026. január 31.", "2026-01-31"), ("31 IANUARIE 2026", "2026-01-31"),
        ("Μάιος 5, 2026", "2026-05-05"), ("31\u200f/1\u200f/2026", "2026-01-31"), ("MART 3 2026", "2026-03-03"),
        ("5 мая 2026", "2026-05-05"), ("3 Čvc 2026", "2026-07-03"),
        ("31 \u05d1\u05d9\u05e0\u05d5\u05d0\u05e8 2026", "2026-01-31"),
    ],
)  # fmt: skip
def test_dates_as_people_write_them(text: str, day: str) -> None:
    assert readings(text)["dmy"].isoformat() == day


@pytest.mark.parametrize(
    "text", ["31 foo 2026", "31 mar apr 2026", "31 2026", "sobota 31 2026", "31 stycznia", "32 stycznia 2026", "г."]
)
def test_what_is_no_date(text: str) -> None:
    assert not readings(text)


@pytest.mark.parametrize(
    ("others", "month"),
    [
        (("1 stycznia 2026",), 11),
        (("1. ledna 2026",), 11),
        (("1. siječnja 2026.",), 10),
        (("5 rujna 2026", "3/4/26"), 10),
    ],
)
def test_a_month_of_two_languages_is_read_by_the_other_names(others: tuple[str, ...], month: int) -> None:
    cells = column("12. listopad 2026", *others)
    day = date_format(cells, "dmy").read("12. listopad 2026")
    assert day == date(2026, month, 12)


@pytest.mark.parametrize("others", [(), ("3/4/26",), ("1 stycznia 2026", "1. siječnja 2026.")])
@pytest.mark.parametrize("said", ["auto", "dmy"])
def test_a_month_of_two_languages_is_asked_for_if_nothing_tells(others: tuple[str, ...], said: Any) -> None:
    with pytest.raises(AmbiguousTable) as asked:
        date_format(column("12 listopada 2026", *others), said)
    assert "numbers" in asked.value.message and asked.value.details
    assert asked.value.details["readings"] == ["month 10", "month 11"]
