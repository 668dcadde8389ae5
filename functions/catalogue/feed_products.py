"""From the variants of a file to products: values checked, every problem with its line and column.

Nothing is guessed: what can be read in two ways is a problem, and a product with a problem is not touched.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Final

from pydantic import ValidationError

from functions.catalogue.feed_kinds import Feed
from functions.catalogue.feed_variants import Finding, Variants, status_of, variants_of
from functions.catalogue.import_schemas import KindName
from functions.catalogue.models import ProductChange
from functions.catalogue.plain_text import plain_text
from functions.catalogue.vendor_files import VendorFile
from shared import text
from shared.errors import Unprocessable
from shared.http.validation import message_of
from shared.tables import months
from shared.tables.currencies import Currencies, currencies_in, without_code
from shared.tables.files import Value, is_error, shown
from shared.tables.format import Cell, DecimalMark, ReadAs
from shared.tables.number_formats import Formatted
from shared.tables.numbers import HAS_LOST_DIGITS, NumberFormat, has_lost_digits, number_format

MAX_SHOWN: Final = 80
"""Characters of a cell that a report shows."""
SPREADSHEET_ERROR: Final = "is an error of the spreadsheet: correct its formula"
MAX_DESCRIPTION: Final = 4000
MAX_TAG: Final = 40
MAX_TAGS: Final = 30
_MADE_DATE = re.compile(r"\d{1,2}(?:-|/|\. ?)([^\W\d_]+)\.?|([^\W\d_]+)\.?[-/]\d{1,2}")
"""`12. Okt`, which was the size 10-12."""
_SHORTENED = re.compile(r"\d(?:[.,]\d+)?E\+\d+", re.IGNORECASE)
_SEVERAL = re.compile(r"[,;|]")
_COMMA = re.compile(r"(?<!\\),")


@dataclass
class FeedProduct:
    """What a file says of one product.

    Args:
        line: its first row.
        change: what is to be stored; without meaning if there are problems.
        image: name or URL of its photo, as the file gives it.
    """

    line: int
    sku: str = ""
    change: ProductChange | None = None
    image: tuple[int, str, str] | None = None
    problems: list[Finding] = field(default_factory=list[Finding])
    notices: list[Finding] = field(default_factory=list[Finding])


@dataclass(frozen=True)
class Prices:
    """How the prices of a file are read."""

    numbers: NumberFormat
    currency: str | None
    headers: Mapping[str, str]

    @classmethod
    def of(cls, feed: Feed, decimal: DecimalMark, currency: str | None) -> Prices:
        """By all prices of a file.

        Raises:
            AmbiguousTable, ContradictoryTable: `1.299` may be two amounts, and nothing in the file decides.
        """
        columns = feed.kind.columns["price"]
        cells: dict[str, Cell] = {}
        for row in feed.grid.rows:
            for column, value in zip(feed.grid.columns, row[1], strict=False):
                if column in columns and isinstance(value, str) and value:
                    cells.setdefault(value, Cell(row[0], column, without_code(value)))
        return cls(number_format(cells.values(), frozenset(), decimal), currency, feed.grid.currencies)

    @property
    def read_as(self) -> tuple[ReadAs, ...]:
        """How, and why."""
        return () if self.numbers.read_as is None else (self.numbers.read_as,)


def products_of(feed: Feed, prices: Prices) -> list[FeedProduct]:
    """The products of a file in its order. The second of one SKU has a problem."""
    found, broken = variants_of(feed)
    made = [FeedProduct(problem.line, problems=[problem]) for problem in broken]
    made += [_Builder(feed.kind.name, one, prices).build() for one in found]
    made.sort(key=lambda one: one.line)
    lines: dict[str, int] = {}
    for one in made:
        before = lines.setdefault(one.sku, one.line) if one.sku else one.line
        if before != one.line:
            one.problems.append(Finding(one.line, "sku", one.sku, f"is the SKU of line {before} already"))
    return made


class _Builder:
    """One product: its values as `ProductChange` has them, and what is wrong with them."""

    def __init__(self, kind: KindName, variants: Variants, prices: Prices) -> None:
        self._kind = kind
        self._variants = variants.rows
        self._merged = variants.fields
        self._prices = prices
        self._made = FeedProduct(variants.rows[0].line)

    def build(self) -> FeedProduct:
        self._made.sku = self._sku()
        change: dict[str, Any] = {}
        for name in ("title", "category", "colour", "description"):
            value = self._words(name)
            if value:
                change[name] = value
        if category := change.pop("category", ""):
            # The narrowest of `Apparel > Tops > Shirts`.
            category = text.line(self._first(category).rpartition(">")[2])
            if not (self._kind == "google" and category.isdigit()):
                change["category"] = category
        self._shorten(change)
        if tags := self._tags():
            change["tags"] = tags
        if (price := self._price()) is not None:
            change["price"] = price
        if (status := self._status()) is not None:
            change["status"] = status
        if "image" in self._merged:
            line, column, value = self._merged["image"]
            self._made.image = (line, column, self._first(shown(value)))
        self._validate(change)
        return self._made

    def _first(self, values: str) -> str:
        """The first of several, as WooCommerce lists them."""
        return _COMMA.split(values)[0].replace("\\,", ",").strip() if self._kind == "woocommerce" else values

    def _validate(self, change: dict[str, Any]) -> None:
        if not change:
            if not self._made.problems:
                self._made.problems.append(Finding(self._made.line, "row", "", "says nothing but the SKU"))
            return
        try:
            self._made.change = ProductChange.model_validate(change)
        except ValidationError as error:
            for problem in error.errors(include_url=False):
                self._problem(str(problem["loc"][0]) if problem["loc"] else "row", message_of(problem))

    def _problem(self, name: str, message: str) -> None:
        line, column, value = self._merged.get(name, (self._made.line, name, ""))
        self._made.problems.append(Finding(line, column, shown(value)[:MAX_SHOWN], message))

    def _notice(self, name: str, message: str) -> None:
        line, column, value = self._merged[name]
        self._made.notices.append(Finding(line, column, shown(value)[:MAX_SHOWN], message))

    def _words(self, name: str) -> str:
        """A field as plain text."""
        if name not in self._merged:
            return ""
        value = self._merged[name][2]
        if isinstance(value, date):
            self._problem(name, "is a date: format the column as text")
            return ""
        if has_lost_digits(value):
            self._problem(name, HAS_LOST_DIGITS)
            return ""
        plain = shown(value)
        if plain.startswith("="):
            self._problem(name, "is a formula: save the file with values instead of formulas")
            return ""
        if is_error(value):
            self._problem(name, SPREADSHEET_ERROR)
            return ""
        if name not in ("title", "description"):
            return plain
        # WooCommerce writes a line break as a backslash and an `n`.
        return text.block(plain_text(plain.replace("\\n", "\n") if self._kind == "woocommerce" else plain))

    def _sku(self) -> str:
        name = "sku" if "sku" in self._merged or "file" not in self._merged else "file"
        given = self._words(name).removeprefix("'")
        if not given:
            if not self._made.problems:
                self._problem(name, "is empty: every product needs one")
            return ""
        if _SHORTENED.fullmatch(given):
            self._problem(name, "is a number that a spreadsheet has shortened: format the column as text, export again")
            return ""
        try:
            return VendorFile("", given if name == "file" else f"{given}.jpg", "").sku()
        except Unprocessable:
            self._problem(name, "must be letters, digits, `.`, `_` and `-`, 64 at most; the first is a letter or digit")
            return ""

    def _shorten(self, change: dict[str, Any]) -> None:
        described = change.get("description", "")
        if len(described) > MAX_DESCRIPTION:
            change["description"] = described[:MAX_DESCRIPTION].rpartition(" ")[0] or described[:MAX_DESCRIPTION]
            self._notice("description", f"has {len(described)} characters and is cut to {MAX_DESCRIPTION}")

    def _tags(self) -> list[str]:
        """Tags, brand, gender and all sizes, which searches find and facets count."""
        tags = _several(self._words("tags"))
        tags += [one for name in ("brand", "gender") if (one := self._words(name))]
        self._refuse_dates("size")
        sizes = [row.text("size") for row in self._variants] if "size" in self._merged else []
        tags += [one for size in sizes for one in _several(size)]
        tags = list(dict.fromkeys(text.line(one).lower() for one in tags))
        fitting = [one for one in tags if one and len(one) <= MAX_TAG][:MAX_TAGS]
        if len(fitting) < len(tags):
            name = next((n for n in ("tags", "brand", "size", "gender") if n in self._merged), "tags")
            self._notice(name, f"{len(tags) - len(fitting)} left out: {MAX_TAGS} tags of {MAX_TAG} characters at most")
        return fitting

    def _refuse_dates(self, name: str) -> None:
        """A size such as 10-12 that a spreadsheet has made a date of."""
        for row in self._variants:
            column, value = row.fields.get(name, ("", ""))
            if isinstance(value, date) or _is_made_date(shown(value)):
                read = shown(value)[:MAX_SHOWN]
                message = "is a date that a spreadsheet has made of it: format the column as text and write it again"
                self._made.problems.append(Finding(row.line, column, read, message))
                return

    def _price(self) -> dict[str, str] | None:
        if "price" not in self._merged:
            return None
        value = self._merged["price"][2]
        if isinstance(value, date):
            self._problem("price", "is a date and not an amount: format the column as a number")
            return None
        if is_error(value):
            self._problem("price", SPREADSHEET_ERROR)
            return None
        if isinstance(value, Formatted) and value.format.is_percent:
            self._problem("price", "is a percentage and not an amount: format the column as a number")
            return None
        amount, problem = (
            (float(value), None) if not isinstance(value, str) else self._prices.numbers.read(without_code(value))
        )
        if problem is not None or amount is None:
            self._problem("price", problem or "is not a number")
            return None
        exact = Decimal(repr(round(amount, 9)))
        if exact != round(exact, 2) or not 0 <= exact <= 1_000_000:
            self._problem("price", "must be 0 to 1,000,000, with two decimals at most")
            return None
        others = {shown(row.fields["price"][1]) for row in self._variants if "price" in row.fields}
        if len(others) > 1:
            self._notice("price", f"the sizes cost {', '.join(sorted(others)[:5])}: the first price is taken")
        if "sale" in self._merged:
            self._notice("sale", "is not read: the product is offered at its price")
        currency = self._currency(value)
        return None if currency is None else {"amount": f"{abs(exact):.2f}", "currency": currency}

    def _currency(self, price: Value) -> str | None:
        """What all that names a currency agrees on: `$` is of several, and another name decides."""
        column = self._words("currency")
        header = self._prices.headers.get(self._merged["price"][1], "")
        named = (
            ("its cell", _currencies_of(price)),
            ("the header", currencies_in(header)),
            ("the column of currencies", currencies_in(column) or frozenset((column.upper(),) if column else ())),
        )
        left: Currencies = frozenset()
        for where, those in named:
            if left and those and not left & those:
                self._problem("price", f"is in {_spoken(left)}, {where} says {_spoken(those)}")
                return None
            left = left & those if left and those else left or those
        said = self._prices.currency
        if said and len(left) > 1 and said not in left:
            self._problem("price", f"is in {_spoken(left)}, and not in {said}, as the request says")
            return None
        found = next(iter(left)) if len(left) == 1 else said
        if found is None:
            what = f"is in {_spoken(left)}" if left else "has no currency"
            self._problem("price", f"{what}: send `currency=EUR` or another")
            return None
        if not re.fullmatch("[A-Z]{3}", found):
            self._problem("currency", "is no code of a currency: write `EUR` or another of three letters (ISO 4217)")
            return None
        return found

    def _status(self) -> str | None:
        given = self._words("status").lower()
        if not given:
            return None
        status = status_of(given)
        if status is None:
            self._problem("status", "must be `active` or `draft`")
        return status


def _several(text: str) -> list[str]:
    """The parts of a list in one cell."""
    return [part for one in _SEVERAL.split(text) if (part := one.strip())]


def _currencies_of(price: Value) -> Currencies:
    if isinstance(price, Formatted):
        return currencies_in(price.format.currency or "")
    return currencies_in(price) if isinstance(price, str) else frozenset()


def _spoken(currencies: Currencies) -> str:
    named = sorted(currencies)
    return named[0] if len(named) == 1 else f"one of {', '.join(named[:3])}{' ...' if len(named) > 3 else ''}"


def _is_made_date(cell: str) -> bool:
    found = _MADE_DATE.fullmatch(cell)
    return found is not None and any(months.meanings(word) for word in months.parts(cell) if not word.isdigit())
