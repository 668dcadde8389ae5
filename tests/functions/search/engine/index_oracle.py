"""The vector port by the definition: every product scored, one by one, in double precision: what engines must equal."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from functions.search.engine.items import NEAR_BITS, NEAR_COSINE, Item, Model
from functions.search.engine.query import Filters, VectorQuery
from functions.search.engine.words import DEVIATION, K1, MEAN, B, tokens


class Oracle:
    """The products of a shop, and the order a query puts them in.

    Args:
        corpus: products that word weights are counted over (a version's); all by default.
    """

    def __init__(self, model: Model, items: Sequence[Item], corpus: Sequence[Item] | None = None) -> None:
        self.model = model
        self.items = {item.id: item for item in items}
        self.texts = {item.id: Counter(tokens(item.words)) for item in items}
        counted = [Counter(tokens(item.words)) for item in (items if corpus is None else corpus)]
        self.count = len(counted)
        self.mean_length = (sum(text.total() for text in counted) / self.count if counted else 0) or 1.0
        halves = [np.asarray(item.vector, np.float16).astype(np.float32) for item in items]
        self.rows = dict(zip(self.items, (half.astype(np.float64) for half in halves), strict=True))
        self.cosines = np.stack(halves) @ np.stack(halves).T if halves else np.empty((0, 0))
        self.at = {id: n for n, id in enumerate(self.items)}
        self.having = Counter(word for text in counted for word in text)

    def idf(self, word: str) -> float:
        found = self.having[word]
        return math.log(1 + (self.count - found + 0.5) / (found + 0.5))

    def share(self, id: str, words: str) -> float:
        asked = set(tokens(words))
        text = self.texts[id]
        length = text.total()
        gain = sum(
            self.idf(word) * text[word] / (text[word] + K1 * (1 - B + B * length / self.mean_length)) for word in asked
        )
        return gain / sum(self.idf(word) for word in asked)

    def parts(self, id: str, query: VectorQuery) -> dict[str, float]:
        row = self.rows[id]
        told = {"image": 0.0, "text": 0.0, "words": 0.0}

        def add(modality: str, vector: np.ndarray, weight: float) -> None:
            mean, deviation = self.model.standardise[modality]
            told[modality] += weight * (float(row @ np.asarray(vector, np.float64)) - mean) / deviation

        if query.image is not None:
            add("image", query.image, query.weights.image)
        if query.text is not None:
            add("text", query.text, query.weights.text)
        for negative in query.negatives:
            add(negative.modality, negative.vector, -negative.weight)
        if query.weights.words and tokens(query.words):
            told["words"] = query.weights.words * (self.share(id, query.words) - MEAN) / DEVIATION
        return told

    def passes(self, id: str, query: VectorQuery, filters: Filters | None = None) -> bool:
        item, wanted = self.items[id], query.filters if filters is None else filters
        if id in query.exclude or set(tokens(" ".join(query.minus))) & set(self.texts[id]):
            return False
        alone = query.words and query.image is None and query.text is None
        if alone and not set(tokens(query.words)) & set(self.texts[id]):
            return False
        for asked, has in (
            (wanted.categories, (item.category,)),
            (wanted.vendors, (item.vendor,)),
            (wanted.colours, item.colours),
            (wanted.tags, item.tags),
        ):
            if asked and not set(asked) & set(has):
                return False
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

    def facets(self, query: VectorQuery, facet: str) -> dict[str, int]:
        from dataclasses import replace

        name = {"category": "categories", "colours": "colours", "vendor": "vendors", "tags": "tags"}[facet]
        relaxed = replace(query.filters, **{name: ()})
        counted: Counter[str] = Counter()
        for id, item in self.items.items():
            if self.passes(id, query, relaxed):
                has = getattr(item, facet)
                counted.update([has] if isinstance(has, str) else has or [])
        return dict(counted)
