"""Rows in the order of their exact scores.

A query is one linear function of the stored row (all of a picture, a text, and what hits should not resemble, folded
into one vector) plus the lexical channel. The kernel's single-precision scores choose candidates; scores are computed
again in double precision, and a row is given out only when no row not looked at can come before it. So order, scores
and pages do not depend on the kernel, and equal scores come by id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from functions.search.engine import words
from functions.search.engine.items import Modality, Model
from functions.search.engine.kernel import MAX_EXACT_ROWS, Kernel, RowFilter, every, single
from functions.search.engine.lookup import Lookup
from functions.search.engine.matching import Matched
from functions.search.engine.query import VectorQuery
from functions.search.engine.results import Hit, Parts
from functions.search.engine.state import Block, State

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from functions.search.engine.columns import Columns

DIGITS: Final = 9
SPARE: Final = 16
"""Candidates beyond those wanted, among which rounding of the kernel may have changed the order."""
DEEP: Final = 4096
"""Candidates above which it is cheaper to score every row."""
GATHERED: Final = 1024
"""Rows with wanted words that are scored one by one."""
LEVELS: Final = 8
"""How often so many are taken; rows of which words give the same count once."""
WORDED: Final = 256
"""Candidates at least, where words count too: then the first look mostly suffices."""
ROUNDING: Final = 3e-5
"""Bound of the error of a single-precision inner product of some hundred terms, per unit of length."""

type Array = NDArray[Any]


@dataclass(frozen=True)
class Linear:
    """A query as a function of a row x: `x.image - image_zero + x.text - text_zero + words`.

    Args:
        image, text: (dim,) float64, weighted by the channel and its deviation.
        lookup: the words wanted, None without any; `words_weight` weighs them.
        cosines: the query's own vectors by channel, for raw values.
    """

    image: Array
    text: Array
    image_zero: float
    text_zero: float
    lookup: Lookup | None
    words_weight: float
    cosines: dict[str, Array]

    @staticmethod
    def of(query: VectorQuery, model: Model, state: State, seq: int) -> Linear:
        """Fold the channels of a query of a state as it was at a number of the journal."""
        import numpy as np

        sums: dict[Modality, Array] = {"image": np.zeros(model.dim), "text": np.zeros(model.dim)}
        zero: dict[Modality, float] = {"image": 0.0, "text": 0.0}

        def add(modality: Modality, vector: Array, weight: float) -> None:
            mean, deviation = model.standardise[modality]
            sums[modality] += np.asarray(vector, np.float64) * (weight / deviation)
            zero[modality] += mean * weight / deviation

        cosines: dict[str, Array] = {}
        if query.image is not None:
            add("image", query.image, query.weights.image)
            cosines["image"] = np.asarray(query.image, np.float64)
        if query.text is not None:
            add("text", query.text, query.weights.text)
            cosines["text"] = np.asarray(query.text, np.float64)
        for negative in query.negatives:
            add(negative.modality, negative.vector, -negative.weight)
        lookup = None
        if query.words and query.weights.words:
            lookup = Lookup.of(
                query.words, state.lexicon, [(block.columns, block.born_by(seq)) for block in state.blocks]
            )
        return Linear(sums["image"], sums["text"], zero["image"], zero["text"], lookup, query.weights.words, cosines)

    @cached_property
    def dense(self) -> Array:
        """(dim,) float32, the query but for words."""
        import numpy as np

        return (self.image + self.text).astype(np.float32)

    @cached_property
    def slack(self) -> float:
        """Bound of the error of a single-precision score."""
        import numpy as np

        return ROUNDING * float(np.linalg.norm(self.dense)) + 1e-6

    def channels(self, stored: Array) -> tuple[Array, Array]:
        """(m,) float64 of rows (m, dim) float64: what the picture and what the text gives to the score."""
        import numpy as np

        none = np.zeros(len(stored))
        # Row by row along the row, not by BLAS: equal rows must have equal scores wherever they stand.
        image = ((stored * self.image).sum(1) if self.image.any() else none) - self.image_zero
        text = ((stored * self.text).sum(1) if self.text.any() else none) - self.text_zero
        return image, text

    def without_words(self, columns: Columns, rows: Array) -> Array:
        """(m,) float64, what rows (m,) score but for words."""
        import numpy as np

        image, text = self.channels(single(columns.vectors[rows]).astype(np.float64))
        return np.round(image + text, DIGITS)

    def lexical(self, shares: Array) -> Array:
        """What shares of the most the words could give add to the score."""
        return self.words_weight * (shares - words.MEAN) / words.DEVIATION

    def share(self, gain: float) -> float:
        """The share that adds so much."""
        return gain * words.DEVIATION / self.words_weight + words.MEAN


class Ranked(NamedTuple):
    """A row with its score; rows sort by `key`."""

    key: tuple[float, str]
    block: Block
    row: int
    hit: Hit


class Ranking:
    """The rows of a state that a query lets through, by (-score, id).

    Args:
        blocks: with the rows that are results.
    """

    def __init__(self, linear: Linear, blocks: Sequence[tuple[Block, Matched]]) -> None:
        self._linear = linear
        self._slack = linear.slack
        shift = -(linear.image_zero + linear.text_zero)
        self._parts = [Source(block, matched, linear, linear.dense, shift, self._slack) for block, matched in blocks]

    def first(self, n: int, after: tuple[float, str] | None = None, before: int = 0) -> list[Ranked]:
        """At least the first n rows that come after a key, or all there are; `before`: about how many come before."""
        k = n + SPARE
        ceiling = None if after is None else -after[0] + self._slack
        while True:
            found: list[Ranked] = []
            limits: list[tuple[float, str]] = []
            for part in self._parts:
                if part.ordered:
                    rows, more = part.by_words(k, after)
                    found += self._exact(part, rows)
                    if more:
                        limits.append((found[-1].key[0], found[-1].key[1] + "\0"))
                else:
                    rows, bound = part.candidates(k, before, ceiling)
                    found += self._exact(part, rows)
                    if bound > float("-inf"):
                        limits.append((-bound - self._slack, ""))
            found.sort(key=lambda one: one.key)
            if after is not None:
                found = [one for one in found if one.key > after]
            if not limits:
                return found
            limit = min(limits)
            sure = [one for one in found if one.key < limit]
            if len(sure) >= n:
                return sure
            k *= 4

    def _exact(self, part: Source, rows: Array) -> list[Ranked]:
        import numpy as np

        if not len(rows):
            return []
        stored = single(part.block.columns.vectors[rows]).astype(np.float64)
        linear, none = self._linear, np.zeros(len(rows))
        image, text = linear.channels(stored)
        shares = part.shares(rows)
        lexical = linear.lexical(shares) if linear.lookup else none
        scores = np.round(image + text + lexical, DIGITS) + 0.0
        raw = {name: stored @ vector for name, vector in linear.cosines.items()}
        if linear.lookup:
            raw["words"] = shares
        ids = part.block.columns.data["ids"][rows].tolist()
        exact = np.array([scores, image, text, lexical]).T.tolist()
        parts_by_row = np.array([*raw.values()]).reshape(len(raw), len(rows)).T.tolist()
        ranked: list[Ranked] = []
        for row, id, (score, *parts), cosines in zip(rows.tolist(), ids, exact, parts_by_row, strict=True):
            hit = Hit(id.decode(), score, Parts(*parts), dict(zip(raw, cosines, strict=True)))
            ranked.append(Ranked((-score, hit.id), part.block, row, hit))
        return ranked


class Source:
    """Candidates of one block, by single-precision scores.

    Args:
        matched: its rows that are results.
        dense: (dim,) float32, the query but for words; `shift` is added to its inner products.
        slack: bound of the error of such a score.
    """

    def __init__(
        self, block: Block, matched: Matched, linear: Linear, dense: Array, shift: float, slack: float
    ) -> None:
        self.block = block
        self._passing = matched.rows
        self._nearest = matched.nearest
        self._linear = linear
        self._dense = dense
        self._shift = shift
        self._slack = slack
        self._all: Array | None = None
        self.ordered = block.kernel is not None and linear.lookup is not None and not dense.any()
        """Words alone decide, so that equal scores are the rule, and rows stand by ascending id."""

    def by_words(self, k: int, after: tuple[float, str] | None) -> tuple[Array, bool]:
        """Where `ordered`: the first k rows in order, of those after a key, and whether there are more."""
        import numpy as np

        assert self._linear.lookup is not None
        columns = self.block.columns
        if self._all is None:
            gains = np.full(columns.count, self._gain(0.0))
            rows, shares = self._linear.lookup.shares(columns)
            gains[rows] = self._linear.lexical(shares)
            self._all = np.round(gains, DIGITS) + 0.0
        open = self._all <= (np.inf if after is None else -after[0])
        if after is not None:
            passed = int(np.searchsorted(columns.data["ids"], np.bytes_(after[1].encode()), side="right"))
            open[:passed] &= self._all[:passed] < -after[0]
        if self._passing is not None:
            open &= self._passing.mask
        rows = np.flatnonzero(open)
        scores = self._all[rows]
        if len(rows) <= k:
            return rows[np.lexsort((rows, -scores))], False
        least = np.partition(scores, len(scores) - k)[len(scores) - k]
        better = np.flatnonzero(scores > least)
        better = better[np.lexsort((better, -scores[better]))]
        return rows[np.append(better, np.flatnonzero(scores == least)[: k - len(better)])], True

    def shares(self, rows: Array) -> Array:
        """What the words give to rows, 0..1."""
        import numpy as np

        lookup = self._linear.lookup
        return np.zeros(len(rows)) if lookup is None else lookup.score_rows(self.block.columns, rows)

    def candidates(self, k: int, before: int, ceiling: float | None) -> tuple[Array, float]:
        """The rows with the best scores: k, of those at most `ceiling` if it is given, or all of the first
        `before + k`; and a bound for the score of every other row (-inf if there is none)."""
        kernel = self.block.kernel
        if kernel is None or k + before > DEEP or (k + before) * 2 > self.block.columns.count:
            return self._from_all(k, ceiling)
        wanted = k + before
        lookup = self._linear.lookup
        rows, unseen = self._near(kernel, wanted) or self._found(
            kernel, wanted if lookup is None else max(wanted, WORDED)
        )
        if lookup is None or unseen == float("-inf"):
            return self._best(rows, self._totals(rows), wanted, unseen)
        return self._with_words(rows, wanted, unseen, lookup)

    def _near(self, kernel: Kernel, wanted: int) -> tuple[Array, float] | None:
        """As `_found`, of what was found when the results were; None if that is less than wanted, or if another search
        of the results alone misses fewer."""
        if self._nearest is None or self._passing is None:
            return None
        rows, bound = self._let_through(self._nearest.rows), self._nearest.bound
        if bound == float("-inf"):
            return rows, bound
        if len(rows) < wanted or not (kernel.exact or self._passing.count > MAX_EXACT_ROWS):
            return None
        return rows, bound

    def _found(self, kernel: Kernel, wanted: int) -> tuple[Array, float]:
        """The rows that are best without words, and a bound of all others."""
        scores, rows = kernel.top(self._dense, wanted, self._passing)
        return rows, float(scores[-1]) + self._shift if len(scores) >= wanted else float("-inf")

    def _best(self, rows: Array, totals: Array, wanted: int, bound: float) -> tuple[Array, float]:
        """The best of rows by their scores, and a bound of all others, of which one is known."""
        import numpy as np

        if len(rows) <= wanted:
            return rows, bound
        best = np.argpartition(-totals, wanted - 1)[:wanted]
        return rows[best], max(bound, float(totals[best].min()))

    def _with_words(self, rows: Array, wanted: int, unseen: float, lookup: Lookup) -> tuple[Array, float]:
        """As `candidates`, from the rows that are best without words and a bound of all others without words.

        Like the threshold algorithm (R. Fagin et al., PODS 2001): those to which words give most are looked at next,
        until what they give to the rest is less than it lacks.
        """
        import numpy as np

        columns = self.block.columns
        rows = np.union1d(rows, self._let_through(lookup.rarest(columns, GATHERED)))
        totals = self._totals(rows)
        lacks = self._least(totals, wanted) - unseen
        share = self._linear.share(max(0.0, lacks))
        others, most = lookup.rows_above(columns, share, None if self._passing is None else self._passing.bits)
        if self._passing is not None:
            through = self._passing.mask[others]
            others, most = others[through], most[through]
        bound = unseen + self._gain(share)
        for _ in range(LEVELS):
            if not len(others):
                break
            least = np.partition(most, -GATHERED)[-GATHERED] if len(others) > GATHERED else -np.inf
            next, level = others[most > least], others[most == least]
            if len(level) > GATHERED:
                level, end = self._best_without_words(level, wanted)
                bound = max(bound, end + self._gain(float(least)))
            next = np.setdiff1d(np.append(next, level), rows)
            rows, totals = np.append(rows, next), np.append(totals, self._totals(next))
            share = max(share, self._linear.share(max(0.0, self._least(totals, wanted) - unseen)))
            rest = (most < least) & (most > share)
            others, most = others[rest], most[rest]
        bound = max(bound, unseen + self._gain(max(share, float(most.max(initial=0.0)))))
        return self._best(rows, totals, wanted, bound)

    def _least(self, totals: Array, wanted: int) -> float:
        """What is surely below the exact score of so many rows."""
        import numpy as np

        return float(np.partition(totals, len(totals) - wanted)[len(totals) - wanted]) - 3 * self._slack

    def _best_without_words(self, rows: Array, k: int) -> tuple[Array, float]:
        """The k best of some rows, and a bound of the rest, both without words."""
        assert self.block.kernel is not None
        scores, found = self.block.kernel.top(self._dense, k, RowFilter.of(rows, self.block.columns.count))
        return found, float(scores[-1]) + self._shift if len(scores) >= k else float("-inf")

    def _gain(self, share: float) -> float:
        import numpy as np

        return float(self._linear.lexical(np.array(share)))

    def _let_through(self, rows: Array) -> Array:
        return rows if self._passing is None else rows[self._passing.mask[rows]]

    def _totals(self, rows: Array) -> Array:
        """(m,) single-precision scores, words and all."""
        dense = single(self.block.columns.vectors[rows]) @ self._dense
        return dense + self._shift + self._linear.lexical(self.shares(rows))

    def _from_all(self, k: int, ceiling: float | None) -> tuple[Array, float]:
        import numpy as np

        if self._all is None:
            kernel = self.block.kernel
            dense = self.block.vectors @ self._dense if kernel is None else every(kernel.rows, self._dense)
            dense += np.float32(self._shift)
            if self._linear.lookup is not None:
                rows, shares = self._linear.lookup.shares(self.block.columns)
                dense[rows] += self._linear.lexical(shares)
            if self._passing is not None:
                dense[~self._passing.mask] = -np.inf
            self._all = dense
        scores = self._all
        open_rows = np.flatnonzero((scores > -np.inf) if ceiling is None else (scores > -np.inf) & (scores <= ceiling))
        if len(open_rows) <= k:
            return open_rows, float("-inf")
        best = open_rows[np.argpartition(-scores[open_rows], k - 1)[:k]]
        return best, float(scores[best].min())
