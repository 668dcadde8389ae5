"""The search log: what was searched and found, and what users did with the results."""

from __future__ import annotations

from typing import Any

from functions.search.documents import FeedbackId, SearchFeedbackDocument, search_feedback
from functions.search.models import FeedbackRequest, SearchAnswer
from functions.search.queries import SearchPlan
from shared import clock, telemetry
from shared.catalogue.search_log import SearchKind, SearchLogDocument, search_logs
from shared.errors import DocumentConflict, NotFound, StudioError, Unprocessable
from shared.http.auth import Principal


def record_search(caller: Principal, kind: SearchKind, plan: SearchPlan, answer: SearchAnswer) -> None:
    """Record a search. If that fails, the search is answered all the same."""
    entry = SearchLogDocument(
        id=answer.search_id,
        user_id=caller.user_id,
        kind=kind,
        shop=caller.shop,
        params=_redact(plan.params),
        continued=plan.query.cursor is not None,
        results=tuple(result.id for result in answer.results),
        total=answer.total,
        unknown_terms=tuple(telemetry.redact(term) for term in answer.unknown_terms),
        index_version=answer.index_version,
        model_id=answer.model_id,
        took_ms=answer.took_ms,
        at=clock.iso(),
    )
    try:
        search_logs.create(entry)
    except StudioError as error:
        telemetry.log("search.not_logged", level="warning", code=error.code)


def _redact(params: dict[str, Any]) -> dict[str, Any]:
    return {name: telemetry.redact(value) if isinstance(value, str) else value for name, value in params.items()}


def record_feedback(caller: Principal, request: FeedbackRequest) -> None:
    """Record what a user did with a result of their own search; repeating it changes nothing.

    Raises:
        NotFound: `search_not_found`: there is no such search, it is another user's, or too old.
        Unprocessable: `not_a_result`.
    """
    search = search_logs.find(request.search_id, caller.user_id)
    if search is None:
        raise NotFound("there is no such search", code="search_not_found")
    if request.product_id not in search.results:
        raise Unprocessable("that product was not among the results", code="not_a_result", field="productId")
    feedback = SearchFeedbackDocument(
        id=FeedbackId.of(f"{request.search_id}:{request.product_id}:{request.kind}"),
        user_id=caller.user_id,
        kind=request.kind,
        shop=search.shop,
        search_id=request.search_id,
        product_id=request.product_id,
        rank=search.results.index(request.product_id) + 1,
        at=clock.iso(),
    )
    try:
        search_feedback.create(feedback)
    except DocumentConflict:
        return
    telemetry.count("studio_search_feedback", kind=request.kind)
