"""Rows in the order of their exact scores.

A query is one linear function of the stored row (all of a picture, a text, and what hits should not resemble, folded
into one vector) plus the lexical channel. The kernel's single-precision scores choose candidates; scores are computed
anew in double precision, and a row is given out only when no row not looked at can come before it. So order, scores
and pages do not depend on the kernel, and equal scores come by id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from functions.search.engine import words
from functions.search.engine.kernel import every
from functions.search.engine.port import Hit, Modality, Model, Parts, VectorQuery
from functions.search.engine.state import Block, State
from functions.search.engine.words import Lookup

if TYPE_CHECKING:
    from numpy.typing import NDArray

DIGITS: Final = 9
SPARE: Final = 16
"""Candidates beyond those wanted, among which rounding of the kernel may have changed the order."""
DEEP: Final = 4096
"""Candidates above which it is cheaper to score every row."""
GATHERED: Final = 1024
"""Rows with a wanted word up to which all are scored one by one."""
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
    def of(query: VectorQuery, model: Model, state: State) -> Linear:
        """Fold the channels of a query."""
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
        lookup = Lookup.of(query.words, state.lexicon) if query.words and query.weights.words else None
        return Linear(sums["image"], sums["text"], zero["image"], zero["text"], lookup, query.weights.words, cosines)

    def lexical(self, shares: Array) -> Array:
        """What shares of the most the words could give add to the score."""
        return self.words_weight * (shares - words.MEAN) / words.DEVIATION


@dataclass(frozen=True)
class Ranked:
    """A row with its score; rows sort by `key`."""

    key: tuple[float, str]
    block: Block
    row: int
    hit: Hit


class Ranking:
    """The rows of a state that a query lets through, by (-score, id).

    Args:
        blocks: with the mask (count,) of rows let through, None for all.
    """

    def __init__(self, linear: Linear, blocks: Sequence[tuple[Block, Array | None]]) -> None:
        import numpy as np

        self._linear = linear
        self._dense = (linear.image + linear.text).astype(np.float32)
        self._slack = ROUNDING * float(np.linalg.norm(self._dense)) + 1e-6
        self._shift = -(linear.image_zero + linear.text_zero)
        self._parts = [Source(block, mask, linear, self._dense, self._shift) for block, mask in blocks]

    def first(self, n: int, after: tuple[float, str] | None = None, before: int = 0) -> list[Ranked]:
        """At least the first n rows that come after a key, or all there are; `before`: about how many come before."""
        k = n + SPARE
        ceiling = None if after is None else -after[0] + self._slack
        while True:
            found: list[Ranked] = []
            bound = float("-inf")
            for part in self._parts:
                rows, unseen = part.candidates(k, before, ceiling)
                bound = max(bound, unseen)
                found += self._exact(part, rows)
            found.sort(key=lambda one: one.key)
            if after is not None:
                found = [one for one in found if one.key > after]
            if bound == float("-inf"):
                return found
            sure = [one for one in found if -one.key[0] > bound + self._slack]
            if len(sure) >= n:
                return sure
            k *= 4

    def _exact(self, part: Source, rows: Array) -> list[Ranked]:
        import numpy as np

        if not len(rows):
            return []
        stored = part.block.columns.vectors[rows].astype(np.float64)
        linear = self._linear
        # Row by row along the row, not by BLAS: equal rows must have equal scores wherever they stand.
        image = (stored * linear.image).sum(1) - linear.image_zero
        text = (stored * linear.text).sum(1) - linear.text_zero
        shares = part.shares(rows)
        lexical = linear.lexical(shares) if linear.lookup else np.zeros(len(rows))
        scores = np.round(image + text + lexical, DIGITS) + 0.0
        raw = {name: (stored * vector).sum(1) for name, vector in linear.cosines.items()}
        if linear.lookup:
            raw["words"] = shares
        ranked: list[Ranked] = []
        for at, row in enumerate(rows.tolist()):
            id = part.block.columns.id(row)
            parts = Parts(float(image[at]), float(text[at]), float(lexical[at]))
            hit = Hit(id, float(scores[at]), parts, {name: float(values[at]) for name, values in raw.items()})
            ranked.append(Ranked((-hit.score, id), part.block, row, hit))
        return ranked


class Source:
    """Candidates of one block, by single-precision scores."""

    def __init__(self, block: Block, mask: Array | None, linear: Linear, dense: Array, shift: float) -> None:
        import numpy as np

        self.block = block
        self._mask = mask
        self._dense = dense
        self._shift = shift
        self._words: Array = np.empty(0, np.int64)
        self._shares: Array = np.empty(0)
        if linear.lookup is not None:
            self._words, self._shares = linear.lookup.shares(block.columns)
        if mask is not None and len(self._words):
            through = mask[self._words]
            self._words, self._shares = self._words[through], self._shares[through]
        self._gains = linear.lexical(self._shares) if linear.lookup else self._shares
        self._all: Array | None = None

    def shares(self, rows: Array) -> Array:
        """What the words give to rows, 0..1."""
        import numpy as np

        if not len(self._words):
            return np.zeros(len(rows))
        at = np.minimum(np.searchsorted(self._words, rows), len(self._words) - 1)
        return np.where(self._words[at] == rows, self._shares[at], 0.0)

    def candidates(self, k: int, before: int, ceiling: float | None) -> tuple[Array, float]:
        """The rows with the best scores: k, of those at most `ceiling` if it is given, or all of the first
        `before + k`; and a bound for the score of every other row (-inf if there is none)."""
        import numpy as np

        kernel = self.block.kernel
        if kernel is None or k + before > DEEP or (k + before) * 2 > self.block.columns.count:
            return self._from_all(k, ceiling)
        wanted = k + before
        k = max(wanted, WORDED) if len(self._words) else wanted
        scores, rows = kernel.top(self._dense, k, self._mask)
        unseen = float(scores[-1]) + self._shift if len(scores) >= k else float("-inf")
        if not len(self._words):
            return rows, unseen
        if len(self._words) <= GATHERED:
            # Every row with a wanted word is looked at: what is unseen has none.
            return self._best(np.union1d(rows, self._words), wanted, unseen)
        # The threshold algorithm (R. Fagin et al., PODS 2001): what is in neither list is below the sum of their ends.
        strong = np.argpartition(-self._gains, k - 1)[:k] if len(self._gains) > k else np.arange(len(self._gains))
        if len(self._gains) > k and unseen > float("-inf"):
            unseen += max(0.0, float(self._gains[strong].min()))
        return self._best(np.union1d(rows, self._words[strong]), wanted, unseen)

    def _best(self, rows: Array, k: int, unseen: float) -> tuple[Array, float]:
        """The k best of some rows by single-precision scores with words, and the bound with those left out."""
        import numpy as np

        if len(rows) <= k:
            return rows, unseen
        scores = self.block.columns.vectors[rows].astype(np.float32) @ self._dense + np.float32(self._shift)
        at = np.minimum(np.searchsorted(self._words, rows), len(self._words) - 1)
        scores += np.where(self._words[at] == rows, self._gains[at], 0.0)
        best = np.argpartition(-scores, k - 1)[:k]
        return rows[best], max(unseen, float(scores[best].min()))

    def _from_all(self, k: int, ceiling: float | None) -> tuple[Array, float]:
        import numpy as np

        if self._all is None:
            kernel = self.block.kernel
            dense = self.block.vectors @ self._dense if kernel is None else every(kernel.rows, self._dense)
            dense += np.float32(self._shift)
            dense[self._words] += self._gains
            if self._mask is not None:
                dense[~self._mask] = -np.inf
            self._all = dense
        scores = self._all
        open_rows = np.flatnonzero((scores > -np.inf) if ceiling is None else (scores > -np.inf) & (scores <= ceiling))
        if len(open_rows) <= k:
            return open_rows, float("-inf")
        best = open_rows[np.argpartition(-scores[open_rows], k - 1)[:k]]
        return best, float(scores[best].min())
