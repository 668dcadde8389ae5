"""From a request to the query that the index is asked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from functions.search.engine.letters import tokens
from functions.search.engine.phrases import QueryText
from functions.search.engine.query import Facet, Filters, Match, Negative, VectorQuery, Weights
from functions.search.models import (
    FacetName,
    HybridSearch,
    ImageSearch,
    Search,
    SearchFilters,
    SimilarQuery,
    TextSearch,
)
from shared import text as texts
from shared.errors import Unprocessable

if TYPE_CHECKING:
    from numpy.typing import NDArray

FACETS: Final[dict[FacetName, Facet]] = {
    "category": "category", "colour": "colours", "vendor": "vendor", "tag": "tags",
}  # fmt: skip
MIN_SQUARED_LENGTH: Final = 1e-6
"""A text vector with a smaller squared length has no signal: the encoder knew none of the words."""
COVERAGE: Final = 0.7
"""Share, of what the product with most of a query's words has, that makes a product a result: of `red striped dress`
`red dress` is enough where `dress` names a category, `red shirt` is not."""
IMAGE_FLOOR, TEXT_FLOOR = 1.2, 1.6
"""Standard deviations above a chance product from which on resemblance to a picture, and to a text all of whose words
the encoder knows, makes a product a result."""


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
    return SearchPlan(_with_match(query, understood=True), _params(request))


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
    if len(tokens(request.negative)) == 1:
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

    read = QueryText.of(texts.line(text))
    if not read.words:
        raise Unprocessable("name what to look for, not only what to leave out", code="empty_query", field="query")
    encoded = embedding.embed_text(read.words)
    known = _has_signal(encoded.vector)
    query = replace(
        base,
        text=encoded.vector if known else None,
        words=read.words,
        phrases=read.phrases,
        minus=read.minus,
        # Where the encoder knows none of the words, the lexical channel alone decides.
        weights=Weights.hybrid(alpha) if known else Weights.hybrid(alpha, words=1.0),
    )
    return SearchPlan(_with_match(query, understood=not encoded.unknown), params, _dedupe(encoded.unknown))


def _with_match(query: VectorQuery, *, understood: bool) -> VectorQuery:
    """The query with what makes a product a result of it.

    The floor follows the weights, so that a blended search that is all picture, or all words, has the results of that
    search alone. A text of which the encoder does not know all words says too little to go by resemblance.
    """
    weights = query.weights
    image = weights.image if query.image is not None else 0.0
    text = weights.text if query.text is not None else 0.0
    resembles = image > 0 or (text > 0 and understood)
    floor = image * IMAGE_FLOOR + text * TEXT_FLOOR if resembles else None
    return replace(query, match=Match(COVERAGE, by_words=weights.words > 0, floor=floor))


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
        categories=_as_stored(requested.category),
        colours=_as_stored(requested.colour),
        vendors=tuple(requested.vendor or ()),
        tags=_as_stored(requested.tag),
        price_min=None if price is None or price.min is None else round(price.min * 100),
        price_max=None if price is None or price.max is None else round(price.max * 100),
        currency=None if price is None else price.currency,
    )


def _as_stored(values: list[str] | None) -> tuple[str, ...]:
    """Values in the form that products have them in."""
    return tuple(texts.line(value) for value in values or ())


def _params(request: Search) -> dict[str, Any]:
    """The request as the log keeps it: nothing that names a picture."""
    left_out = {"image_id", "image_url", "cursor", "after"}
    return request.model_dump(mode="json", by_alias=True, exclude=left_out, exclude_none=True)
