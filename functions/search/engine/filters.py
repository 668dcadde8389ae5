"""Which rows filters and minus-words let through, and how many there are by value: exact, by column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from functions.search.engine.columns import MULTIPLE, NO_PRICE, Columns
from functions.search.engine.kernel import RowFilter
from functions.search.engine.phrases import Phrase, rows_with
from functions.search.engine.query import Facet, Filters

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


def passing(
    columns: Columns, filters: Filters, phrases: Sequence[Phrase] = (), minus: Sequence[Phrase] = ()
) -> RowFilter:
    """The rows that meet all, have every one of the phrases and none of `minus`."""
    import numpy as np

    mask = np.ones(columns.count, bool)
    for field, name in LISTS:
        wanted: tuple[str, ...] = getattr(filters, name)
        if wanted:
            mask &= _having(columns, field, wanted)
    price = columns.data["price"]
    if filters.price_min is not None or filters.price_max is not None:
        mask &= price != NO_PRICE
        if filters.price_min is not None:
            mask &= price >= filters.price_min
        if filters.price_max is not None:
            mask &= price <= filters.price_max
        if filters.currency is not None:
            mask &= _having(columns, "currency", (filters.currency,))
    for phrase in phrases:
        has = np.zeros(columns.count, bool)
        has[rows_with(columns, phrase)] = True
        mask &= has
    for phrase in minus:
        mask[rows_with(columns, phrase)] = False
    return RowFilter(mask)


def _having(columns: Columns, field: str, wanted: Iterable[str]) -> NDArray[Any]:
    import numpy as np

    found = np.zeros(columns.count, bool)
    for value in wanted:
        if field in MULTIPLE:
            found[columns.rows_with(field, value)] = True
        elif (code := columns.code(field, value)) is not None:
            found |= columns.data[f"{field}.codes"] == code
    return found


def without(filters: Filters, facet: Facet) -> Filters:
    """The filters but for those of one field."""
    return replace(filters, **{dict(LISTS)[facet]: ()})


def counts(columns: Columns, facet: Facet, through: RowFilter | None) -> Counter[str]:
    """How many of the rows let through, all for None, have each value of a field."""
    import numpy as np

    if facet in MULTIPLE:
        start, rows = columns.data[f"{facet}.from"], columns.data[f"{facet}.rows"]
        # Running sums, since groups may be empty.
        sums = np.arange(len(rows) + 1) if through is None else np.append(0, np.cumsum(through.mask[rows]))
        found = sums[start[1:]] - sums[start[:-1]]
    else:
        codes = columns.data[f"{facet}.codes"]
        codes = codes if through is None else codes[through.rows]
        found = np.bincount(codes[codes >= 0], minlength=len(columns.data[f"{facet}.values"]))
    return Counter({value: int(n) for value, n in zip(columns.values(facet), found, strict=True) if n})
