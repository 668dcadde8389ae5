"""Amounts with their currency, as shops of many countries write them."""

from __future__ import annotations

import pytest

from shared.tables.currencies import CODES, currencies_in, currency_in
from shared.tables.numbers import readings

WRITTEN = [
    # cell, amount with a decimal point, with a decimal comma, currency (of several: None)
    ("1.299,00 TL", None, 1299, "TRY"), ("1980\u5186", 1980, 1980, "JPY"), ("1,980\u5186", 1980, None, "JPY"),
    ("\u20ab 199.000", None, 199_000, "VND"), ("199.000 VND", None, 199_000, "VND"), ("JPY 1980.00", 1980, None, "JPY"),
    ("\u20a91,299,000", 1_299_000, None, "KRW"), ("CLP 19.990", None, 19_990, "CLP"),
    ("R$ 1.299,00", None, 1299, "BRL"),
    ("NT$ 199", 199, 199, "TWD"), ("S$ 19.90", 19.9, None, "SGD"), ("US$19.99", 19.99, None, "USD"),
    ("HK$199", 199, 199, "HKD"), ("Rs. 499", 499, 499, None), ("Rs 499/-", 499, 499, None), ("499/-", 499, 499, None),
    ("1 299:-", 1299, 1299, None), ("RM 49.90", 49.9, None, "MYR"), ("Rp199.000,00", None, 199_000, "IDR"),
    ("1.990,00 RSD", None, 1990, "RSD"), ("din. 1.990,00", None, 1990, "RSD"), ("19,99 KM", None, 19.99, "BAM"),
    ("499 \u0433\u0440\u043d.", 499, 499, "UAH"), ("99 \u0631.\u0633", 99, 99, "SAR"),
    ("99 \u05e9\"\u05d7", 99, 99, "ILS"),
    ("\u0e3f199", 199, 199, "THB"), ("19.90 Fr.", 19.9, None, "CHF"), ("1 299 \u0440\u0443\u0431.", 1299, 1299, "RUB"),
    ("'19.99", 19.99, None, None), ("1.299E+03", 1299, None, None), ("1,3E+03", None, 1300, None),
    ("19,99 euro", None, 19.99, "EUR"), ("z\u0142 5", 5, 5, "PLN"), ("kr 199,-", None, 199, None),
]  # fmt: skip


@pytest.mark.parametrize(("cell", "point", "comma", "currency"), WRITTEN)
def test_amounts(cell: str, point: float | None, comma: float | None, currency: str | None) -> None:
    found = readings(cell)
    assert (found.point, found.comma) == (point, comma)
    assert currency_in(cell) == currency


@pytest.mark.parametrize("code", sorted(CODES - {"ALL", "CUP", "SOS", "TOP"}))
def test_every_code_is_taken_off(code: str) -> None:
    for cell in (f"{code} 1500", f"1500 {code}", f"{code}1500", f"1500{code}"):
        assert readings(cell).point == readings(cell).comma == 1500
        assert currencies_in(cell) == {code}


@pytest.mark.parametrize("cell", ["TOP 19", "ALL 3", "from 19", "19 km/h", "kilo 3", "free", "5 rms", "try 5", "19TLx"])
def test_words_are_no_currencies(cell: str) -> None:
    assert readings(cell).problem == "is not a number"
