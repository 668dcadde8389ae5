"""The words of a query with their weights, looked up in products."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

from functions.search.engine.coverage import Coverage
from functions.search.engine.postings import bits_of, rows_of
from functions.search.engine.words import (
    KIND_WEIGHT,
    SKU_SHARE,
    Found,
    Lexicon,
    Term,
    found_in,
    kinds,
    names_kind,
    peak,
    sku_keys,
    sku_rows,
    terms_of,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from functions.search.engine.columns import Columns

MAX_COMBINED_TERMS: Final = 5
"""Terms of a query whose sets are looked at."""
COMMON_ONE_IN: Final = 16
"""One in so many rows, or more, are better scored with all others than looked up."""
FULL: Final = 4
"""What a term counts in `Lookup.coverage` where a title has it: in a description, or as something like it, half of
that, as something like it in a description a quarter."""

type Array = NDArray[Any]


@dataclass(frozen=True)
class Lookup:
    """A query's terms with their weights, and a bound of the share that each alone gives in a version's main part.

    Args:
        weights: their idf.
        counts: how much each counts for whether a product is a result.
        keys: what of the query may be an article number.
        loose: for each whether words that are only like it count: where no product has it.
    """

    terms: tuple[Term, ...]
    weights: tuple[float, ...]
    counts: tuple[int, ...]
    keys: tuple[str, ...]
    loose: tuple[bool, ...]
    most: float
    mean_length: float
    _found: dict[int, tuple[Columns, tuple[Found, ...], Found]] = field(
        default_factory=dict[int, "tuple[Columns, tuple[Found, ...], Found]"], compare=False
    )
    _covered: dict[int, Coverage] = field(default_factory=dict[int, Coverage], compare=False)

    @staticmethod
    def of(text: str, lexicon: Lexicon, parts: Sequence[tuple[Columns, Array | None]]) -> Lookup | None:
        """None if there is no word in the text.

        Args:
            parts: all products, and of each part which rows (count,) there are, None for all.
        """
        terms = terms_of(text)
        if not terms:
            return None
        loose = tuple(not any(term.is_known(columns, there) for columns, there in parts) for term in terms)
        named = [(columns, kinds(columns, there)) for columns, there in parts]
        return Lookup.weighed(
            text,
            terms,
            weights=tuple(lexicon.idf(term, loose=each) for term, each in zip(terms, loose, strict=True)),
            kinds=tuple(any(names_kind(term, columns.vocabulary, words) for columns, words in named) for term in terms),
            loose=loose,
            mean_length=lexicon.mean_length,
        )

    @staticmethod
    def weighed(
        text: str,
        terms: tuple[Term, ...],
        *,
        weights: tuple[float, ...],
        kinds: tuple[bool, ...],
        loose: tuple[bool, ...],
        mean_length: float,
    ) -> Lookup:
        """Of terms with their weights; `kinds` tells which name a category."""
        return Lookup(
            terms=terms,
            weights=weights,
            counts=tuple(KIND_WEIGHT if kind else 1 for kind in kinds),
            keys=sku_keys(text),
            loose=loose,
            most=sum(weights),
            mean_length=mean_length,
        )

    def found(self, columns: Columns) -> tuple[Found, ...]:
        """By term, its rows."""
        return self._in(columns)[1]

    def _in(self, columns: Columns) -> tuple[Columns, tuple[Found, ...], Found]:
        known = self._found.get(id(columns))
        if known is None:
            each = tuple(
                found_in(columns, term.alternatives(columns.vocabulary, loose=loose))
                for term, loose in zip(self.terms, self.loose, strict=True)
            )
            skus = sku_rows(columns, self.keys)
            known = (columns, each, Found(((skus, 1.0),) if len(skus.rows) else (), columns.count))
            self._found[id(columns)] = known
        return known

    def shares(self, columns: Columns) -> tuple[Array, Array]:
        """Rows (m,) that have any of the terms, ascending, and what they score (m,) float64: BM25 as a share, 0..1,
        of the most the terms could give, and `SKU_SHARE` more with the article number."""
        import numpy as np

        _, each, skus = self._in(columns)
        summed = np.zeros(columns.count)
        for found, weight in zip(each, self.weights, strict=True):
            rows, gains = found.every(columns, self.mean_length)
            summed[rows] += weight * gains
        summed /= self.most
        summed[skus.rows] += SKU_SHARE
        every = np.flatnonzero(summed)
        return every, summed[every]

    def rarest(self, columns: Columns, most: int) -> Array:
        """Rows, some of them twice, that have the rarest of the terms: at most so many, but for article numbers."""
        import numpy as np

        _, each, skus = self._in(columns)
        found: list[Array] = [skus.rows]
        for rows in sorted((one.rows for one in each), key=len):
            most -= len(rows)
            if most < 0:
                break
            found.append(rows)
        return np.concatenate(found)

    def score_rows(self, columns: Columns, rows: Array) -> Array:
        """(m,) float64, what given rows (m,) score: the same numbers as of `shares`, 0 without any of the terms."""
        import numpy as np

        _, each, skus = self._in(columns)
        summed = np.zeros(len(rows))
        for found, weight in zip(each, self.weights, strict=True):
            summed += weight * found.gains(rows, columns, self.mean_length)
        summed /= self.most
        if len(skus.rows):
            summed[np.isin(rows, skus.rows)] += SKU_SHARE
        return summed

    def rows_above(self, columns: Columns, share: float, among: Array | None = None) -> tuple[Array, Array]:
        """Rows (m,) of a version's main part, ascending, that score more than a share, and what they do (m,) float64.

        A row does not if the terms it has could not give so much together, as in MaxScore (H. Turtle, J. Flood, 1995),
        but by sets of terms, which as bits of all rows cost next to nothing.

        Args:
            among: bits of the rows that are wanted, None for all; others may be returned, too.
        """
        import numpy as np

        each = self.found(columns)
        sets = self._enough(columns, share)
        if not sets:
            return np.empty(0, np.int64), np.empty(0)
        bits = [np.bitwise_and.reduce([each[term].bits for term in terms]) for terms in sets if terms]
        some = np.bitwise_or.reduce(bits) if len(bits) == len(sets) else None
        if among is not None:
            some = among if some is None else some & among
        if some is None or np.bitwise_count(some).sum() * COMMON_ONE_IN > columns.count:
            rows, shares = self.shares(columns)
        else:
            rows = rows_of(some)
            shares = self.score_rows(columns, rows)
        more = shares > share
        return rows[more], shares[more]

    def _enough(self, columns: Columns, share: float) -> list[tuple[int, ...]]:
        """The smallest sets of terms, one of which a row must have to score more than a share (article numbers left
        out: `rarest` has them). Of many terms those that give least are taken as had, so that the sets stay few; a
        set may be empty then."""
        peaks = {
            place: weight * peak(columns, term.alternatives(columns.vocabulary, loose=loose)) / self.most
            for place, (term, weight, found, loose) in enumerate(
                zip(self.terms, self.weights, self.found(columns), self.loose, strict=True)
            )
            if found.postings
        }
        most = sorted(peaks, key=peaks.__getitem__, reverse=True)
        combined, given = most[:MAX_COMBINED_TERMS], sum(peaks[term] for term in most[MAX_COMBINED_TERMS:])
        found: list[tuple[int, ...]] = []
        for size in range(len(combined) + 1):
            for terms in combinations(combined, size):
                enough = given + sum(peaks[term] for term in terms) > share
                if enough and not any(set(known) <= set(terms) for known in found):
                    found.append(terms)
        return found

    def coverage(self, columns: Columns) -> Coverage:
        """How much of the query each row has, of `FULL` times the sum of `counts`."""
        known = self._covered.get(id(columns))
        if known is None:
            known = self._covered[id(columns)] = self._coverage(columns)
        return known

    def _coverage(self, columns: Columns) -> Coverage:
        _, each, skus = self._in(columns)
        total = Coverage(columns.count)
        for found, count in zip(each, self.counts, strict=True):
            if found.postings:
                strong = found.strong
                middling = strong | found.middling
                some = middling | found.bits
                # In binary, 1 for those that have something, 2 for the middling, `FULL` for the strong.
                total = total.plus((some ^ middling, middling ^ strong, strong), count)
        if len(skus.rows):
            total = total.replaced(bits_of(skus.rows, columns.count), FULL * sum(self.counts))
        return total

    def any_of(self, columns: Columns) -> Array:
        """(count,) bool, the rows that have any of the terms."""
        import numpy as np

        _, each, skus = self._in(columns)
        mask = np.zeros(columns.count, bool)
        for found in (*each, skus):
            mask[found.rows] = True
        return mask
