"""Searches: the request becomes a query of the index, its hits are looked up as products, and the search is logged."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from functions.search import log, pictures, queries
from functions.search.embeddings import item_id, unpack_vector
from functions.search.engine import index, running_model
from functions.search.engine.results import Hit, Page
from functions.search.engine.suggest import as_spelt
from functions.search.models import (
    FacetName,
    FacetValue,
    HybridSearch,
    ImageSearch,
    SearchAnswer,
    SimilarQuery,
    TextSearch,
)
from functions.search.product_lookup import get_in_shop, results_of
from functions.search.queries import FACETS, SearchPlan
from shared import telemetry
from shared.catalogue.documents import embeddings
from shared.catalogue.search_log import SearchKind
from shared.errors import NotFound
from shared.http.auth import Principal

MAX_ROUNDS: Final = 4
"""How often a page is filled up after hits whose products are no longer offered."""


def search_by_image(caller: Principal, id: str, request: ImageSearch) -> SearchAnswer:
    """Products like a picture.

    Args:
        id: the search gets.

    Raises:
        NotFound: the picture is missing, or another user's and not public.
        Unprocessable: `image_url`, `image_not_ready`, `bad_cursor`.
        Gone: `cursor_expired`.
        Unavailable: `index_model_mismatch`, `index_behind`; retryable.
    """
    started = time.perf_counter()
    picture = pictures.of_query(request.image_id, request.image_url, request.crop, caller.user_id)
    return _answer(caller, id, SearchKind.IMAGE, queries.plan_image(caller.shop, request, picture), started)


def search_by_text(caller: Principal, id: str, request: TextSearch) -> SearchAnswer:
    """Products for words. Raises as `search_by_image`, and Unprocessable: `empty_query`."""
    started = time.perf_counter()
    return _answer(caller, id, SearchKind.TEXT, queries.plan_text(caller.shop, request), started)


def search_hybrid(caller: Principal, id: str, request: HybridSearch) -> SearchAnswer:
    """Products for a picture and words. Raises as `search_by_text`."""
    started = time.perf_counter()
    picture = pictures.of_query(request.image_id, request.image_url, request.crop, caller.user_id)
    return _answer(caller, id, SearchKind.HYBRID, queries.plan_hybrid(caller.shop, request, picture), started)


def search_similar(caller: Principal, id: str, product_id: str, request: SimilarQuery) -> SearchAnswer:
    """Products like one that is offered, by its stored vector. Raises as `search_by_image`."""
    started = time.perf_counter()
    product = get_in_shop(caller.shop, product_id)
    embedding = embeddings.find(product_id, product.vendor_id)
    if embedding is not None and embedding.model_id == running_model().id:
        vector = unpack_vector(embedding.vector)
    elif product.image is not None:
        vector = pictures.of_product(product.image)
    else:
        raise NotFound("there is no such product", code="product_not_found")
    item = item_id(product.vendor_id, product_id)
    return _answer(caller, id, SearchKind.SIMILAR, queries.plan_similar(caller.shop, item, vector, request), started)


def _answer(caller: Principal, id: str, kind: SearchKind, plan: SearchPlan, started: float) -> SearchAnswer:
    from shared.vision import embedding

    first, results, next = first_page(plan, results_of)
    encoder = embedding.identity()
    took = time.perf_counter() - started
    answer = SearchAnswer(
        search_id=id,
        results=results,
        total=first.total,
        facets=_facets(plan, first),
        index_version=first.index_version,
        index_seq=first.seq,
        model_id=first.model_id,
        quality=encoder.quality,
        vocabulary=encoder.vocabulary,
        did_you_mean=first.suggestion and as_spelt(first.suggestion, [result.title for result in results]),
        unknown_terms=list(plan.unknown),
        took_ms=round(took * 1000, 2),
        next=next,
    )
    telemetry.observe("studio_search_seconds", took, kind=kind)
    log.record_search(caller, kind, plan, answer)
    return answer


def first_page[T](
    plan: SearchPlan, results_of: Callable[[str, Sequence[Hit]], list[T]]
) -> tuple[Page, list[T], str | None]:
    """The index's first page, results to fill a page, and the cursor after them.

    Args:
        results_of: makes results of the hits whose products are offered in the shop that it is given.
    """
    query = plan.query
    first = page = index().search(query)
    results = results_of(query.shop, page.hits)
    for _ in range(MAX_ROUNDS):
        if page.next is None or len(results) >= query.k:
            break
        page = index().search(replace(query, k=query.k - len(results), cursor=page.next, facets=()))
        results += results_of(query.shop, page.hits)
    return first, results, page.next


def _facets(plan: SearchPlan, page: Page) -> dict[FacetName, list[FacetValue]] | None:
    if not plan.query.facets:
        return None
    return {
        name: [FacetValue(value=value, count=count) for value, count in page.facets.get(field, {}).items()]
        for name, field in FACETS.items()
        if field in plan.query.facets
    }
