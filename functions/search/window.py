"""Searches of a shop window, for visitors who are not signed in: the same ranking, answered with public products alone.

Nothing of a visitor is kept: the photo is judged in memory, and these searches are not in the search log.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from functions.search import pictures, queries, shops
from functions.search.documents import search_shops
from functions.search.engine.results import Hit
from functions.search.engine.suggest import as_spelt
from functions.search.models import HybridSearch, ImageSearch, PriceRange, SearchFilters, TextSearch
from functions.search.product_lookup import offered, why
from functions.search.queries import FACETS, SearchPlan
from functions.search.service import first_page
from functions.search.window_models import (
    WindowPictureQuery,
    WindowResult,
    WindowSearchAnswer,
    WindowWordsQuery,
)
from shared import telemetry
from shared.accounts.shops import is_shop_name
from shared.catalogue.search_log import SearchKind
from shared.catalogue.window import Facet, WindowFacetValue, WindowFilters, shop_exists, window_product
from shared.errors import BadRequest, NotFound, Unprocessable

UNNAMED: Final = "none"
"""Stands for the id of the picture, which a visitor's has not got; the search itself never looks at it."""
FIELDS: Final = {"query": "q", "cursor": "continuation"}


def search_by_words(shop: str, query: WindowWordsQuery) -> WindowSearchAnswer:
    """Products on sale in a shop, for words.

    Raises:
        NotFound: `shop_not_found`.
        Unprocessable: `empty_query`, `bad_cursor`.
        Gone: `cursor_expired`.
        Unavailable: `index_model_mismatch`; retryable.
    """
    _check_shop(shop)
    started = time.perf_counter()
    with _fields_of_visitors():
        plan = queries.plan_text(shop, TextSearch(query=query.q, **_common(query)))
        return _answer(shop, SearchKind.TEXT, plan, started)


def search_by_picture(shop: str, data: bytes, query: WindowPictureQuery) -> WindowSearchAnswer:
    """Products on sale in a shop that look like a photo, and that words describe if there are some.

    Args:
        data: the file as received; nothing about it is trusted.

    Raises:
        BadRequest: `no_image`.
        TooLarge, UnsupportedMedia, Unprocessable: as `sanitizer.sanitize_with_copies`. And as `search_by_words`.
    """
    _check_shop(shop)
    if not data:
        raise BadRequest("send the photo as the body of the request", code="no_image", field="body")
    started = time.perf_counter()
    vector = pictures.of_visitor(data)
    common: dict[str, Any] = {"image_id": UNNAMED, **_common(query)}
    with _fields_of_visitors():
        if query.q is None:
            plan = queries.plan_image(shop, ImageSearch(**common), vector)
            return _answer(shop, SearchKind.IMAGE, plan, started)
        plan = queries.plan_hybrid(shop, HybridSearch(query=query.q, alpha=query.alpha, **common), vector)
        return _answer(shop, SearchKind.HYBRID, plan, started)


@contextmanager
def _fields_of_visitors() -> Generator[None]:
    """Refusals of a search under the names that visitors send fields by."""
    try:
        yield
    except Unprocessable as error:
        error.field = FIELDS.get(error.field or "", error.field)
        raise


def _check_shop(shop: str) -> None:
    """Raises NotFound. A point read for a shop that has had a product, which is nearly always the case."""
    if is_shop_name(shop) and (search_shops.find("search-shop", shops.partition(shop)) or shop_exists(shop)):
        return
    raise NotFound("there is no such shop", code="shop_not_found")


def _common(query: WindowFilters) -> dict[str, Any]:
    priced = query.min_price is not None or query.max_price is not None
    filters = SearchFilters(
        category=list(query.category) or None,
        colour=list(query.colour) or None,
        vendor=list(query.vendor) or None,
        price=PriceRange(min=query.min_price, max=query.max_price, currency=query.currency) if priced else None,
    )
    facets = [facet.value for facet in dict.fromkeys(query.facets)]
    return {"top_k": query.limit, "filters": filters, "facets": facets or None, "cursor": query.continuation}


def _answer(shop: str, kind: SearchKind, plan: SearchPlan, started: float) -> WindowSearchAnswer:
    first, results, next = first_page(plan, _results)
    telemetry.observe("studio_search_seconds", time.perf_counter() - started, kind=kind)
    titles = [result.product.title for result in results]
    return WindowSearchAnswer(
        results=results,
        total=first.total,
        facets={
            Facet(name): [WindowFacetValue(value=value, count=count) for value, count in first.facets[field].items()]
            for name, field in FACETS.items()
            if field in plan.query.facets
        },
        did_you_mean=first.suggestion and as_spelt(first.suggestion, titles),
        unknown_terms=list(plan.unknown),
        continuation=next,
    )


def _results(shop: str, hits: Sequence[Hit]) -> list[WindowResult]:
    return [
        WindowResult(product=window_product(shop, product), score=hit.score, why=why(hit))
        for hit, product in offered(shop, hits)
    ]
