"""The words of a shop in Cosmos DB: what a version noted of them, and what a query means by it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any, Final

from functions.search.engine.cosmos_sql import Condition
from functions.search.engine.letters import tokens, variants
from functions.search.engine.lookup import Lookup
from functions.search.engine.query import VectorQuery
from functions.search.engine.vocabulary import EXACT, SPELLING, STRONG, Alternative, Vocabulary
from functions.search.engine.words import Term, inverse_frequency, names_kind, terms_of
from shared import blobs
from shared.errors import NotFound

FILE: Final = "words.json"
MAX_TERMS: Final = 6
"""Terms of a query that decide what a result is; of more, the rarest."""


@dataclass(frozen=True)
class ShopWords:
    """The words of a shop's products as they were when a version was published.

    Words written since are found as they are, and their other forms from the next version on.

    Args:
        often: in how many products each word is.
        kinds: words of the names of categories.
        count: of products; `mean_length` of their texts, in words.
    """

    often: Mapping[str, int]
    kinds: frozenset[str]
    count: int
    mean_length: float

    @staticmethod
    def of(rows: Sequence[Mapping[str, Any]]) -> ShopWords:
        """Of documents with `words`, `weak`, `category` and `length`."""
        often: Counter[str] = Counter()
        for row in rows:
            often.update({*(row.get("words") or ()), *(row.get("weak") or ())})
        kinds = {word for category in {row.get("category") or "" for row in rows} for word in tokens(category)}
        lengths = [row.get("length") or 0 for row in rows]
        return ShopWords(often, frozenset(kinds), len(rows), sum(lengths) / len(lengths) if lengths else 0.0)

    def store(self, shop: str, version: str) -> None:
        """Keep them with a version."""
        stored = {"often": self.often, "kinds": sorted(self.kinds), "count": self.count, "meanLength": self.mean_length}
        data = json.dumps(stored, ensure_ascii=False).encode()
        blobs.put(blobs.INDEXES, f"{shop}/{version}/{FILE}", data, content_type="application/json")

    @staticmethod
    def load(shop: str, version: str) -> ShopWords:
        """Of a version; none of what is not there."""
        try:
            stored = json.loads(blobs.get(blobs.INDEXES, f"{shop}/{version}/{FILE}"))
        except NotFound:
            return NO_WORDS
        return ShopWords(stored["often"], frozenset(stored["kinds"]), stored["count"], stored["meanLength"])

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """All of them."""
        import numpy as np

        words = sorted(word.encode() for word in self.often)
        return Vocabulary.of({"words": np.array(words, dtype=np.bytes_ if words else "S1")})

    def _frequency(self, alternatives: Sequence[Alternative]) -> int:
        """In about how many products a term is."""
        found = sum(min(self.often.get(word, 0) for word in one.words) for one in alternatives)
        return min(self.count, found)

    def lookup(self, text: str, is_there: Callable[[Term], bool]) -> Lookup | None:
        """The terms of a query, weighed; None without any.

        Args:
            is_there: whether a term that no product had is in one written since.
        """
        terms = terms_of(text)
        if not terms:
            return None
        loose = tuple(not self.knows(term) and not is_there(term) for term in terms)
        meant = [term.alternatives(self.vocabulary, loose=each) for term, each in zip(terms, loose, strict=True)]
        return Lookup.weighed(
            text,
            terms,
            weights=tuple(inverse_frequency(self.count, self._frequency(each)) for each in meant),
            kinds=tuple(names_kind(term, self.vocabulary, self.kinds) for term in terms),
            loose=loose,
            mean_length=self.mean_length,
        )

    def knows(self, term: Term) -> bool:
        """Whether products have a term, in any form."""
        return any(one.factor >= STRONG for one in term.alternatives(self.vocabulary))

    def meant(self, term: Term, *, loose: bool) -> tuple[Alternative, ...]:
        """What a term may be found as; itself in any case."""
        found = term.alternatives(self.vocabulary, loose=loose)
        always = [Alternative((term.word,), EXACT)]
        always += [Alternative((other,), SPELLING) for other in variants(term.word)]
        always += [Alternative(term.pieces, EXACT)] if len(term.pieces) > 1 else []
        known = {one.words for one in found}
        return (*(one for one in always if one.words not in known), *found)


NO_WORDS: Final = ShopWords({}, frozenset(), 0, 0.0)


def condition(
    query: VectorQuery,
    words: ShopWords,
    lookup: Lookup | None,
    near: tuple[Sequence[float], float] | None,
    count: Callable[[Condition], int],
) -> Condition:
    """What makes a product a result.

    Args:
        near: see `Condition`.
        count: of the products that a condition, with the filters of the query, lets through.
    """
    match = query.match
    if match is None:
        if not query.words_alone:
            return Condition(words.vocabulary)
        terms = () if lookup is None else lookup.terms
        every = tuple((words.meant(term, loose=True),) for term in terms)
        return Condition(words.vocabulary, every, () if lookup is None else lookup.keys)
    if lookup is None or not match.by_words:
        return Condition(words.vocabulary, None if near else (), near=near)
    meant = [words.meant(term, loose=each) for term, each in zip(lookup.terms, lookup.loose, strict=True)]
    order = sorted(range(len(meant)), key=lambda place: -lookup.weights[place])[:MAX_TERMS]
    counts = [lookup.counts[place] for place in order]

    def having(least: int) -> Condition:
        sets = tuple(tuple(meant[order[at]] for at in places) for places in _enough(counts, least))
        return Condition(words.vocabulary, sets, lookup.keys)

    sums = {sum(places) for size in range(1, len(counts) + 1) for places in combinations(counts, size)}
    for least in sorted(sums, reverse=True):
        if count(having(least)):
            found = having(max(1, -int(-least * match.coverage // 1)))
            return Condition(words.vocabulary, found.sets, found.keys, near)
    return Condition(words.vocabulary, None if near else (), near=near)


def _enough(counts: Sequence[int], least: int) -> list[tuple[int, ...]]:
    """The smallest sets of places whose counts sum to enough."""
    found: list[tuple[int, ...]] = []
    for size in range(1, len(counts) + 1):
        for places in combinations(range(len(counts)), size):
            if sum(counts[at] for at in places) >= least and not any(set(known) <= set(places) for known in found):
                found.append(places)
    return found
