"""The lexical channel: how text becomes words, and BM25 over the postings of `columns.Columns`.

No library is used: those at hand keep finished scores, with the idf of one corpus inside, so products written since
the last rebuild could not be scored alike. The formula is Lucene's (S. Kamphuis et al., ECIR 2020), tests hold it
against `bm25s`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

from functions.search.engine.postings import rows_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from functions.search.engine.columns import Columns

K1: Final = 1.2
B: Final = 0.5
MEAN, DEVIATION = 0.0, 0.12
"""What standardises the share of the most that the words could give: nothing found is 0, and all words found once in
a text of common length (a share near .45) weighs like a good cosine, some four deviations."""
MAX_WORD_LENGTH: Final = 40
MAX_COMBINED_WORDS: Final = 5
"""Words of a query whose sets are looked at."""
COMMON_ONE_IN: Final = 16
"""One in so many rows, or more, are better scored with all others than looked up."""
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
    word = word[:MAX_WORD_LENGTH]
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
        found = len(self.columns.postings(word).rows)
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

    def shares(self, columns: Columns) -> tuple[NDArray[Any], NDArray[Any]]:
        """Rows (m,) that have any of the words, ascending, and what they score (m,) float64: BM25 as a share, 0..1,
        of the most the words could give."""
        import numpy as np

        summed = np.zeros(columns.count)
        for word, weight in self.weights:
            found = columns.postings(word)
            summed[found.rows] += weight * saturation(found.times, columns.lengths[found.rows], self.mean_length)
        every = np.flatnonzero(summed)
        return every, summed[every] / self.most

    def rarest(self, columns: Columns, most: int) -> NDArray[Any]:
        """Rows, some of them twice, that have the rarest of the words: at most so many."""
        import numpy as np

        found: list[NDArray[Any]] = [np.empty(0, np.int32)]
        for rows in sorted((columns.postings(word).rows for word, _ in self.weights), key=len):
            most -= len(rows)
            if most < 0:
                break
            found.append(rows)
        return np.concatenate(found)

    def score_rows(self, columns: Columns, rows: NDArray[Any]) -> NDArray[Any]:
        """(m,) float64, what given rows (m,) score: the same numbers as of `shares`, 0 without any of the words."""
        import numpy as np

        summed = np.zeros(len(rows))
        for word, weight in self.weights:
            found = columns.postings(word)
            at = found.place(rows)
            has = np.flatnonzero(at >= 0)
            times, lengths = found.times[at[has]], columns.lengths[rows[has]]
            summed[has] += weight * saturation(times, lengths, self.mean_length)
        return summed / self.most

    def rows_above(self, columns: Columns, share: float) -> tuple[NDArray[Any], NDArray[Any]]:
        """Rows (m,) of a version's main part, ascending, that score more than a share, and what they do (m,) float64.

        A row does not if the words it has could not give so much together, as in MaxScore (H. Turtle, J. Flood, 1995),
        but by sets of words, which as bits of all rows cost next to nothing.
        """
        import numpy as np

        sets = self._enough(share)
        if not sets:
            return np.empty(0, np.int64), np.empty(0)
        bits = [np.bitwise_and.reduce([columns.postings(word).bits for word in words]) for words in sets if words]
        some = np.bitwise_or.reduce(bits) if len(bits) == len(sets) else None
        if some is None or np.bitwise_count(some).sum() * COMMON_ONE_IN > columns.count:
            rows, shares = self.shares(columns)
        else:
            rows = rows_of(some)
            shares = self.score_rows(columns, rows)
        more = shares > share
        return rows[more], shares[more]

    def _enough(self, share: float) -> list[tuple[str, ...]]:
        """The smallest sets of words, one of which a row must have to score more than a share. Of many words those
        that give least are taken as had, so that the sets stay few; a set may be empty then."""
        peaks = {word: peak for (word, _), peak in zip(self.weights, self.peaks, strict=True) if peak}
        most = sorted(peaks, key=peaks.__getitem__, reverse=True)
        combined, given = most[:MAX_COMBINED_WORDS], sum(peaks[word] for word in most[MAX_COMBINED_WORDS:])
        found: list[tuple[str, ...]] = []
        for size in range(len(combined) + 1):
            for words in combinations(combined, size):
                enough = given + sum(peaks[word] for word in words) > share
                if enough and not any(set(known) <= set(words) for known in found):
                    found.append(words)
        return found


def forbidden(minus: Iterable[str]) -> tuple[str, ...]:
    """The words that no hit may have."""
    return tuple(sorted({word for text in minus for word in tokens(text)}))
