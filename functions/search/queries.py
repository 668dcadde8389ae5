"""From what somebody asked to what the index is asked."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from functions.search.engine.port import Facet, Filters, Negative, VectorQuery, Weights
from functions.search.models import (
    FacetName,
    HybridSearch,
    ImageSearch,
    Search,
    SearchFilters,
    SimilarQuery,
    TextSearch,
)
from shared.errors import Unprocessable

FACETS: dict[FacetName, Facet] = {"category": "category", "colour": "colours", "vendor": "vendor", "tag": "tags"}
NOTHING = 1e-6
"""A text vector shorter than this says nothing: the tower knew none of the words."""
_MINUS = re.compile(r"(?<!\S)-(\w[\w'-]*)")


@dataclass(frozen=True)
class Asked:
    """A search ready for the index.

    Args:
        params: what the log keeps of it: no picture, no vector.
        unknown: words that the text tower does not know.
    """

    query: VectorQuery
    params: dict[str, Any]
    unknown: tuple[str, ...] = ()


def of_image(shop: str, wanted: ImageSearch, picture: Any) -> Asked:
    """Products like a picture's vector."""
    query = replace(_base(shop, wanted), image=picture, weights=Weights.hybrid(1))
    return Asked(query, _params(wanted))


def of_text(shop: str, wanted: TextSearch) -> Asked:
    """Products for words. Raises Unprocessable: `empty_query`."""
    return _with_words(_base(shop, wanted), wanted.query, 0.0, _params(wanted))


def of_both(shop: str, wanted: HybridSearch, picture: Any) -> Asked:
    """Products for a picture's vector and words. Raises Unprocessable: `empty_query`."""
    base = replace(_base(shop, wanted), image=picture)
    asked = _with_words(base, wanted.query, wanted.alpha, _params(wanted))
    if wanted.negative is None:
        return asked
    from shared.vision import embedding

    unwanted = embedding.embed_text(wanted.negative)
    query = asked.query
    if _says(unwanted.vector):
        query = replace(query, negatives=(Negative(unwanted.vector),))
    if len(wanted.negative.split()) == 1:
        query = replace(query, minus=(*query.minus, wanted.negative))
    return replace(asked, query=query, unknown=_once(asked.unknown + unwanted.unknown))


def of_product(shop: str, id: str, vector: Any, wanted: SimilarQuery) -> Asked:
    """Products like another one, that one left out."""
    query = VectorQuery(
        shop=shop,
        image=vector,
        weights=Weights.hybrid(1),
        exclude=frozenset({id}),
        k=wanted.top_k,
        fold=wanted.fold,
        cursor=wanted.cursor,
        min_seq=wanted.after or 0,
    )
    return Asked(query, {"topK": wanted.top_k, "fold": wanted.fold})


def _with_words(base: VectorQuery, said: str, alpha: float, params: dict[str, Any]) -> Asked:
    from shared.vision import embedding

    minus = tuple(_MINUS.findall(said))
    words = " ".join(_MINUS.sub(" ", said).split())
    if not words:
        raise Unprocessable("say what to look for, not only what to leave out", code="empty_query", field="query")
    told = embedding.embed_text(words)
    weights, text = Weights.hybrid(alpha), told.vector
    if not _says(text):
        # None of the words is known: their letters alone decide.
        weights, text = Weights.hybrid(alpha, words=1.0), None
    query = replace(base, text=text, words=words, minus=minus, weights=weights)
    return Asked(query, params, _once(told.unknown))


def _says(vector: Any) -> bool:
    return float(vector @ vector) > NOTHING


def _once(terms: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(terms))


def _base(shop: str, wanted: Search) -> VectorQuery:
    return VectorQuery(
        shop=shop,
        filters=_filters(wanted.filters),
        k=wanted.top_k,
        cursor=wanted.cursor,
        fold=wanted.fold,
        per_vendor=wanted.per_vendor,
        facets=tuple(FACETS[name] for name in dict.fromkeys(wanted.facets or ())),
        min_seq=wanted.after or 0,
    )


def _filters(wanted: SearchFilters | None) -> Filters:
    if wanted is None:
        return Filters()
    price = wanted.price
    return Filters(
        categories=tuple(wanted.category or ()),
        colours=tuple(wanted.colour or ()),
        vendors=tuple(wanted.vendor or ()),
        tags=tuple(wanted.tag or ()),
        price_min=None if price is None or price.min is None else round(price.min * 100),
        price_max=None if price is None or price.max is None else round(price.max * 100),
        currency=None if price is None else price.currency,
    )


def _params(wanted: Search) -> dict[str, Any]:
    """What was asked, as the log keeps it: nothing that names a picture."""
    left_out = {"image_id", "image_url", "cursor", "after"}
    return wanted.model_dump(mode="json", by_alias=True, exclude=left_out, exclude_none=True)
