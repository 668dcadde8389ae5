"""Numbers written as text, in the form that all of a file's numbers agree on.

`1.299` is a little over one in one country and over a thousand in another. So no cell is read alone: cells that can be
read in one way only (`1.299,00`, `19.99`) decide for the file; cells that contradict each other, or of which none
decides, are refused by line and column.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from shared.tables import currencies
from shared.tables.format import AmbiguousTable, Cell, ContradictoryTable, DecimalMark, ReadAs

type Mark = Literal["point", "comma"]
MARKS: Final[dict[Mark, str]] = {"point": ".", "comma": ","}
POINT: Final[Mark] = "point"
COMMA: Final[Mark] = "comma"
GROUPING: Final = "'\u2019\u02bc`\u00b4 \u00b7\u066c"
"""What may stand between groups of three digits, but for the other mark; every space is written as ` `."""
ARABIC_MARK: Final = "\u066b"
_MINUS = re.compile("[\u2212\u2012\u2013\u2014\ufe63\uff0d]")
_FULLWIDTH: Final = str.maketrans("\uff0e\uff0c\uff08\uff09\uff0b", ".,()+")
"""As Japanese and Chinese input methods write them."""
_ROUND = re.compile(r"(?<=\d)([.,])-{1,2}$")
"""`19.-`, nineteen francs and no more; the mark before it is the decimal one."""
_NO_PARTS = re.compile(r"(?<=\d) ?(?::-|/-|/=)$")
"""The same as Swedes and Indians write it, without a decimal mark."""
_TEXT_MARK = re.compile(r"^'(?=[\d.,+-])")
"""By which spreadsheets keep a number as text."""
_CURRENCY = re.compile(rf"^{currencies.pattern()}(?![^\W\d_])")
_CURRENCY_AT_END = re.compile(rf"(?<![^\W\d_]){currencies.pattern()}$")
_SIGN_AS_MARK = re.compile("(?<=[0-9])[\u20ac$\u00a3](?=[0-9]{2}$)")
"""`19\u20ac99`, as prices are written in France."""
_BODY = re.compile(rf"[0-9.,{ARABIC_MARK}{GROUPING}]*")
_EXPONENT = re.compile(r"(?<=[0-9.,])[eE]([+-]?[0-9]{1,3})$")


@dataclass(frozen=True)
class Readings:
    """What a cell is with a decimal point and with a decimal comma; None: it can't be read so.

    Args:
        problem: why it can't be read at all.
    """

    point: float | None = None
    comma: float | None = None
    problem: str | None = None

    def under(self, mark: Mark) -> float | None:
        """With one of the marks."""
        return self.point if mark == "point" else self.comma


@lru_cache(65_536)
def readings(text: str) -> Readings:
    """Both readings of a cell."""
    if not text:
        return Readings(problem="is empty")
    body, negative = _without_signs(_TEXT_MARK.sub("", _plain(text)))
    if "%" in text or "\u2030" in text or "\uff05" in text:
        return Readings(problem="is a percentage, not an amount")
    exponent = _EXPONENT.search(body)
    power = int(exponent[1]) if exponent else 0
    body = body[: exponent.start()] if exponent else body
    if "_" in body or body.lower() in ("nan", "inf", "infinity", "\u221e"):
        return Readings(problem="is not a finite number")
    if not _BODY.fullmatch(body) or not any(char.isdigit() for char in body):
        return Readings(problem="is not a number")
    values: list[float | None] = []
    named = currencies.currencies_in(text)
    whole = bool(named) and named <= currencies.WHOLE
    for mark in MARKS.values():
        digits = _digits(body, mark)
        decimals = body.partition(mark)[2]
        if whole and (len(decimals) > 2 or decimals.strip("0")):
            digits = None
        if exponent and not body.replace(mark, "").isdigit():
            # No program writes groups and an exponent.
            digits = None
        value = None if digits is None else float(f"{digits}e{power}") * (-1 if negative else 1)
        values.append(None if value is None or abs(value) > 1e300 else value)
    point, comma = values
    return Readings(point, comma, "is not a number" if point is None and comma is None else None)


def _plain(text: str) -> str:
    """ASCII digits, one kind of space and of minus sign."""
    if text.isascii():
        return _SIGN_AS_MARK.sub(ARABIC_MARK, " ".join(text.split()))
    normalised: list[str] = []
    for char in text:
        digit = unicodedata.decimal(char, None)
        if digit is not None:
            normalised.append(str(digit))
        elif unicodedata.category(char) not in ("Cf", "Cc"):
            normalised.append(" " if char.isspace() else char)
    plain = " ".join(_MINUS.sub("-", "".join(normalised).translate(_FULLWIDTH)).split())
    return _SIGN_AS_MARK.sub(ARABIC_MARK, plain)


def _without_signs(text: str) -> tuple[str, bool]:
    """The number alone, and whether it is negative: by a sign before or after it, or by brackets."""
    negative = False
    text = _NO_PARTS.sub("", _ROUND.sub(r"\g<1>00", text))
    for _ in range(6):
        before = text
        if text.startswith("(") and text.endswith(")"):
            text, negative = text[1:-1], True
        if text[:1] in ("-", "+"):
            text, negative = text[1:], negative or text[0] == "-"
        elif text[-1:] == "-":
            text, negative = text[:-1], True
        text = _CURRENCY_AT_END.sub("", _CURRENCY.sub("", text)).strip()
        if text and unicodedata.category(text[0]) == "Sc":
            text = text[1:]
        if text and unicodedata.category(text[-1]) == "Sc":
            text = text[:-1]
        text = _NO_PARTS.sub("", _ROUND.sub(r"\g<1>00", text.strip()))
        if text == before:
            break
    return text, negative


def _digits(body: str, mark: str) -> str | None:
    """A number as Python writes it, if it is one with this decimal mark: groups have three digits, or two as in
    India (`12,34,567.00`), and one sign between them."""
    if ARABIC_MARK in body:
        body, mark = body.replace(ARABIC_MARK, "\0"), "\0"
    whole, _, decimals = body.partition(mark)
    if mark in decimals or not (decimals.isdigit() or not decimals):
        return None
    signs = {char for char in whole if not char.isdigit()}
    if not signs:
        return f"{whole or 0}.{decimals or 0}" if whole or decimals else None
    groups = whole.split(signs.pop())
    if signs or not all(group.isdigit() for group in groups):
        return None
    first, *rest = groups
    if first.startswith("0") or len(first) > 3 or len(rest[-1]) != 3:
        return None
    if len({len(group) for group in rest[:-1]} - {3}) and not (
        "," in whole and mark == "." and all(len(group) == 2 for group in rest[:-1]) and len(first) <= 2
    ):
        return None
    return f"{''.join(groups)}.{decimals or 0}"


@dataclass(frozen=True)
class NumberFormat:
    """The decimal mark of a file's numbers; None where no number needs one."""

    mark: Mark | None
    read_as: ReadAs | None = None

    def read(self, text: str) -> tuple[float | None, str | None]:
        """The value of a cell, or what is wrong with it."""
        found = readings(text)
        if found.problem is not None:
            return None, f"{found.problem}: `{text[:40]}`" if text else found.problem
        value = found.under(self.mark or "point")
        if value is None:
            other = "comma" if self.mark == "comma" else "point"
            return None, f"is not a number with a decimal {other}: `{text[:40]}`"
        return value, None


def number_format(cells: Iterable[Cell], whole: frozenset[str], said: DecimalMark) -> NumberFormat:
    """The decimal mark that a file's numbers agree on.

    Args:
        cells: of the number columns; of equal ones the first is enough.
        whole: columns that have whole numbers only: `1.250` is none of these with a decimal point.
        said: by the sender.

    Raises:
        AmbiguousTable, ContradictoryTable.
    """
    if said != "auto":
        return NumberFormat(said, ReadAs("decimal", said, "you said so"))
    only: dict[Mark, Cell] = {}
    hinted: dict[Mark, Cell] = {}
    open_cell: Cell | None = None
    for cell in cells:
        found = readings(cell.text)
        if found.problem is not None or found.point == found.comma:
            continue
        if found.point is None or found.comma is None:
            only.setdefault(POINT if found.comma is None else COMMA, cell)
            continue
        open_cell = open_cell or cell
        integral: set[Mark] = {mark for mark in MARKS if (found.under(mark) or 0.0).is_integer()}
        if cell.column in whole and len(integral) == 1:
            hinted.setdefault(integral.pop(), cell)
    for decided, because in ((only, "can be read in no other way"), (hinted, "is a whole number in no other way")):
        if len(decided) == 2:
            raise ContradictoryTable(
                decided[POINT], decided[COMMA], ("with a decimal point", "with a decimal comma"),
                "write all numbers alike, or send `decimal=point` or `decimal=comma` to read the others as bad rows",
            )  # fmt: skip
        for mark, cell in decided.items():
            return NumberFormat(mark, ReadAs("decimal", mark, f"{cell} {because}", cell.line))
    if open_cell is not None:
        found = readings(open_cell.text)
        raise AmbiguousTable(open_cell, (f"{found.point:.10g}", f"{found.comma:.10g}"), "decimal", ("point", "comma"))
    return NumberFormat(None)


def has_lost_digits(cell: object) -> bool:
    """Whether a cell is a number so long that a spreadsheet has made zeros of its last digits: it names nothing."""
    return isinstance(cell, int | float) and abs(cell) >= MAX_EXACT


MAX_EXACT: Final = 1e15
"""From here on a spreadsheet keeps no number to its last digit."""
HAS_LOST_DIGITS: Final = (
    "is a number whose last digits the spreadsheet has lost: format the column as text, enter it again"
)
