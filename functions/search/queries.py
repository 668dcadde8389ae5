"""From a request to the query that the index is asked."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from functions.search.engine.query import Facet, Filters, Negative, VectorQuery, Weights
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

if TYPE_CHECKING:
    from numpy.typing import NDArray

FACETS: Final[dict[FacetName, Facet]] = {
    "category": "category", "colour": "colours", "vendor": "vendor", "tag": "tags",
}  # fmt: skip
MIN_SQUARED_LENGTH: Final = 1e-6
"""A text vector with a smaller squared length has no signal: the encoder knew none of the words."""
_EXCLUDED = re.compile(r"(?<!\S)-(\w[\w'-]*)")


@dataclass(frozen=True)
class SearchPlan:
    """A search ready for the index.

    Args:
        params: what the log keeps of the request: no picture, no vector.
        unknown: words that the text encoder does not know.
    """

    query: VectorQuery
    params: dict[str, Any]
    unknown: tuple[str, ...] = ()


def plan_image(shop: str, request: ImageSearch, picture: NDArray[Any]) -> SearchPlan:
    """Products like a picture's vector (dim,)."""
    query = replace(_base_query(shop, request), image=picture, weights=Weights.hybrid(1))
    return SearchPlan(query, _params(request))


def plan_text(shop: str, request: TextSearch) -> SearchPlan:
    """Products for words. Raises Unprocessable: `empty_query`."""
    return _with_text(_base_query(shop, request), request.query, 0.0, _params(request))


def plan_hybrid(shop: str, request: HybridSearch, picture: NDArray[Any]) -> SearchPlan:
    """Products for a picture's vector (dim,) and words. Raises Unprocessable: `empty_query`."""
    base = replace(_base_query(shop, request), image=picture)
    plan = _with_text(base, request.query, request.alpha, _params(request))
    if request.negative is None:
        return plan
    from shared.vision import embedding

    negative = embedding.embed_text(request.negative)
    query = plan.query
    if _has_signal(negative.vector):
        query = replace(query, negatives=(Negative(negative.vector),))
    if len(request.negative.split()) == 1:
        query = replace(query, minus=(*query.minus, request.negative))
    return replace(plan, query=query, unknown=_dedupe(plan.unknown + negative.unknown))


def plan_similar(shop: str, item_id: str, vector: NDArray[Any], request: SimilarQuery) -> SearchPlan:
    """Products like another one, that one left out."""
    query = VectorQuery(
        shop=shop,
        image=vector,
        weights=Weights.hybrid(1),
        exclude=frozenset({item_id}),
        k=request.top_k,
        fold=request.fold,
        cursor=request.cursor,
        min_seq=request.after or 0,
    )
    return SearchPlan(query, request.model_dump(by_alias=True, include={"top_k", "fold"}))


def _with_text(base: VectorQuery, text: str, alpha: float, params: dict[str, Any]) -> SearchPlan:
    from shared.vision import embedding

    minus = tuple(_EXCLUDED.findall(text))
    words = " ".join(_EXCLUDED.sub(" ", text).split())
    if not words:
        raise Unprocessable("name what to look for, not only what to leave out", code="empty_query", field="query")
    encoded = embedding.embed_text(words)
    if _has_signal(encoded.vector):
        query = replace(base, text=encoded.vector, words=words, minus=minus, weights=Weights.hybrid(alpha))
    else:
        # The encoder knows none of the words: the lexical channel alone decides.
        query = replace(base, text=None, words=words, minus=minus, weights=Weights.hybrid(alpha, words=1.0))
    return SearchPlan(query, params, _dedupe(encoded.unknown))


def _has_signal(vector: NDArray[Any]) -> bool:
    return float(vector @ vector) > MIN_SQUARED_LENGTH


def _dedupe(terms: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(terms))


def _base_query(shop: str, request: Search) -> VectorQuery:
    return VectorQuery(
        shop=shop,
        filters=_filters(request.filters),
        k=request.top_k,
        cursor=request.cursor,
        fold=request.fold,
        per_vendor=request.per_vendor,
        facets=tuple(FACETS[name] for name in dict.fromkeys(request.facets or ())),
        min_seq=request.after or 0,
    )


def _filters(requested: SearchFilters | None) -> Filters:
    if requested is None:
        return Filters()
    price = requested.price
    return Filters(
        categories=tuple(requested.category or ()),
        colours=tuple(requested.colour or ()),
        vendors=tuple(requested.vendor or ()),
        tags=tuple(requested.tag or ()),
        price_min=None if price is None or price.min is None else round(price.min * 100),
        price_max=None if price is None or price.max is None else round(price.max * 100),
        currency=None if price is None else price.currency,
    )


def _params(request: Search) -> dict[str, Any]:
    """The request as the log keeps it: nothing that names a picture."""
    left_out = {"image_id", "image_url", "cursor", "after"}
    return request.model_dump(mode="json", by_alias=True, exclude=left_out, exclude_none=True)
