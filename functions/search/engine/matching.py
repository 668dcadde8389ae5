"""Which products are results at all: those that have enough of the words, and those that resemble enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from functions.search.engine.kernel import RowFilter
from functions.search.engine.lookup import Lookup
from functions.search.engine.postings import bits_to_rows
from functions.search.engine.query import Match
from functions.search.engine.state import Block

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from functions.search.engine.ranking import Linear

MAX_ALIKE: Final = 1000
"""Products at most that are results for their resemblance alone."""

type Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Nearest:
    """The rows of a version's main part that score best without words, of those that filters let through.

    Deciding which products are results finds them; ranking starts from them, so that vectors are searched once.

    Args:
        rows: (m,) int64, best first.
        bound: of the single-precision score without words, shift included, of every other result; -inf if there is
            none.
    """

    rows: Array
    bound: float


@dataclass(frozen=True, eq=False)
class Matched:
    """The rows of a block that are results; None for all."""

    rows: RowFilter | None
    nearest: Nearest | None = None


def enough(match: Match, lookup: Lookup | None, blocks: Sequence[tuple[Block, RowFilter | None]]) -> int | None:
    """The coverage from which on a product is a result: a share of the best that is there. None if words decide
    nothing, or no product has any."""
    if lookup is None or not match.by_words:
        return None
    best = 0
    for block, rows in blocks:
        covered = lookup.coverage(block.columns)
        best = max(best, covered.most(None if rows is None else rows.bits))
    return max(1, -int(-best * match.coverage // 1)) if best else None


def matching(match: Match, linear: Linear, block: Block, through: RowFilter | None, least: int | None) -> Matched:
    """The rows of a block that are results.

    Args:
        through: those that filters let through, None for all.
        least: as `enough` gives it.
    """
    import numpy as np

    count = block.columns.count
    if least is not None and linear.lookup is not None:
        bits = linear.lookup.coverage(block.columns).at_least(least)
        mask = bits_to_rows(bits if through is None else bits & through.bits, count).view(bool)
    else:
        mask = np.zeros(count, bool)
    if match.floor is None:
        return Matched(RowFilter(mask))
    alike, nearest = _alike(linear, block, through, match.floor)
    mask[alike] = True
    if nearest is not None and least is None:
        # Without words only these can be results.
        nearest = Nearest(nearest.rows, float("-inf"))
    return Matched(RowFilter(mask), nearest)


def _alike(linear: Linear, block: Block, through: RowFilter | None, floor: float) -> tuple[Array, Nearest | None]:
    """Rows whose score but for words is a floor or more, and where a kernel found them, all that it did."""
    import numpy as np

    dense, shift = linear.dense, -(linear.image_zero + linear.text_zero)
    nearest: Nearest | None = None
    if block.kernel is None:
        rows = np.arange(block.columns.count) if through is None else through.rows
        scores = block.vectors[rows] @ dense
    else:
        scores, rows = block.kernel.top(dense, MAX_ALIKE, through)
        nearest = Nearest(rows, float(scores[-1]) + shift if len(scores) >= MAX_ALIKE else float("-inf"))
    near = scores + shift >= floor - linear.slack
    rows = rows[near]
    # Near the floor the exact score decides, so that it is the same wherever a row is stored.
    return rows[linear.without_words(block.columns, rows) >= floor], nearest
