"""Dates written as text, in the order of day, month and year that all of a file's dates agree on.

`03/04/2026` is in March or in April. Cells that can be read in one order only decide for the column; if none does, or
two contradict each other, the table is refused by line and column.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Final, Literal

from shared.tables import months
from shared.tables.format import AmbiguousTable, Cell, ContradictoryTable, DateOrder, ReadAs

type Order = Literal["dmy", "mdy", "ymd"]
DMY: Final[Order] = "dmy"
MDY: Final[Order] = "mdy"
YMD: Final[Order] = "ymd"
ORDERS: Final[tuple[Order, ...]] = (DMY, MDY, YMD)
SPOKEN: Final = {"dmy": "day first", "mdy": "month first", "ymd": "year first"}
EPOCH: Final = date(1899, 12, 30)
"""Day 0 of Excel's serial dates, from March 1900 on."""
MIN_SERIAL, MAX_SERIAL = 10_000, 100_000
"""Numbers that are serial dates: those of 1927 to 2173, as five digits in text are."""
MAX_WORDS: Final = 6
"""Of a date: its month, its day of the week, and what stands between them."""
PIVOT: Final = 69
"""Two digits from here on are of the last century, as POSIX has it."""
_WORDS = (
    "de del of the er re st nd rd th den le el m d e gada \u0433 \u0440 "
    "mon tue wed thu fri sat sun mo di mi do fr sa so lun mer jeu ven sam dim"
)
IGNORED: Final = frozenset(_WORDS.split())
"""Articles, endings of ordinals, what stands behind years and days, and the beginnings of weekdays."""
_TIME = re.compile(r"(?:[T ,]+|(?<=\d)T)\d{1,2}:\d{2}.*$")
_YEAR_FIRST = re.compile(r"(\d{4})([-/. ])\s*(\d{1,2})\2\s*(\d{1,2})\.?")
_YEAR_LAST = re.compile(r"(\d{1,2})([-/. ])\s*(\d{1,2})\2\s*(\d{4}|\d{2})(\.?)")
_EAST_ASIAN = re.compile("(\\d{4})\\s*[\u5e74\ub144]\\s*(\\d{1,2})\\s*[\u6708\uc6d4]\\s*(\\d{1,2})\\s*[\u65e5\uc77c]")
_HYPHENS: Final = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"))
_ROMANS = "I II III IV V VI VII VIII IX X XI XII"
_ROMAN: Final = {name: number for number, name in enumerate(_ROMANS.split(), start=1)}
_ROMAN_MONTH = re.compile(r"(\d{1,2})[-/. ]\s*([IVX]{1,4})[-/. ]\s*(\d{4}|\d{2})\.?")
_YEAR_SIGN = re.compile("(?<=[\\d.])\\s*[\u0433\u0440]\\.?$", re.IGNORECASE)
"""What Bulgarian, Russian and Ukrainian put behind a year."""
_SERIAL = re.compile(r"(\d{5})(?:[.,]\d+)?")

LONGEST: Final = 100
"""Characters of the longest date, with its time and the name of its day; what is longer is none, and takes the patterns
below a time that grows with its square."""

type Days = Mapping[Order, date]


@lru_cache(65_536)
def readings(text: str, language: str | None = None) -> Days:
    """The date that a cell is in each order; without those in which it is none.

    Args:
        language: of names that are those of several months, see `months`.
    """
    if len(text) > LONGEST:
        return {}
    plain = "".join(_digit(char) for char in unicodedata.normalize("NFKC", text)).strip().translate(_HYPHENS)
    plain = plain.removeprefix("'")
    plain = _YEAR_SIGN.sub("", _TIME.sub("", plain).strip().removesuffix("Z"))
    if found := _EAST_ASIAN.fullmatch(plain):
        return _same(_day(*map(int, found.groups())))
    if found := _YEAR_FIRST.fullmatch(plain):
        return _same(_day(int(found[1]), int(found[3]), int(found[4])))
    if found := _YEAR_LAST.fullmatch(plain):
        return _year_last(int(found[1]), found[2], int(found[3]), found[4], bool(found[5]))
    if (found := _ROMAN_MONTH.fullmatch(plain)) and found[2] in _ROMAN:
        return _same(_day(_year(found[3]), _ROMAN[found[2]], int(found[1])))
    if plain.isdigit() and len(plain) == 8:
        whole: dict[Order, date | None] = {
            YMD: _day(int(plain[:4]), int(plain[4:6]), int(plain[6:])),
            DMY: _day(int(plain[4:]), int(plain[2:4]), int(plain[:2])),
            MDY: _day(int(plain[4:]), int(plain[:2]), int(plain[2:4])),
        }
        return {order: day for order in ORDERS if (day := whole[order]) is not None and 1900 <= day.year < 2200}
    if found := _SERIAL.fullmatch(plain):
        return _same(EPOCH + timedelta(days=int(found[1])))
    return _same(_named(plain, language))


def _digit(char: str) -> str:
    """A character as in English: digits of other scripts, no marks of direction."""
    if char.isascii():
        return char
    digit = unicodedata.decimal(char, None)
    return str(digit) if digit is not None else "" if unicodedata.category(char) == "Cf" else char


def _same(day: date | None) -> Days:
    return {} if day is None else dict.fromkeys(ORDERS, day)


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _year_last(first: int, mark: str, second: int, last: str, dot: bool) -> Days:
    year = _year(last)
    found: dict[Order, date | None] = {"dmy": _day(year, second, first)}
    if mark != ".":
        # No locale writes the month first and full stops after it (CLDR, dateFormats of all locales).
        found[MDY] = _day(year, first, second)
    if len(last) == 2 and (mark == "-" or (mark == "." and dot)):
        found[YMD] = _day(_year(f"{first:02}"), second, int(last))
    days: dict[Order, date] = {order: day for order, day in found.items() if day is not None}
    # What is fixed by its form is the same in every order.
    return _same(days[DMY]) if mark == "." and list(days) == [DMY] else days


def _year(digits: str) -> int:
    year = int(digits)
    return year if len(digits) == 4 else year + (1900 if year >= PIVOT else 2000)


def _named(text: str, language: str | None) -> date | None:
    """A date with the name of its month: `31. Januar 2026`, `Jan 31, 2026`, `31-janv.-26`."""
    parts = months.parts(text)
    numbers = [part for part in parts if part.isdigit()]
    words = [part for part in parts if not part.isdigit()]
    if len(numbers) != 2 or len(words) > MAX_WORDS:
        return None
    named = [word for word in words if months.meanings(word)]
    if len(named) > 1 and months.is_weekday(named[0]):
        # `mar. 3 mars` is a Tuesday in French.
        del named[0]
    if len(named) != 1 or not all(word in named or _says_nothing(word) for word in words):
        return None
    day, year = (numbers[1], numbers[0]) if len(numbers[0]) == 4 else numbers
    month = months.month(named[0], language)
    if month is None or len(day) > 2 or len(year) not in (2, 4):
        return None
    return _day(_year(year), month, int(day))


def _says_nothing(word: str) -> bool:
    return word in IGNORED or word[:3] in IGNORED or months.is_weekday(word)


@dataclass(frozen=True)
class DateFormat:
    """The order of a file's dates; None where no date needs one.

    Args:
        language: of their months, where it matters.
    """

    order: Order | None
    read_as: ReadAs | None = None
    first_day: date = EPOCH
    language: str | None = None

    def read(self, text: str) -> date | None:
        """The date of a cell; None if it is none."""
        return readings(text, self.language).get(self.order or "dmy")

    def read_number(self, number: float) -> date | None:
        """The date of a number: a serial date of the workbook, or eight digits such as 20260131."""
        if number.is_integer() and len(digits := str(int(number))) == 8:
            return self.read(digits)
        return self.first_day + timedelta(days=int(number)) if MIN_SERIAL <= number < MAX_SERIAL else None


def date_format(cells: Iterable[Cell], said: DateOrder, header: DateOrder = "auto") -> DateFormat:
    """The order that a column's dates agree on.

    Args:
        cells: of equal ones the first is enough.
        said: by the sender; header: by the column's header.

    Raises:
        AmbiguousTable, ContradictoryTable.
    """
    column = list(cells)
    language = _language(column)
    if said != "auto":
        return DateFormat(said, ReadAs("dates", said, "you said so"), language=language)
    if header != "auto":
        return DateFormat(header, ReadAs("dates", header, "the header says so"), language=language)
    known = [(cell, found) for cell in column if (found := readings(cell.text, language))]
    left: list[Order] = [order for order in ORDERS if all(order in found for _, found in known)]
    if not left:
        one, found = next((cell, found) for cell, found in known if "dmy" not in found)
        shared = set(found)
        other = next((cell for cell, found in known if shared.isdisjoint(found)), known[0][0])
        raise ContradictoryTable(
            one, other, (_orders(found), _orders(dict(known)[other])),
            "write all dates alike, or send `dates=dmy`, `dates=mdy` or `dates=ymd` to read the others as bad rows",
        )  # fmt: skip
    for cell, found in known:
        if len({found[order] for order in left}) > 1:
            first, second = found[left[0]], next(found[o] for o in left if found[o] != found[left[0]])
            raise AmbiguousTable(cell, (first.isoformat(), second.isoformat()), "dates", tuple(left))
    decisive = next((cell for cell, found in known if len(found) == 1), None)
    if decisive is None or len(left) > 1:
        return DateFormat(left[0] if len(left) < len(ORDERS) else None, language=language)
    because = f"{decisive} can be read in no other way"
    return DateFormat(left[0], ReadAs("dates", left[0], because, decisive.line), language=language)


def _language(column: Sequence[Cell]) -> str | None:
    """The language of names that are those of several months, by the other names; None if there is none such.

    Raises:
        AmbiguousTable: no other name tells.
    """
    open_cell = next((cell for cell in column if not readings(cell.text) and months.contested(cell.text)), None)
    if open_cell is None:
        return None
    known = sorted(months.languages_of(cell.text for cell in column))
    word = months.contested(open_cell.text) or ""
    found = {language: month for language in known if (month := months.month(word, language))}
    if len(set(found.values())) == 1:
        return next(iter(found))
    named = sorted(months.meanings(word))
    raise AmbiguousTable(
        open_cell, (f"month {named[0]}", f"month {named[1]}"), "dates", (),
        remedy="write the months of all dates as numbers",
    )  # fmt: skip


def _orders(found: Days) -> str:
    return " or ".join(SPOKEN[order] for order in found)
