"""The lexical channel: BM25 over the postings of `columns.Columns`.

No library is used: those at hand keep finished scores, with the idf of one corpus inside, so products written since
the last rebuild could not be scored alike. The formula is Lucene's (S. Kamphuis et al., ECIR 2020), tests hold it
against `bm25s`; a word in the description alone counts a quarter (BM25F, S. Robertson et al., CIKM 2004).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from functions.search.engine.letters import analyse, fold, grams, is_unspaced, sku_key
from functions.search.engine.postings import UNIT, Postings, rows_of
from functions.search.engine.vocabulary import FORM, SPELLING, SPLIT, STRONG, Alternative, Vocabulary

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from functions.search.engine.columns import Columns

K1: Final = 1.2
B: Final = 0.5
MEAN, DEVIATION = 0.0, 0.12
"""What standardises the share of the most that the words could give: nothing found is 0, and all words found once in
a text of common length (a share near .45) weighs like a good cosine, some four deviations."""
SKU_SHARE: Final = 100.0
"""What an article number gives: more than any picture or text could, so that it comes first."""
_SKU_PIECE = re.compile(r"[\s:=#]+")
MIN_SKU: Final = 3
"""Letters and digits of an article number among other words."""
ARTICLE: Final = "a"
"""Left out where it stands alone, and in `a-line` a part of the name."""
MAX_TERMS: Final = 24
KIND_WEIGHT: Final = 2
"""How much the name of a category counts among the words of a query, for whether a product is a result."""

type Array = NDArray[Any]


def saturation(times: Array, lengths: Array, mean_length: float) -> Array:
    """(m,) float64 below 1: what a word that stands so often in a text of that length gives of its weight.

    Args:
        times: in units of 1 / `UNIT`.
    """
    import numpy as np

    tf = times.astype(np.float64) / UNIT
    return tf / (tf + K1 * (1 - B + B * lengths.astype(np.float64) / (mean_length or 1.0)))


def inverse_frequency(count: int, found: int) -> float:
    """Weight of a term that so many of all products have."""
    return math.log(1 + (count - found + 0.5) / (found + 0.5))


@dataclass(frozen=True)
class Term:
    """One word of a query, or several that a hyphen joins.

    Args:
        pieces: folded; together they are looked for as one word, too.
        joined: the word and its neighbour in one piece (`rain coat` may be a `raincoat`).
        attached: a single ideograph that was written onto its neighbour: alone in another word it means nothing.
    """

    pieces: tuple[str, ...]
    joined: tuple[str, ...] = ()
    attached: bool = False

    @property
    def word(self) -> str:
        """In one piece."""
        return "".join(self.pieces)

    def alternatives(self, vocabulary: Vocabulary, *, loose: bool = False) -> tuple[Alternative, ...]:
        """What it may be found as in products, see `Vocabulary.alternatives`."""
        found = list(vocabulary.alternatives(self.word, loose=loose))
        if len(self.pieces) > 1:
            forms = [vocabulary.forms(piece) for piece in self.pieces]
            if all(forms):
                found += [Alternative(words, SPELLING) for words in _combined(forms)]
            named = tuple(piece for piece in self.pieces if piece != ARTICLE)
            if (loose or len(named) > 1) and 0 < len(named) < len(self.pieces) and all(map(vocabulary.has, named)):
                # `a-line` is also written as two words, the first of which says nothing alone.
                found.append(Alternative(named, SPLIT))
        for word in self.joined:
            found += [Alternative((form,), SPELLING if form == word else FORM) for form in vocabulary.forms(word)]
            found += vocabulary.spelt_otherwise(word)
        if self.attached:
            letters = tuple(grams(self.word))
            found = [one for one in found if one.words != letters]
        return tuple(found)

    def is_known(self, columns: Columns, there: Array | None = None) -> bool:
        """Whether products have it, whatever its form; `there`: of which rows (count,), None for all."""
        found = found_in(columns, [one for one in self.alternatives(columns.vocabulary) if one.factor >= STRONG])
        return bool(len(found.rows)) if there is None else bool(there[found.rows].any())


def _combined(forms: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    """One form of each piece: itself, and for each its other forms beside the others as they are."""
    first = tuple(each[0] for each in forms)
    found = {first: None}
    for place, each in enumerate(forms):
        for other in each[1:4]:
            found[(*first[:place], other, *first[place + 1 :])] = None
    return list(found)


def terms_of(text: str) -> tuple[Term, ...]:
    """The terms of a query, each once; of very many the first."""
    groups = analyse(text).groups()
    folded = fold(text)
    singles = ["", *(group[0] if len(group) == 1 else "" for group in groups), ""]
    found: dict[tuple[str, ...], Term] = {}
    for place, group in enumerate(groups, start=1):
        pairs = ((singles[place - 1], singles[place]), (singles[place], singles[place + 1]))
        neighbours = [before + after for before, after in pairs if before and after]
        known = found.get(group)
        attached = is_unspaced(group[0]) and len(group[0]) == 1 and any(both in folded for both in neighbours)
        joined = tuple(dict.fromkeys((*(known.joined if known else ()), *neighbours)))
        found[group] = Term(group, joined, attached)
    return tuple(found.values())[:MAX_TERMS]


def sku_keys(text: str) -> tuple[str, ...]:
    """What of a query may be an article number: all of it, each piece with a digit, and letters with the piece behind
    them that has one (`red ts 1001`)."""
    pieces = [sku_key(piece) for piece in _SKU_PIECE.split(fold(text))][:MAX_TERMS]
    pairs = [one + other for one, other in pairwise(pieces) if one.isalpha() and other[:1].isdigit()]
    keys = [key for key in (*pieces, *pairs) if len(key) >= MIN_SKU and any(char.isdigit() for char in key)]
    return tuple(dict.fromkeys(key for key in (sku_key(text), *keys) if key))


@dataclass(frozen=True)
class Found:
    """Rows that have what a term stands for, and how much of it each gives: `postings` with their factors."""

    postings: tuple[tuple[Postings, float], ...]
    among: int

    @cached_property
    def rows(self) -> Array:
        """(m,) int64, ascending, each once."""
        import numpy as np

        if len(self.postings) == 1:
            return self.postings[0][0].rows.astype(np.int64)
        if not self.postings:
            return np.empty(0, np.int64)
        return rows_of(self.bits)

    @cached_property
    def bits(self) -> Array:
        """Of the rows, see `Postings.bits`."""
        return self._either([postings.bits for postings, _ in self.postings])

    @cached_property
    def strong(self) -> Array:
        """Bits of the rows whose title, tags and the like have what was meant."""
        return self._either([postings.named_bits for postings, factor in self.postings if factor >= STRONG])

    @cached_property
    def middling(self) -> Array:
        """Bits of the rows whose description has what was meant, or whose title has what is like it."""
        likely = [p.bits if factor >= STRONG else p.named_bits for p, factor in self.postings]
        return self._either(likely)

    def _either(self, bits: Sequence[Array]) -> Array:
        import numpy as np

        return np.bitwise_or.reduce([np.zeros(-(-self.among // 64), np.uint64), *bits])

    def gains(self, rows: Array, columns: Columns, mean_length: float) -> Array:
        """(m,) float64, 0 to 1, of given rows (m,)."""
        import numpy as np

        most = np.zeros(len(rows))
        for postings, factor in self.postings:
            at = postings.place(rows)
            has = np.flatnonzero(at >= 0)
            reached = saturation(postings.times[at[has]], columns.lengths[rows[has]], mean_length)
            most[has] = np.maximum(most[has], factor * reached)
        return most

    def every(self, columns: Columns, mean_length: float) -> tuple[Array, Array]:
        """`rows`, and the `gains` of all of them."""
        if len(self.postings) != 1:
            return self.rows, self.gains(self.rows, columns, mean_length)
        ((postings, factor),) = self.postings
        return self.rows, factor * saturation(postings.times, columns.lengths[postings.rows], mean_length)


def peak(columns: Columns, alternatives: Sequence[Alternative]) -> float:
    """A bound of `Found.gains` in a version's main part."""
    bounds = [one.factor * min(columns.peak(word) for word in one.words) for one in alternatives]
    return max(bounds, default=0.0)


def found_in(columns: Columns, alternatives: Sequence[Alternative]) -> Found:
    """The rows of alternatives; several words must all be there, and give as much as the rarest."""
    postings = [(_all_of(columns, one.words), one.factor) for one in alternatives]
    return Found(tuple((some, factor) for some, factor in postings if len(some.rows)), columns.count)


def _all_of(columns: Columns, words: tuple[str, ...]) -> Postings:
    import numpy as np

    each = [columns.postings(word) for word in words]
    if len(each) == 1:
        return each[0]
    rows = rows_of(np.bitwise_and.reduce([postings.bits for postings in each]))
    times = [postings.times[postings.place(rows)] for postings in each]
    return Postings(rows.astype(np.int32), np.minimum.reduce(times), columns.count)


def sku_rows(columns: Columns, keys: Sequence[str]) -> Postings:
    """The rows with one of the article numbers."""
    import numpy as np

    rows = np.unique(np.concatenate([np.empty(0, np.int64), *(columns.rows_of_sku(key) for key in keys)]))
    return Postings(rows.astype(np.int32), np.full(len(rows), UNIT, np.uint8), columns.count)


@dataclass(frozen=True)
class Lexicon:
    """What a query is weighed by: number of products and mean length of the version's main part.

    Fixed for a version, so that products journaled since are scored as those in it, and a cursor's scores stay.
    """

    columns: Columns

    def idf(self, term: Term, *, loose: bool) -> float:
        """Of a term; one never seen weighs most."""
        found = len(found_in(self.columns, term.alternatives(self.columns.vocabulary, loose=loose)).rows)
        return inverse_frequency(self.columns.count, found)

    @property
    def mean_length(self) -> float:
        """Words of a product."""
        return self.columns.mean_length


def kinds(columns: Columns, there: Array | None) -> frozenset[str]:
    """The words that name categories of products; `there`: of which rows (count,), None for all."""
    import numpy as np

    values = columns.values("category")
    if there is not None:
        codes = np.unique(columns.data["category.codes"][there])
        values = [values[code] for code in codes.tolist() if code >= 0]
    return frozenset(word for value in values for word in analyse(value).sequence)


def names_kind(term: Term, vocabulary: Vocabulary, named: frozenset[str]) -> bool:
    """Whether a term is the name of a category in one of its forms; a compound with one is none."""
    return any(one.factor >= FORM and not named.isdisjoint(one.words) for one in term.alternatives(vocabulary))
