"""The rows that have a word, and which of other rows are among them: bisection for the rare, bits for the common."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from numpy.typing import NDArray

RARE: Final = 64
"""One in so many rows, or fewer, have a rare word."""
UNIT, MENTION = 4, 1
"""How often a word stands in a product counts in quarters: one in its description alone is a quarter of one in its
title, tags, category, colours or vendor's name, however often it is there."""

type Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Postings:
    """One word's.

    Args:
        rows: (m,) int32, ascending.
        times: (m,) uint8, how often it stands in each, in units of 1 / `UNIT`.
        among: how many rows there are.
    """

    rows: Array
    times: Array
    among: int

    @cached_property
    def bits(self) -> Array:
        """(ceil(among / 64),) uint64: bit r % 64 of number r // 64 says whether row r has the word."""
        return bits_of(self.rows, self.among)

    @cached_property
    def named_bits(self) -> Array:
        """As `bits`, of the rows that have it not only in their description."""
        return bits_of(self.rows[self.times >= UNIT], self.among)

    @cached_property
    def _before(self) -> Array:
        """How many rows come before each number of `bits`."""
        import numpy as np

        counts = np.bitwise_count(self.bits)
        return np.cumsum(counts, dtype=np.int32) - counts

    def place(self, wanted: Array) -> Array:
        """(k,) where in `rows` each of (k,) wanted rows stands; -1 for those without the word."""
        import numpy as np

        if len(self.rows) * RARE <= self.among:
            # As narrow as the rows, or bisection would copy those.
            narrow = wanted.astype(np.int32)
            at = np.searchsorted(self.rows, narrow)
            has = np.append(self.rows, -1)[at] == narrow
        else:
            # The place is the rank: as many rows as come before this one.
            numbers, one = wanted >> 6, np.uint64(1) << (wanted & 63).astype(np.uint64)
            word = self.bits[numbers]
            has = (word & one) != 0
            at = self._before[numbers] + np.bitwise_count(word & (one - np.uint64(1)))
        return np.where(has, at, -1)


def bits_of(rows: Array, among: int) -> Array:
    """Row numbers as bits, see `Postings.bits`."""
    import numpy as np

    mask = np.zeros(-(-among // 64) * 64, bool)
    mask[rows] = True
    return np.packbits(mask, bitorder="little").view("<u8")


def rows_of(bits: Array) -> Array:
    """(m,) int64, ascending: the rows that are set in numbers as `Postings.bits`."""
    import numpy as np

    some = np.flatnonzero(bits)
    at = np.flatnonzero(np.unpackbits(bits[some].view(np.uint8), bitorder="little").view(bool))
    return (some[at >> 6] << 6) + (at & 63)


def bits_to_rows(bits: Array, count: int) -> Array:
    """(count,) uint8, 1 for the rows that are set."""
    import numpy as np

    return np.unpackbits(bits.view(np.uint8), count=count, bitorder="little")
