"""Currencies as prices, headers and number formats name them: by code, or by a sign that one or several have."""

from __future__ import annotations

import re
from typing import Final

_ACTIVE = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF "
    "CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD "
    "HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD "
    "MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN "
    "PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY "
    "TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG"
)
CODES: Final = frozenset(_ACTIVE.split())
"""ISO 4217, without funds and metals."""
_DOLLARS = "ARS AUD BBD BMD BND BSD BZD CAD CLP COP FJD GYD HKD JMD KYD LRD MXN NAD NZD SGD SRD TTD TWD USD UYU XCD"
SIGNS: Final = {
    "\u20ac": "EUR", "\u00a3": "GBP", "\u20b9": "INR", "\u20ba": "TRY", "\u20bd": "RUB", "\u20a9": "KRW",
    "\u20aa": "ILS", "\u20b4": "UAH",
}  # fmt: skip
"""Signs of one currency each."""
SHARED_SIGNS: Final = {
    "$": frozenset(_DOLLARS.split()),
    "\u00a5": frozenset(("CNY", "JPY")),
    "\uffe5": frozenset(("CNY", "JPY")),
    "kr": frozenset(("DKK", "ISK", "NOK", "SEK")),
}  # fmt: skip
"""Signs of several currencies, in lower case."""
_WORDS_TOO: Final = frozenset(("ALL", "CUP", "SOS", "TOP"))
WORDS: Final = {"euro": "EUR", "euros": "EUR", "z\u0142": "PLN", "k\u010d": "CZK", "ft": "HUF", "lei": "RON"}
"""Names that stand for one currency, as whole words in lower case."""
_CODE = re.compile(r"(?<![A-Za-z])([A-Z]{3}|(?i:eur|usd|gbp|chf))(?![A-Za-z])")
_KRONA = re.compile(r"(?<![a-z])kr(?![a-z])")

type Currencies = frozenset[str]


def without_code(price: str) -> str:
    """A price without its currency's code: any of ISO 4217, not only the common ones."""
    return _CODE.sub("", price).strip()


def currency_in(price: str) -> str | None:
    """The currency that a price names; None if it names none, or one of several by their common sign."""
    code = _CODE.search(price)
    return code[1].upper() if code else next((name for sign, name in SIGNS.items() if sign in price), None)


def currencies_in(price: str) -> Currencies:
    """What the currency that a price names may be; nothing if it names none."""
    if found := currency_in(price):
        return frozenset((found,))
    plain = price.lower()
    return next(
        (many for sign, many in SHARED_SIGNS.items() if (_KRONA.search(plain) if sign == "kr" else sign in plain)),
        frozenset(),
    )


def named(unit: str) -> str | None:
    """The code, or the sign of several, that a unit such as `EUR`, `euro` or `$` is; None if it is no currency."""
    plain = unit.strip(" .").lower()
    if plain.upper() in CODES - _WORDS_TOO:
        return plain.upper()
    if plain in SHARED_SIGNS:
        return plain
    return SIGNS.get(plain) or WORDS.get(plain)
