"""The vector port by the definition: every product scored, one by one, in double precision: what engines must equal."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from functions.search.engine.columns import Columns
from functions.search.engine.items import NEAR_BITS, NEAR_COSINE, Item, Model
from functions.search.engine.letters import analyse, tokens
from functions.search.engine.query import Filters, VectorQuery
from functions.search.engine.vocabulary import FORM, STRONG, Alternative, Vocabulary
from functions.search.engine.words import DEVIATION, K1, KIND_WEIGHT, MEAN, B, Term, terms_of


class Oracle:
    """The products of a shop, and the order a query puts them in.

    Args:
        corpus: products that word weights are counted over (a version's); all by default.
    """

    def __init__(self, model: Model, items: Sequence[Item], corpus: Sequence[Item] | None = None) -> None:
        self.model = model
        self.items = {item.id: item for item in items}
        known = {item.id: item for item in (*(corpus or ()), *items)}
        self.texts = {id: read(item) for id, item in known.items()}
        self.fields = {id: [tokens(line) for line in item.words.split("\n")] for id, item in known.items()}
        self.lengths = {id: sum(map(len, fields)) for id, fields in self.fields.items()}
        self.corpus = [item.id for item in (items if corpus is None else corpus)]
        self.count = len(self.corpus)
        lengths = [self.lengths[id] for id in self.corpus]
        self.mean_length = (sum(lengths) / self.count if lengths else 0) or 1.0
        self.kinds = {word for item in items if item.category for word in tokens(item.category)}
        # Defined row by row, remembered by argument: a query asks for the same again for every product.
        for name in ("alternatives", "idf", "coverage", "phrase", "least", "share", "passes_words"):
            setattr(self, name, cache(getattr(self, name)))
        self.vocabulary: Vocabulary = Columns.of(items, model.dim).vocabulary
        halves = [np.asarray(item.vector, np.float16).astype(np.float32) for item in items]
        self.rows = dict(zip(self.items, (half.astype(np.float64) for half in halves), strict=True))
        self.cosines = np.stack(halves) @ np.stack(halves).T if halves else np.empty((0, 0))
        self.at = {id: n for n, id in enumerate(self.items)}

    def alternatives(self, term: Term) -> tuple[Alternative, ...]:
        strong = term.alternatives(self.vocabulary)
        known = any(self.has(id, one) for one in strong if one.factor >= STRONG for id in self.items)
        return strong if known else term.alternatives(self.vocabulary, loose=True)

    def has(self, id: str, one: Alternative) -> bool:
        return all(self.texts[id][word] for word in one.words)

    def idf(self, term: Term) -> float:
        meant = self.alternatives(term)
        found = sum(any(self.has(id, one) for one in meant) for id in self.corpus)
        return math.log(1 + (self.count - found + 0.5) / (found + 0.5))

    def share(self, id: str, words: str) -> float:
        gain = 0.0
        if not any(self.coverage(id, words) for _ in (0,)):
            return 0.0
        for term in terms(words):
            given = [0.0]
            for one in self.alternatives(term):
                times = min(self.texts[id][part] for part in one.words)
                long = 1 - B + B * self.lengths[id] / self.mean_length
                given.append(one.factor * times / (times + K1 * long))
            gain += self.idf(term) * max(given)
        return gain / sum(self.idf(term) for term in terms(words))

    def coverage(self, id: str, words: str) -> float:
        """How much of a query a product has, by the definition of `Lookup.coverage`."""
        total = 0.0
        for term in terms(words):
            meant = self.alternatives(term)
            weight = KIND_WEIGHT if any(one.factor >= FORM and set(one.words) & self.kinds for one in meant) else 1
            parts = [0.0]
            for one in meant:
                times = min(self.texts[id][part] for part in one.words)
                named, strong = times >= 1, one.factor >= STRONG
                parts.append(0 if not times else 4 if named and strong else 2 if named or strong else 1)
            total += weight * max(parts)
        return total

    def phrase(self, id: str, text: str) -> bool:
        """Whether the words of a text stand in a product one after the other, in any form, or as one."""
        words = analyse(text).sequence
        if any(self.texts[id][form] for form in self.vocabulary.forms("".join(words))):
            return True
        forms = [set(self.vocabulary.forms(word)) for word in words]
        return len(words) > 1 and any(
            all(field[place + at] in each for at, each in enumerate(forms))
            for field in self.fields[id]
            for place in range(len(field) - len(words) + 1)
        )

    def parts(self, id: str, query: VectorQuery) -> dict[str, float]:
        row = self.rows[id]
        parts = {"image": 0.0, "text": 0.0, "words": 0.0}

        def add(modality: str, vector: np.ndarray, weight: float) -> None:
            mean, deviation = self.model.standardise[modality]
            parts[modality] += weight * (float(row @ np.asarray(vector, np.float64)) - mean) / deviation

        if query.image is not None:
            add("image", query.image, query.weights.image)
        if query.text is not None:
            add("text", query.text, query.weights.text)
        for negative in query.negatives:
            add(negative.modality, negative.vector, -negative.weight)
        if query.weights.words and tokens(query.words):
            parts["words"] = query.weights.words * (self.share(id, query.words) - MEAN) / DEVIATION
        return parts

    def passes(self, id: str, query: VectorQuery, filters: Filters | None = None) -> bool:
        item, wanted = self.items[id], query.filters if filters is None else filters
        if id in query.exclude or not self.passes_words(id, query.minus, query.phrases):
            return False
        alone = query.words and query.image is None and query.text is None and query.match is None
        if alone and not self.coverage(id, query.words):
            return False
        for asked, has in (
            (wanted.categories, (item.category,)),
            (wanted.vendors, (item.vendor,)),
            (wanted.colours, item.colours),
            (wanted.tags, item.tags),
        ):
            if asked and not set(asked) & set(has):
                return False
        if not self.priced(item, wanted):
            return False
        return query.match is None or self.matches(id, query)

    def passes_words(self, id: str, minus: tuple[str, ...], phrases: tuple[str, ...]) -> bool:
        return not any(self.phrase(id, text) for text in minus) and all(self.phrase(id, text) for text in phrases)

    def matches(self, id: str, query: VectorQuery) -> bool:
        """Whether a product is a result: it has enough of the words, or resembles enough."""
        match = query.match
        assert match is not None
        if match.floor is not None:
            parts = self.parts(id, query)
            if parts["image"] + parts["text"] >= match.floor:
                return True
        if not match.by_words or not tokens(query.words):
            return False
        return self.coverage(id, query.words) >= self.least(_Same(query))

    def least(self, same: _Same) -> float:
        """The coverage from which on a product is a result."""
        query = same.query
        assert query.match is not None
        unmatched = replace(query, match=None)
        best = max((self.coverage(id, query.words) for id in self.items if self.passes(id, unmatched)), default=0)
        return max(1, math.ceil(best * query.match.coverage - 1e-9))

    def facets_above(self, query: VectorQuery, facet: str) -> dict[str, int]:
        """Counts over the results of a query but for a field's own filter; what is enough is not."""
        match, least = query.match, self.least(_Same(query))
        assert match is not None
        unmatched = replace(query, match=None)

        def is_result(id: str) -> bool:
            parts = self.parts(id, query)
            alike = match.floor is not None and parts["image"] + parts["text"] >= match.floor
            return alike or self.coverage(id, query.words) >= least

        return self.facets(unmatched, facet, is_result)

    @staticmethod
    def priced(item: Item, wanted: Filters) -> bool:
        if wanted.price_min is None and wanted.price_max is None:
            return True
        if item.price is None or (wanted.currency is not None and item.currency != wanted.currency):
            return False
        low = -math.inf if wanted.price_min is None else wanted.price_min
        high = math.inf if wanted.price_max is None else wanted.price_max
        return low <= item.price <= high

    def ranked(self, query: VectorQuery) -> list[tuple[str, float]]:
        """All that the query lets through with their scores, folded and capped, best first."""
        scores = {id: round(sum(self.parts(id, query).values()), 9) for id in self.items if self.passes(id, query)}
        order = sorted(scores, key=lambda id: (-scores[id], id))
        kept: list[str] = []
        vendors: Counter[str | None] = Counter()
        for id in order:
            vendor = self.items[id].vendor
            if query.per_vendor is not None and vendor is not None and vendors[vendor] >= query.per_vendor:
                continue
            if query.fold and any(self.alike(id, other) for other in kept):
                continue
            vendors[vendor] += 1
            kept.append(id)
        return [(id, scores[id]) for id in kept]

    def alike(self, a: str, b: str) -> bool:
        x, y = self.items[a], self.items[b]
        if self.cosines[self.at[a], self.at[b]] >= NEAR_COSINE:
            return True
        return bool(x.phash and y.phash) and (x.phash ^ y.phash).bit_count() <= NEAR_BITS

    def facets(
        self, query: VectorQuery, facet: str, is_result: Callable[[str], bool] = lambda _: True
    ) -> dict[str, int]:
        name = {"category": "categories", "colours": "colours", "vendor": "vendors", "tags": "tags"}[facet]
        relaxed = replace(query.filters, **{name: ()})
        counted: Counter[str] = Counter()
        for id, item in self.items.items():
            if self.passes(id, query, relaxed) and is_result(id):
                has = getattr(item, facet)
                counted.update([has] if isinstance(has, str) else has or [])
        return dict(counted)


terms = cache(terms_of)


class _Same:
    """A query as a key: the same object is the same query."""

    def __init__(self, query: VectorQuery) -> None:
        self.query = query

    def __hash__(self) -> int:
        return id(self.query)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.query is self.query


def read(item: Item) -> Counter[str]:
    """A product's words with how often they stand there; one in the description alone is a quarter of one."""
    often: Counter[str] = Counter()
    for line in item.words.split("\n"):
        words = analyse(line)
        often.update((*words.sequence, *words.extra))
    mentioned = analyse(f"{item.description} {item.sku or ''}")
    for word in {*mentioned.sequence, *mentioned.extra}:
        often[word] += 0.25  # pyright: ignore[reportArgumentType]
    return often
