"""The lexical channel: how text becomes words, and BM25 over the postings of `columns.Columns`.

No library is used: those at hand keep finished scores, with the idf of one corpus inside, so products written since
the last rebuild could not be scored alike. The formula is Lucene's (S. Kamphuis et al., ECIR 2020), tests hold it
against `bm25s`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Container, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from functions.search.engine.columns import Columns

K1: Final = 1.2
B: Final = 0.5
MEAN, DEVIATION = 0.0, 0.12
"""What standardises the share of the most that the words could give: nothing found is 0, and all words found once in
a text of common length (a share near .45) weighs like a good cosine, some four deviations."""
LONGEST: Final = 40
_WORD = re.compile(r"[^\W_]+")
STOP: Final = frozenset(
    ("a", "an", "and", "are", "as", "at", "be", "by", "for", "from", "in", "is", "it", "of", "on", "or", "our", "that",
     "the", "these", "this", "to", "we", "with", "you", "your")
)  # fmt: skip


def tokens(text: str) -> list[str]:
    """The words of a text, in order, folded to lower case and to the singular, without stop words."""
    return [stem(word) for word in _WORD.findall(text.casefold()) if word not in STOP]


def stem(word: str) -> str:
    """English plurals to singulars: the S-stemmer (D. Harman, JASIS 1991) with the sibilants told apart."""
    word = word[:LONGEST]
    if len(word) > 3:
        if word.endswith("ies") and not word.endswith(("eies", "aies")):
            return word[:-3] + "y"
        if word.endswith(("sses", "shes", "ches", "xes", "zzes")):
            return word[:-2]
        if word.endswith("s") and not word.endswith(("us", "ss", "is")):
            return word[:-1]
    return word


def saturation(times: NDArray[Any], lengths: NDArray[Any], mean_length: float) -> NDArray[Any]:
    """(m,) float64 below 1: what a word that stands so often in a text of that length gives of its weight."""
    import numpy as np

    tf = times.astype(np.float64)
    return tf / (tf + K1 * (1 - B + B * lengths.astype(np.float64) / (mean_length or 1.0)))


@dataclass(frozen=True)
class Lexicon:
    """What a query is weighed by: number of products and mean length of the version's main part.

    Fixed for a version, so that products journaled since are scored as those in it, and a cursor's scores stay.
    """

    columns: Columns

    def idf(self, word: str) -> float:
        """Of a word of `tokens`; a word never seen weighs most."""
        found = self.columns.documents_with(word)
        return math.log(1 + (self.columns.count - found + 0.5) / (found + 0.5))

    @property
    def mean_length(self) -> float:
        """Words of a product."""
        return self.columns.mean_length


@dataclass(frozen=True)
class Lookup:
    """A query's words with their weights, and a bound of the share that each alone gives in a version's main part."""

    weights: tuple[tuple[str, float], ...]
    peaks: tuple[float, ...]
    most: float
    mean_length: float

    @staticmethod
    def of(text: str, lexicon: Lexicon) -> Lookup | None:
        """None if there is no word in the text."""
        found = tuple((word, lexicon.idf(word)) for word in sorted(set(tokens(text))))
        if not found:
            return None
        most = sum(weight for _, weight in found)
        peaks = tuple(weight * lexicon.columns.peak(word) / most for word, weight in found)
        return Lookup(found, peaks, most, lexicon.mean_length)

    def shares(self, columns: Columns, words: Container[str] | None = None) -> tuple[NDArray[Any], NDArray[Any]]:
        """Rows (m,) that have any of the words, ascending, and what they score (m,) float64: BM25 as a share, 0..1,
        of the most the words could give; with `words` of these of the query's words alone."""
        import numpy as np

        asked = [(word, weight) for word, weight in self.weights if words is None or word in words]
        summed, single = np.zeros(columns.count if len(asked) > 1 else 0), (np.empty(0, np.int64), np.empty(0))
        for word, weight in asked:
            where, times = columns.postings(word)
            gains = weight * saturation(times, columns.lengths[where], self.mean_length)
            if len(asked) > 1:
                summed[where] += gains
            else:
                single = where.astype(np.int64), gains / self.most
        if len(asked) < 2:
            return single
        every = np.flatnonzero(summed)
        return every, summed[every] / self.most

    def rare(self, columns: Columns, most: int) -> NDArray[Any]:
        """Rows, some of them twice, that have the rarest of the words: at most so many."""
        import numpy as np

        found: list[NDArray[Any]] = [np.empty(0, np.int32)]
        for rows in sorted((columns.postings(word)[0] for word, _ in self.weights), key=len):
            most -= len(rows)
            if most < 0:
                break
            found.append(rows)
        return np.concatenate(found)

    def among(self, columns: Columns, rows: NDArray[Any]) -> NDArray[Any]:
        """(m,) float64, what given rows (m,) score: the same numbers as of `shares`, 0 without any of the words."""
        import numpy as np

        # As narrow as the postings, or bisection would copy those.
        wanted = rows.astype(np.int32)
        summed = np.zeros(len(wanted))
        for word, weight in self.weights:
            where, times = columns.postings(word)
            if len(where):
                at = np.minimum(np.searchsorted(where, wanted), len(where) - 1)
                has = where[at] == wanted
                lengths = columns.lengths[wanted[has]]
                summed[has] += weight * saturation(times[at[has]], lengths, self.mean_length)
        return summed / self.most

    def beyond(self, columns: Columns, share: float, few: int) -> tuple[NDArray[Any], NDArray[Any], float]:
        """Rows (m,) of a version's main part, ascending, among which are all that score more than a share; what they
        score, exactly if they are more than `few`, or else at most (m,) float64; and what every other row does at most.

        The commonest words that cannot give so much together are not looked up (MaxScore: H. Turtle, J. Flood, 1995).
        """
        import numpy as np

        order = sorted(range(len(self.peaks)), key=self.peaks.__getitem__)
        left, bound = 0, 0.0
        while left < len(order) and bound + self.peaks[order[left]] <= share:
            bound += self.peaks[order[left]]
            left += 1
        if left == len(order):
            return np.empty(0, np.int64), np.empty(0), bound
        words = {self.weights[at][0] for at in order[left:]}
        if sum(columns.documents_with(word) for word in words) > few:
            words, bound = None, 0.0
        rows, shares = self.shares(columns, words)
        more = shares + bound > share
        return rows[more], shares[more] + bound, share


def forbidden(minus: Iterable[str]) -> tuple[str, ...]:
    """The words that no hit may have."""
    return tuple(sorted({word for text in minus for word in tokens(text)}))
