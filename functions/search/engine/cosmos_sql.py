"""Containers, documents and statements of the Cosmos DB engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from functions.search.engine import filters as passing
from functions.search.engine.items import Item, Removal
from functions.search.engine.query import VectorQuery
from functions.search.engine.words import forbidden, tokens

INDEXING: Final[dict[str, Any]] = {
    "indexingMode": "consistent",
    "automatic": True,
    "includedPaths": [{"path": "/*"}],
    "excludedPaths": [{"path": "/vector/*"}, {"path": '/"_etag"/?'}],
    "vectorIndexes": [{"path": "/vector", "type": "diskANN", "vectorIndexShardKey": ["/shop"]}],
}


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
    """What the container is told of its vectors."""
    return {
        "vectorEmbeddings": [
            {"path": "/vector", "dataType": "float32", "distanceFunction": "cosine", "dimensions": dim}
        ]
    }


def document(shop: str, item: Item) -> dict[str, Any]:
    """A product as it is stored; the vector in half precision, as the other engine keeps it."""
    import numpy as np

    half = np.asarray(item.vector, np.float32).astype(np.float16).astype(np.float64)
    return {
        "id": item.id,
        "shop": shop,
        "revision": item.revision,
        "deleted": False,
        "vector": half.tolist(),
        "category": item.category,
        "colours": list(item.colours),
        "price": item.price,
        "currency": item.currency,
        "vendor": item.vendor,
        "tags": list(item.tags),
        "words": sorted(set(tokens(item.words))),
        "phash": None if item.phash is None else f"{item.phash:x}",
    }


def tombstone(shop: str, removal: Removal, seconds: int) -> dict[str, Any]:
    """What stands for a deleted product, lest a late write bring it back."""
    return {"id": removal.id, "shop": shop, "revision": removal.revision, "deleted": True, "ttl": seconds}


def nearest(query: VectorQuery, direction: Sequence[float], k: int) -> Statement:
    """The k products nearest to a direction, by id where words alone are asked; TOP is written out, a parameter there
    would switch the index off."""
    statement = Statement()
    order = "c.id" if query.words_alone else f"VectorDistance(c.vector, {statement.value(list(direction))})"
    where = _where(statement, query)
    statement.text = (
        f"SELECT TOP {int(k)} c.id, c.vector, c.vendor, c.phash FROM c WHERE {where} "  # noqa: S608  values are parameters
        f"ORDER BY {order}"
    )
    return statement


def count(query: VectorQuery) -> Statement:
    """How many products a query lets through."""
    statement = Statement()
    statement.text = f"SELECT VALUE COUNT(1) FROM c WHERE {_where(statement, query)}"  # noqa: S608
    return statement


def facet(query: VectorQuery, name: str) -> Statement:
    """A field of all products that the query lets through but for its own filter; the SDK can't group."""
    from dataclasses import replace

    statement = Statement()
    relaxed = replace(query, filters=passing.without(query.filters, name))  # pyright: ignore[reportArgumentType]
    where = _where(statement, relaxed)
    statement.text = f"SELECT VALUE c.{name} FROM c WHERE {where} AND NOT IS_NULL(c.{name})"  # noqa: S608
    return statement


def listing() -> Statement:
    """All products of a shop."""
    return Statement("SELECT c.id, c.revision, c._ts FROM c WHERE c.deleted = false")


def stored(ids: Sequence[str]) -> Statement:
    """Vectors of some products."""
    statement = Statement()
    wanted = statement.value(list(ids))
    statement.text = f"SELECT c.id, c.vector FROM c WHERE c.deleted = false AND ARRAY_CONTAINS({wanted}, c.id)"  # noqa: S608
    return statement


def _where(statement: Statement, query: VectorQuery) -> str:
    filters = query.filters
    told = ["c.deleted = false"]
    for name, wanted in (("category", filters.categories), ("vendor", filters.vendors)):
        if wanted:
            told.append(f"ARRAY_CONTAINS({statement.value(list(wanted))}, c.{name})")
    words = sorted(set(tokens(query.words))) if query.words_alone else []
    for name, wanted in (("colours", filters.colours), ("tags", filters.tags), ("words", words)):
        if wanted:
            every = " OR ".join(f"ARRAY_CONTAINS(c.{name}, {statement.value(value)})" for value in wanted)
            told.append(f"({every})")
    if query.words_alone and not words:
        told.append("false")
    if filters.price_min is not None:
        told.append(f"c.price >= {statement.value(filters.price_min)}")
    if filters.price_max is not None:
        told.append(f"c.price <= {statement.value(filters.price_max)}")
    if filters.currency is not None and (filters.price_min is not None or filters.price_max is not None):
        told.append(f"c.currency = {statement.value(filters.currency)}")
    for word in forbidden(query.minus):
        told.append(f"NOT ARRAY_CONTAINS(c.words, {statement.value(word)})")
    if query.exclude:
        told.append(f"NOT ARRAY_CONTAINS({statement.value(sorted(query.exclude))}, c.id)")
    return " AND ".join(told)
