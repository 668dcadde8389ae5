"""Searching: what was asked goes to the index, what it finds is looked up on the shelf, and the search is logged."""

from __future__ import annotations

import time
from dataclasses import replace

from functions.search import log, pictures, queries, records, shelf
from functions.search.engine import index, running_model
from functions.search.engine.port import Page
from functions.search.models import (
    FacetName,
    FacetValue,
    HybridSearch,
    ImageSearch,
    Kind,
    SearchAnswer,
    SearchResult,
    SimilarQuery,
    TextSearch,
)
from functions.search.queries import FACETS, Asked
from shared import telemetry
from shared.http.auth import Principal

ROUNDS = 4
"""How often a page is filled up after products were found gone."""


def by_image(caller: Principal, id: str, wanted: ImageSearch) -> SearchAnswer:
    """Products like a picture.

    Args:
        id: the search gets.

    Raises:
        NotFound: the picture is missing, or somebody else's and not public.
        Unprocessable: `image_url`, `image_not_ready`, `bad_cursor`.
        Gone: `cursor_expired`.
        Unavailable: `index_model_mismatch`, `index_behind`; retryable.
    """
    started = time.perf_counter()
    vector = pictures.of_query(wanted.image_id, wanted.image_url, wanted.crop, caller.user_id)
    return _answer(caller, id, "image", queries.of_image(caller.shop, wanted, vector), started)


def by_text(caller: Principal, id: str, wanted: TextSearch) -> SearchAnswer:
    """Products for words. Raises as `by_image`, and Unprocessable: `empty_query`."""
    started = time.perf_counter()
    return _answer(caller, id, "text", queries.of_text(caller.shop, wanted), started)


def by_both(caller: Principal, id: str, wanted: HybridSearch) -> SearchAnswer:
    """Products for a picture and words. Raises as `by_text`."""
    started = time.perf_counter()
    vector = pictures.of_query(wanted.image_id, wanted.image_url, wanted.crop, caller.user_id)
    return _answer(caller, id, "hybrid", queries.of_both(caller.shop, wanted, vector), started)


def similar(caller: Principal, id: str, product_id: str, wanted: SimilarQuery) -> SearchAnswer:
    """Products like one on the shelf, by its stored vector. Raises as `by_image`."""
    started = time.perf_counter()
    product = shelf.in_shop(caller.shop, product_id)
    record = records.find(product["tenantId"], product_id)
    if record is not None and record["modelId"] == running_model().id:
        vector = records.unpack(record["vector"])
    else:
        vector = pictures.of_product(product["image"]["blobs"])
    item = records.item_id(product["tenantId"], product_id)
    return _answer(caller, id, "similar", queries.of_product(caller.shop, item, vector, wanted), started)


def _answer(caller: Principal, id: str, kind: Kind, asked: Asked, started: float) -> SearchAnswer:
    from shared.vision import embedding

    first, shown, next = _page(asked)
    who = embedding.identity()
    took = time.perf_counter() - started
    answer = SearchAnswer(
        search_id=id,
        results=shown,
        total=first.total,
        facets=_facets(asked, first),
        index_version=first.index_version,
        index_seq=first.seq,
        model_id=first.model_id,
        quality=who.quality,
        vocabulary=who.vocabulary,
        unknown_terms=list(asked.unknown),
        took_ms=round(took * 1000, 2),
        next=next,
    )
    telemetry.observe("studio_search_seconds", took, kind=kind)
    log.searched(caller, kind, asked, answer)
    return answer


def _page(asked: Asked) -> tuple[Page, list[SearchResult], str | None]:
    """The index's first answer, a page of results, and the cursor after them."""
    query = asked.query
    first = page = index().search(query)
    shown = shelf.results(query.shop, page.hits)
    for _ in range(ROUNDS):
        if page.next is None or len(shown) >= query.k:
            break
        page = index().search(replace(query, k=query.k - len(shown), cursor=page.next, facets=()))
        shown += shelf.results(query.shop, page.hits)
    return first, shown, page.next


def _facets(asked: Asked, page: Page) -> dict[FacetName, list[FacetValue]] | None:
    if not asked.query.facets:
        return None
    named: dict[FacetName, list[FacetValue]] = {}
    for name, field in FACETS.items():
        if field in asked.query.facets:
            counts = page.facets.get(field, {})
            named[name] = [FacetValue(value=value, count=count) for value, count in counts.items()]
    return named
