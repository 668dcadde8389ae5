"""Containers, documents and statements of the Cosmos DB engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

from functions.search.engine import filters as passing
from functions.search.engine.columns import fields_of
from functions.search.engine.items import Item, Removal
from functions.search.engine.letters import ANALYSIS, sku_key
from functions.search.engine.phrases import Phrase, phrases_of
from functions.search.engine.query import VectorQuery
from functions.search.engine.vocabulary import Alternative, Vocabulary

INDEXING: Final[dict[str, Any]] = {
    "indexingMode": "consistent",
    "automatic": True,
    "includedPaths": [{"path": "/*"}],
    "excludedPaths": [{"path": "/vector/*"}, {"path": '/"_etag"/?'}],
    "vectorIndexes": [{"path": "/vector", "type": "diskANN", "vectorIndexShardKey": ["/shop"]}],
}

MAX_FORMS: Final = 6
"""Forms of a word that are looked for in a phrase."""


@dataclass
class Statement:
    """A parameterised query."""

    text: str = ""
    parameters: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def value(self, value: Any) -> str:
        """The name of a new parameter."""
        name = f"@p{len(self.parameters)}"
        self.parameters.append({"name": name, "value": value})
        return name


def container_name(model_id: str) -> str:
    """Of the vectors of a model."""
    return "vectors-" + model_id.replace("@", "-")


def embedding_policy(dim: int) -> dict[str, Any]:
    """The container's vector policy."""
    return {
        "vectorEmbeddings": [
            {"path": "/vector", "dataType": "float32", "distanceFunction": "cosine", "dimensions": dim}
        ]
    }


def document(shop: str, item: Item) -> dict[str, Any]:
    """A product as it is stored; the vector in half precision, as the other engine keeps it."""
    import numpy as np

    named, mentioned, fields = fields_of(item)
    half = np.asarray(item.vector, np.float32).astype(np.float16).astype(np.float64)
    return {
        "id": item.id,
        "shop": shop,
        "revision": item.revision,
        "deleted": False,
        "analysis": ANALYSIS,
        "vector": half.tolist(),
        "category": item.category,
        "colours": list(item.colours),
        "price": item.price,
        "currency": item.currency,
        "vendor": item.vendor,
        "tags": list(item.tags),
        "text": item.words,
        "description": item.description,
        "sku": sku_key(item.sku or "") or None,
        "words": sorted(named),
        "weak": sorted(set(mentioned) - set(named)),
        "pairs": sorted({f"{a} {b}" for field in fields for a, b in pairwise(field)}),
        "length": sum(map(len, fields)),
        "phash": None if item.phash is None else f"{item.phash:x}",
    }


def age(document: Mapping[str, Any]) -> tuple[int, bool, int]:
    """What decides which of two documents of a product is the newer: a deletion wins over a write of the same revision,
    and words as they are read now over the same revision's before."""
    return document["revision"], document["deleted"], document.get("analysis", 0)


def tombstone(shop: str, removal: Removal, seconds: int) -> dict[str, Any]:
    """What stands for a deleted product, so that a late write does not bring it back."""
    return {"id": removal.id, "shop": shop, "revision": removal.revision, "deleted": True, "ttl": seconds}


@dataclass(frozen=True)
class Condition:
    """What else must hold for a product to be a result.

    Args:
        vocabulary: words of the shop.
        sets: of terms, each given by what it may be found as: a product needs all of one set; None: words decide
            nothing.
        keys: article numbers, any of which is enough, too.
        near: direction and least cosine that is enough, too.
    """

    vocabulary: Vocabulary
    sets: tuple[tuple[tuple[Alternative, ...], ...], ...] | None = None
    keys: tuple[str, ...] = ()
    near: tuple[Sequence[float], float] | None = None


def nearest(query: VectorQuery, condition: Condition, direction: Sequence[float] | None, k: int) -> Statement:
    """The k products nearest to a direction, by id without one; TOP is written out, a parameter there would switch the
    index off."""
    statement = Statement()
    order = "c.id" if direction is None else f"VectorDistance(c.vector, {statement.value(list(direction))})"
    where = _where(statement, query, condition)
    words = ", c.text, c.description, c.sku" if query.words else ""
    statement.text = (
        f"SELECT TOP {int(k)} c.id, c.vector, c.vendor, c.phash{words} FROM c WHERE {where} "  # noqa: S608  values are parameters
        f"ORDER BY {order}"
    )
    return statement


def count(query: VectorQuery, condition: Condition) -> Statement:
    """How many products are results of a query."""
    statement = Statement()
    statement.text = f"SELECT VALUE COUNT(1) FROM c WHERE {_where(statement, query, condition)}"  # noqa: S608
    return statement


def facet(query: VectorQuery, condition: Condition, name: str) -> Statement:
    """A field of all products that the query lets through but for its own filter; the SDK can't group."""
    from dataclasses import replace

    statement = Statement()
    relaxed = replace(query, filters=passing.without(query.filters, name))  # pyright: ignore[reportArgumentType]
    where = _where(statement, relaxed, condition)
    statement.text = f"SELECT VALUE c.{name} FROM c WHERE {where} AND NOT IS_NULL(c.{name})"  # noqa: S608
    return statement


def listing() -> Statement:
    """All products of a shop."""
    return Statement(
        "SELECT c.id, c.revision, c._ts, c.words, c.weak, c.category, c.length FROM c WHERE c.deleted = false"
    )


def written_after(at: float) -> Statement:
    """How many products were written after a time in epoch seconds."""
    statement = Statement()
    written = statement.value(int(at))
    statement.text = f"SELECT VALUE COUNT(1) FROM c WHERE c.deleted = false AND c._ts > {written}"  # noqa: S608
    return statement


def stored(ids: Sequence[str]) -> Statement:
    """Vectors of some products."""
    statement = Statement()
    wanted = statement.value(list(ids))
    statement.text = f"SELECT c.id, c.vector FROM c WHERE c.deleted = false AND ARRAY_CONTAINS({wanted}, c.id)"  # noqa: S608
    return statement


def _where(statement: Statement, query: VectorQuery, condition: Condition) -> str:
    filters = query.filters
    conditions = ["c.deleted = false"]
    for name, wanted in (("category", filters.categories), ("vendor", filters.vendors)):
        if wanted:
            conditions.append(f"ARRAY_CONTAINS({statement.value(list(wanted))}, c.{name})")
    for name, wanted in (("colours", filters.colours), ("tags", filters.tags)):
        if wanted:
            every = " OR ".join(f"ARRAY_CONTAINS(c.{name}, {statement.value(value)})" for value in wanted)
            conditions.append(f"({every})")
    if filters.price_min is not None:
        conditions.append(f"c.price >= {statement.value(filters.price_min)}")
    if filters.price_max is not None:
        conditions.append(f"c.price <= {statement.value(filters.price_max)}")
    if filters.currency is not None and (filters.price_min is not None or filters.price_max is not None):
        conditions.append(f"c.currency = {statement.value(filters.currency)}")
    for phrase in phrases_of(query.phrases):
        conditions.append(_phrase(statement, phrase, condition.vocabulary))
    for phrase in phrases_of(query.minus):
        conditions.append(f"NOT {_phrase(statement, phrase, condition.vocabulary)}")
    if query.exclude:
        conditions.append(f"NOT ARRAY_CONTAINS({statement.value(sorted(query.exclude))}, c.id)")
    if condition.sets is not None or condition.near is not None:
        conditions.append(_match(statement, condition))
    return " AND ".join(conditions)


def _match(statement: Statement, condition: Condition) -> str:
    enough: list[str] = []
    for terms in condition.sets or ():
        each = [_term(statement, alternatives) for alternatives in terms]
        enough.append(f"({' AND '.join(each)})")
    enough += [f"c.sku = {statement.value(key)}" for key in condition.keys]
    if condition.near is not None:
        direction, least = condition.near
        vector, floor = statement.value(list(direction)), statement.value(least)
        enough.append(f"VectorDistance(c.vector, {vector}) >= {floor}")
    return f"({' OR '.join(enough) or 'false'})"


def _term(statement: Statement, alternatives: Sequence[Alternative]) -> str:
    every = [" AND ".join(_has(statement, word) for word in one.words) for one in alternatives]
    return f"({' OR '.join(f'({one})' for one in every)})"


def _has(statement: Statement, word: str) -> str:
    name = statement.value(word)
    return f"(ARRAY_CONTAINS(c.words, {name}) OR ARRAY_CONTAINS(c.weak, {name}))"


def _phrase(statement: Statement, phrase: Phrase, vocabulary: Vocabulary) -> str:
    """Words one after the other: every two of them are, or they are there in one piece."""
    whole = "".join(phrase)
    conditions = [_has(statement, word) for word in dict.fromkeys((whole, *vocabulary.forms(whole)))]
    if len(phrase) > 1:
        forms = [dict.fromkeys((word, *vocabulary.forms(word)[:MAX_FORMS])) for word in phrase]
        pairs: list[str] = []
        for one, next in pairwise(forms):
            named = [statement.value(f"{a} {b}") for a in one for b in next]
            pairs.append(f"({' OR '.join(f'ARRAY_CONTAINS(c.pairs, {name})' for name in named)})")
        conditions.append(f"({' AND '.join(pairs)})")
    return f"({' OR '.join(conditions)})"
