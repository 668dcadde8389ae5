"""Which products are results at all: those that have enough of the words, and those that resemble enough."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from functions.search.engine.kernel import RowFilter
from functions.search.engine.lookup import Lookup
from functions.search.engine.query import Match
from functions.search.engine.state import Block

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from functions.search.engine.ranking import Linear

MAX_ALIKE: Final = 1000
"""Products at most that are results for their resemblance alone."""

type Array = NDArray[Any]


def enough(match: Match, lookup: Lookup | None, blocks: Sequence[tuple[Block, RowFilter | None]]) -> int | None:
    """The coverage from which on a product is a result: a share of the best that is there. None if words decide
    nothing, or no product has any."""
    if lookup is None or not match.by_words:
        return None
    best = 0
    for block, rows in blocks:
        covered = lookup.coverage(block.columns)
        if rows is not None:
            covered = covered[rows.mask]
        best = max(best, int(covered.max(initial=0)))
    return max(1, -int(-best * match.coverage // 1)) if best else None


def matching(match: Match, linear: Linear, block: Block, through: RowFilter | None, least: int | None) -> RowFilter:
    """The rows of a block that are results.

    Args:
        through: those that filters let through, None for all.
        least: as `enough` gives it.
    """
    import numpy as np

    mask = np.zeros(block.columns.count, bool)
    if least is not None and linear.lookup is not None:
        mask |= linear.lookup.coverage(block.columns) >= least
    if match.floor is not None:
        mask[_alike(linear, block, through, match.floor)] = True
    if through is not None:
        mask &= through.mask
    return RowFilter(mask)


def _alike(linear: Linear, block: Block, through: RowFilter | None, floor: float) -> Array:
    """Rows whose score but for words is a floor or more."""
    import numpy as np

    dense, shift = linear.dense, -(linear.image_zero + linear.text_zero)
    if block.kernel is None:
        rows = np.arange(block.columns.count) if through is None else through.rows
        scores = block.vectors[rows] @ dense
    else:
        scores, rows = block.kernel.top(dense, MAX_ALIKE, through)
    near = scores + shift >= floor - linear.slack
    rows = rows[near]
    # Near the floor the exact score decides, so that it is the same wherever a row is stored.
    return rows[linear.without_words(block.columns, rows) >= floor]
