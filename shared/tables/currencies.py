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
    "US$": "USD", "AU$": "AUD", "A$": "AUD", "CA$": "CAD", "C$": "CAD", "HK$": "HKD", "NT$": "TWD", "NZ$": "NZD",
    "S$": "SGD", "MX$": "MXN", "R$": "BRL", "\u20ac": "EUR", "\u00a3": "GBP", "\u20b9": "INR", "\u20ba": "TRY",
    "\u20bd": "RUB", "\u20a9": "KRW", "\uc6d0": "KRW", "\u20aa": "ILS", "\u20b4": "UAH", "\u0e3f": "THB",
    "\u20ab": "VND", "\u20b8": "KZT", "\u20be": "GEL", "\u20a6": "NGN", "\u20b1": "PHP", "\u20bc": "AZN",
    "\u5186": "JPY",
}  # fmt: skip
"""Signs of one currency each; those of several letters first."""
SHARED_SIGNS: Final = {
    "$": frozenset(_DOLLARS.split()),
    "\u00a5": frozenset(("CNY", "JPY")),
    "\uffe5": frozenset(("CNY", "JPY")),
    "\u5143": frozenset(("CNY", "TWD")),
    "kr": frozenset(("DKK", "ISK", "NOK", "SEK")),
    "rs": frozenset(("INR", "LKR", "MUR", "NPR", "PKR", "SCR")),
}  # fmt: skip
"""Signs of several currencies, in lower case."""
_WHOLE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
WHOLE: Final = frozenset(_WHOLE.split())
"""Currencies without parts (ISO 4217)."""
_WORDS_TOO: Final = frozenset(("ALL", "CUP", "SOS", "TOP"))
WORDS: Final = {
    "euro": "EUR",
    "euros": "EUR",
    "z\u0142": "PLN",
    "k\u010d": "CZK",
    "ft": "HUF",
    "lei": "RON",
    "tl": "TRY",
    "rmb": "CNY",
    "sfr": "CHF",
    "fr": "CHF",
    "rm": "MYR",
    "rp": "IDR",
    "km": "BAM",
    "din": "RSD",
    "\u0434\u0438\u043d": "RSD",
    "\u0434\u0435\u043d": "MKD",
    "\u0433\u0440\u043d": "UAH",
    "\u0440\u0443\u0431": "RUB",
    "\u043b\u0432": "BGN",
    "\u0442\u0433": "KZT",
    "\u0631.\u0633": "SAR",
    "\u062f.\u0625": "AED",
    '\u05e9"\u05d7': "ILS",
    "\u05e9\u05f4\u05d7": "ILS",
}
"""Names that stand for one currency, as whole words in lower case; a full stop may follow."""
_CODE = re.compile(r"(?<![A-Za-z])([A-Z]{3}|(?i:eur|usd|gbp|chf))(?![A-Za-z])")
_WORD = re.compile(
    rf"(?<![^\W\d_])(?:{'|'.join(re.escape(word) for word in sorted({*WORDS, 'kr', 'rs'}, key=len, reverse=True))})"
    r"(?![^\W\d_])"
)

type Currencies = frozenset[str]


def without_code(price: str) -> str:
    """A price without its currency's code: any of ISO 4217, not only the common ones."""
    return _CODE.sub("", price).strip()


def currency_in(price: str) -> str | None:
    """The currency that a price names; None if it names none, or one of several by their common sign."""
    found = currencies_in(price)
    return next(iter(found)) if len(found) == 1 else None


def currencies_in(price: str) -> Currencies:
    """What the currency that a price names may be; nothing if it names none."""
    if code := _CODE.search(price):
        return frozenset((code[1].upper(),))
    if sign := next((sign for sign in SIGNS if sign in price), None):
        return frozenset((SIGNS[sign],))
    plain = price.lower()
    if word := _WORD.search(plain):
        return SHARED_SIGNS.get(word[0]) or frozenset((WORDS[word[0]],))
    return next((many for sign, many in SHARED_SIGNS.items() if not sign.isalpha() and sign in plain), frozenset())


def pattern() -> str:
    """A regular expression of all that stands for a currency before or behind a number."""
    signs = "|".join(re.escape(sign) for sign in (*SIGNS, *(sign for sign in SHARED_SIGNS if not sign.isascii())))
    words = "|".join(re.escape(word) for word in sorted({*WORDS, "kr", "rs"}, key=len, reverse=True))
    codes = "|".join(sorted(CODES - _WORDS_TOO))
    return rf"(?:{codes}|{signs}|\$|(?i:EUR|USD|GBP|CHF|dollars?|(?:{words})\.?))"


def named(unit: str) -> str | None:
    """The code, or the sign of several, that a unit such as `EUR`, `euro` or `$` is; None if it is no currency."""
    plain = unit.strip(" .").lower()
    if plain.upper() in CODES - _WORDS_TOO:
        return plain.upper()
    if plain in SHARED_SIGNS:
        return plain
    return SIGNS.get(plain) or WORDS.get(plain)
