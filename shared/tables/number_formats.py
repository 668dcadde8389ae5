"""What the number format of a cell adds to its number: a currency, a percentage, zeros or words around it.

A workbook stores 0.19 for `19 %`, 12 for `00012`, and 19.9 for `19,90 €`. The library that reads cells knows formats of
dates; these are read here (ECMA-376 part 1, section 18.8.31).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self
from xml.parsers import expat

from shared.tables import currencies

PERCENT_FORMATS: Final = (9, 10)
"""Built-in ones. Those of currencies (5 to 8, 42, 44) are shown in the currency of the reader's country, so they name
none."""
MAX_STYLES: Final = 65_536
LOCALES: Final = {
    0x409: "USD", 0x1009: "CAD", 0xC0C: "CAD", 0xC09: "AUD", 0x1409: "NZD", 0x80A: "MXN", 0xC04: "HKD", 0x1004: "SGD",
    0x4809: "SGD", 0x404: "TWD", 0x340A: "CLP", 0x24A: "COP", 0x2C0A: "ARS", 0x411: "JPY", 0x804: "CNY", 0x414: "NOK",
    0x814: "NOK", 0x41D: "SEK", 0x406: "DKK", 0x40F: "ISK",
}  # fmt: skip
"""Currencies of the locales whose sign is one of several, by Windows' number of the locale."""
_SYMBOL = re.compile(r"\[\$([^\]-]*)(?:-([0-9A-Fa-f]+))?[^\]]*\]")
_BRACKETS = re.compile(r"\[[^\]]*\]")
_LITERAL = re.compile(r'"([^"]*)"|\\(.)|[_*](.)')
_SECTION_END = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|(;)')
_SHOWN_AS_THEY_ARE: Final = "0-/ +()"
_NUMBER = re.compile(r"[0#?][0#?,. /]*")


@dataclass(frozen=True)
class NumberFormat:
    """What a format shows beside a number.

    Args:
        currency: a code, or a sign of several.
        pattern: how a whole number is shown: a zero for every digit at least, between literal text.
    """

    currency: str | None = None
    is_percent: bool = False
    pattern: str | None = None

    def shown(self, value: float) -> str | None:
        """A whole number with the zeros and words around it; None if the format has none."""
        if self.pattern is None or value < 0 or not value.is_integer():
            return None
        digits = str(int(value)).zfill(self.pattern.count("\0"))
        missing = len(digits) - self.pattern.count("\0")
        filled: list[str] = []
        left = iter(digits[missing:])
        for char in self.pattern:
            if char == "\0" and missing:
                filled.append(digits[:missing])
                missing = 0
            filled.append(next(left) if char == "\0" else char)
        return "".join(filled)


class Formatted(float):
    """A number of a workbook whose format says more than the number."""

    format: NumberFormat

    @classmethod
    def of(cls, value: float, format: NumberFormat) -> Self:
        """A number with its format."""
        made = cls(value)
        made.format = format
        return made


@dataclass(frozen=True)
class Styles:
    """The formats of a workbook that say something, by the number of their style."""

    formats: Mapping[int, NumberFormat]

    @classmethod
    def read(cls, xml: bytes) -> Styles:
        """Of the part `xl/styles.xml`; without formats if it is not understood."""
        reader = _Reader()
        parser = expat.ParserCreate()
        parser.StartElementHandler = reader.start
        parser.EndElementHandler = reader.end
        parser.StartDoctypeDeclHandler = _refuse
        try:
            parser.Parse(xml, True)
        except (expat.ExpatError, ValueError):
            return cls({})
        return cls(reader.formats())


def _refuse(*_: object) -> None:
    raise ValueError("a document type")


class _Reader:
    def __init__(self) -> None:
        self._codes: dict[int, str] = {}
        self._styles: list[int] = []
        self._is_inside = False

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        local = name.rpartition(":")[2]
        if local == "numFmt" and len(self._codes) < MAX_STYLES:
            self._codes[int(attributes["numFmtId"])] = attributes["formatCode"]
        elif local == "cellXfs":
            self._is_inside = True
        elif local == "xf" and self._is_inside and len(self._styles) < MAX_STYLES:
            self._styles.append(int(attributes.get("numFmtId", "0")))

    def end(self, name: str) -> None:
        if name.rpartition(":")[2] == "cellXfs":
            self._is_inside = False

    def formats(self) -> dict[int, NumberFormat]:
        known = {number: format_of(code) for number, code in self._codes.items()}
        known = dict.fromkeys(PERCENT_FORMATS, NumberFormat(is_percent=True)) | known
        return {
            style: found
            for style, number in enumerate(self._styles)
            if (found := known.get(number)) is not None and found != NumberFormat()
        }


LONGEST: Final = 255
"""Characters of the longest code that Excel writes; patterns take a time for it that grows with its square."""


def format_of(code: str) -> NumberFormat:
    """What a format code shows of a positive number."""
    if len(code) > LONGEST:
        return NumberFormat()
    section = _first_section(code)
    if symbol := _SYMBOL.search(section):
        return NumberFormat(currency=_currency(symbol[1], symbol[2]))
    plain = _BRACKETS.sub("", section)
    literal = "".join(quoted or escaped for quoted, escaped, _ in _LITERAL.findall(plain))
    bare = _LITERAL.sub("", plain)
    if "%" in bare:
        return NumberFormat(is_percent=True)
    if not _NUMBER.search(bare):
        return NumberFormat()
    if currency := currencies.named(literal + re.sub(r"[0#?,. /()\-]", "", bare)):
        return NumberFormat(currency=currency)
    return NumberFormat(pattern=_pattern(plain))


def _first_section(code: str) -> str:
    end = next((found.start() for found in _SECTION_END.finditer(code) if found[1]), len(code))
    return code[:end]


def _currency(symbol: str, locale: str | None) -> str | None:
    named = currencies.named(symbol)
    if named in currencies.SHARED_SIGNS and locale is not None:
        return LOCALES.get(int(locale, 16) & 0xFFFF, named)
    return named


def _pattern(plain: str) -> str | None:
    """Zeros as `\\0`, and the literal text between them; None if the format has other digits, or shows no more than the
    number."""
    made, at = "", 0
    while at < len(plain):
        if literal := _LITERAL.match(plain, at):
            made += literal[1] or literal[2] or ""
            at = literal.end()
            continue
        if plain[at] not in _SHOWN_AS_THEY_ARE:
            return None
        made += "\0" if plain[at] == "0" else plain[at]
        at += 1
    return made if "\0" in made and made != "\0" else None
