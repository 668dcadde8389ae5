"""Which rows filters and minus-words let through, and how many there are by value: exact, by column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from functions.search.engine.columns import MULTIPLE, NO_PRICE, Columns
from functions.search.engine.port import Facet, Filters

if TYPE_CHECKING:
    from numpy.typing import NDArray

LISTS: Final[tuple[tuple[str, str], ...]] = (
    ("category", "categories"),
    ("colours", "colours"),
    ("vendor", "vendors"),
    ("tags", "tags"),
)
"""Column, and the list of a filter that asks for it."""


def asked(filters: Filters) -> bool:
    """Whether the filters ask for anything."""
    return filters != Filters()


def mask(columns: Columns, filters: Filters, minus: Sequence[str]) -> NDArray[Any] | None:
    """(count,) bool, the rows that meet all; None if nothing is asked. `minus`: words as `words.forbidden` gives."""
    import numpy as np

    if not minus and not asked(filters):
        return None
    passing = np.ones(columns.count, bool)
    for field, name in LISTS:
        wanted: tuple[str, ...] = getattr(filters, name)
        if wanted:
            passing &= _having(columns, field, wanted)
    price = columns.data["price"]
    if filters.price_min is not None or filters.price_max is not None:
        passing &= price != NO_PRICE
        if filters.price_min is not None:
            passing &= price >= filters.price_min
        if filters.price_max is not None:
            passing &= price <= filters.price_max
        if filters.currency is not None:
            passing &= _having(columns, "currency", (filters.currency,))
    for word in minus:
        passing[columns.postings(word)[0]] = False
    return passing


def _having(columns: Columns, field: str, wanted: Iterable[str]) -> NDArray[Any]:
    import numpy as np

    codes = [code for value in wanted if (code := columns.code(field, value)) is not None]
    listed = columns.data[f"{field}.codes"]
    found = np.zeros(len(listed), bool)
    for code in codes:
        found |= listed == code
    if field not in MULTIPLE:
        return found
    rows = np.zeros(columns.count, bool)
    rows[columns.data[f"{field}.rows"][found]] = True
    return rows


def without(filters: Filters, facet: Facet) -> Filters:
    """The filters but for those of one field."""
    return replace(filters, **{dict(LISTS)[facet]: ()})


def counts(columns: Columns, facet: Facet, passing: NDArray[Any]) -> Counter[str]:
    """How many of the rows of a mask have each value of a field."""
    import numpy as np

    codes = columns.data[f"{facet}.codes"]
    codes = codes[passing[columns.data[f"{facet}.rows"]]] if facet in MULTIPLE else codes[passing]
    found = np.bincount(codes[codes >= 0], minlength=len(columns.data[f"{facet}.values"]))
    return Counter({value: int(n) for value, n in zip(columns.values(facet), found, strict=True) if n})
