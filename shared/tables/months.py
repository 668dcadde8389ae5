"""Names of months in text, of which only a few mean another month in another language.

`MONTHS` has those of the languages that most files are in. Others are asked of ICU's copy of the CLDR, which also
knows the form that a date has them in (`31 stycznia`, of `styczeń`). The Croatian `listopad` is October, the Polish and
the Czech one November; the other names of a column tell which language it is in.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from importlib import import_module
from typing import Any, Final

MONTHS: Final[Mapping[str, int]] = {
    name: number
    for number, names in enumerate(
        (
            "january jan januar janner jaenner janvier janv enero ene gennaio gen januari janeiro",
            "february feb februar fevrier fevr fev febrero febbraio februari fevereiro",
            "march mar marz maerz mrz mars marzo maart mrt marco marts",
            "april apr avril avr abril abr aprile",
            "may mai mayo maggio mag mei maj maio",
            "june jun juni juin junio giugno giu junho",
            "july jul juli juillet juil julio luglio lug julho",
            "august aug aout aou agosto ago augusti augustus augusto",
            "september sep sept septembre septiembre settembre set setembro",
            "october oct oktober okt octobre octubre ottobre ott outubro out",
            "november nov novembre noviembre novembro",
            "december dec dezember dez decembre diciembre dic dicembre dezembro desember des",
        ),
        start=1,
    )
    for name in names.split()
}
"""Names and abbreviations in English, German, French, Spanish, Italian, Dutch, Portuguese and the Nordic languages,
without accents."""
LOCALES: Final = (
    "ar az be bg bs ca cs da de el en es et fi fr gl he hr hu id is it lt lv mk ms nb nl pl pt ro ru sk sl sq "
    "sr sr_Latn sv tr uk"
)
"""Those whose names of months are one word."""
_HEBREW_IN: Final = "\u05d1"
"""`in`, which a Hebrew date writes onto its month; no month begins with it."""
_WORD: Final = re.compile(r"\d+|[^\W\d_]+")
_PLAIN: Final = str.maketrans("\u0131", "i")
"""The Turkish i without its dot, as `KASIM` in capitals becomes one with it elsewhere."""

MIN_NAME: Final = 2
"""Letters."""

type Meanings = Mapping[int, frozenset[str]]
"""Months that a word may be the name of, and the languages in which it is."""


def parts(text: str) -> list[str]:
    """The numbers and words of a text, without case and accents."""
    plain = "".join(char for char in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(char))
    return [part.translate(_PLAIN) for part in _WORD.findall(plain)]


@lru_cache(4_096)
def meanings(word: str) -> Meanings:
    """Of a word as `parts` gives it; empty: it names no month."""
    if word in MONTHS:
        return {MONTHS[word]: frozenset()}
    known = _cldr()[0]
    return known.get(word) or known.get(word.removeprefix(_HEBREW_IN)) or {}


def month(word: str, language: str | None = None) -> int | None:
    """The month that a word names; None if it names none, or several and the language does not tell which."""
    found = meanings(word)
    if len(found) > 1:
        return next((number for number, languages in found.items() if language in languages), None)
    return next(iter(found), None)


def is_weekday(word: str) -> bool:
    """Whether a word as `parts` gives it names a day of the week, or shortens its name."""
    return word in _cldr()[1]


def contested(text: str) -> str | None:
    """The name of several months in a text; None without one."""
    return next((word for word in parts(text) if len(meanings(word)) > 1), None)


def languages_of(texts: Iterable[str]) -> frozenset[str]:
    """The languages in which all names of months in some texts are such."""
    left = frozenset(LOCALES.split())
    for word in dict.fromkeys(word for text in texts for word in parts(text)):
        if known := _cldr()[0].get(word):
            left &= frozenset(language for languages in known.values() for language in languages)
    return left


@cache
def _cldr() -> tuple[Mapping[str, Meanings], frozenset[str]]:
    """The names of months with their meanings, and those of the days of the week."""
    icu: Any = import_module("icu")
    found: dict[str, dict[int, frozenset[str]]] = {}
    weekdays: set[str] = set()
    for locale in LOCALES.split():
        symbols = icu.DateFormatSymbols(icu.Locale(locale))
        for context in (symbols.FORMAT, symbols.STANDALONE):
            for width in (symbols.WIDE, symbols.ABBREVIATED):
                weekdays.update(word for name in symbols.getWeekdays(context, width) for word in parts(name))
            for width in (symbols.WIDE, symbols.ABBREVIATED):
                for number, name in enumerate(symbols.getMonths(context, width), start=1):
                    # Catalan writes `de` in front, or `d'`.
                    word = (parts(name) or [""])[-1]
                    if len(word) < MIN_NAME:
                        continue
                    of_word = found.setdefault(word, {})
                    of_word[number] = of_word.get(number, frozenset()) | {locale}
    return found, frozenset(weekdays)
