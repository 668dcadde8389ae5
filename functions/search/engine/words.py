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
    """A query's words with their weights."""

    weights: tuple[tuple[str, float], ...]
    most: float
    mean_length: float

    @staticmethod
    def of(text: str, lexicon: Lexicon) -> Lookup | None:
        """None if there is no word in the text."""
        found = tuple((word, lexicon.idf(word)) for word in sorted(set(tokens(text))))
        if not found:
            return None
        return Lookup(found, sum(weight for _, weight in found), lexicon.mean_length or 1.0)

    def shares(self, columns: Columns) -> tuple[NDArray[Any], NDArray[Any]]:
        """Rows (m,) that have any of the words, ascending, and what they score (m,) float64: BM25 as a share, 0..1,
        of the most the words could give."""
        import numpy as np

        rows: list[NDArray[Any]] = []
        gains: list[NDArray[Any]] = []
        for word, weight in self.weights:
            where, times = columns.postings(word)
            if len(where):
                tf = times.astype(np.float64)
                length = columns.lengths[where].astype(np.float64)
                rows.append(where)
                gains.append(weight * tf / (tf + K1 * (1 - B + B * length / self.mean_length)))
        if not rows:
            return np.empty(0, np.int64), np.empty(0)
        if len(rows) == 1:
            return rows[0].astype(np.int64), gains[0] / self.most
        summed = np.bincount(np.concatenate(rows), np.concatenate(gains), columns.count)
        every = np.flatnonzero(summed)
        return every, summed[every] / self.most


def forbidden(minus: Iterable[str]) -> tuple[str, ...]:
    """The words that no hit may have."""
    return tuple(sorted({word for text in minus for word in tokens(text)}))
