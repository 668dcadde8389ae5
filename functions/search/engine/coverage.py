"""How much of a query each row has: a small whole number a row, kept as its binary digits.

One digit of 64 rows is one number, as in `postings.Postings.bits`. A sum or a comparison over all rows takes a few
operations for every 64 of them (bit-sliced arithmetic: P. O'Neil, D. Quass, SIGMOD 1997).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

type Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Coverage:
    """One number for each of `count` rows, 0 or more.

    Args:
        digits: by place, lowest first, (ceil(count / 64),) uint64: bit r % 64 of number r // 64 is the digit of row r.
    """

    count: int
    digits: tuple[Array, ...] = ()

    def plus(self, digits: Sequence[Array], times: int) -> Coverage:
        """With numbers added, given by their digits; `times`: how often, 1 or more."""
        total: Sequence[Array] = self.digits
        for shift in range(times.bit_length()):
            if times >> shift & 1:
                total = _sum(total, [*[self._none()] * shift, *digits])
        return Coverage(self.count, tuple(total))

    def replaced(self, bits: Array, number: int) -> Coverage:
        """With one number for the rows that are set."""
        none = self._none()
        places = max(len(self.digits), number.bit_length())
        digits = [*self.digits, *[none] * (places - len(self.digits))]
        return Coverage(
            self.count,
            tuple(digit | bits if number >> place & 1 else digit & ~bits for place, digit in enumerate(digits)),
        )

    def most(self, among: Array | None = None) -> int:
        """The largest number, 0 without rows; `among`: bits of the rows that count, None for all."""
        largest = 0
        for place, digit in reversed(list(enumerate(self.digits))):
            having = digit if among is None else digit & among
            if having.any():
                largest |= 1 << place
                among = having
        return largest

    def at_least(self, number: int) -> Array:
        """Bits of the rows that have so much or more, 1 or more."""
        more, equal = self._none(), ~self._none()
        if number.bit_length() > len(self.digits):
            return more
        for place, digit in reversed(list(enumerate(self.digits))):
            if number >> place & 1:
                equal = equal & digit
            else:
                more = more | (equal & digit)
                equal = equal & ~digit
        return more | equal

    def numbers(self) -> Array:
        """(count,) int64, row by row."""
        import numpy as np

        from functions.search.engine.postings import bits_to_rows

        total = np.zeros(self.count, np.int64)
        for place, digit in enumerate(self.digits):
            total += bits_to_rows(digit, self.count).astype(np.int64) << place
        return total

    def _none(self) -> Array:
        import numpy as np

        return np.zeros(-(-self.count // 64), np.uint64)


def _sum(a: Sequence[Array], b: Sequence[Array]) -> list[Array]:
    """Both added, digit by digit."""
    total: list[Array] = []
    carry: Array | None = None
    for pair in zip_longest(a, b):
        parts = [part for part in (*pair, carry) if part is not None]
        if len(parts) == 1:
            digit, carry = parts[0], None
        elif len(parts) == 2:
            digit, carry = parts[0] ^ parts[1], parts[0] & parts[1]
        else:
            half = parts[0] ^ parts[1]
            digit, carry = half ^ parts[2], (parts[0] & parts[1]) | (half & parts[2])
        total.append(digit)
    return [*total, carry] if carry is not None and carry.any() else total
