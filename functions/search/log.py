"""The search log: what was asked and found, and what people did with it. No picture, no vector, no address."""

from __future__ import annotations

from typing import Any

from functions.search.models import FeedbackRequest, Kind, SearchAnswer
from functions.search.queries import Asked
from shared import clock, telemetry
from shared.documents import store
from shared.errors import DocumentConflict, NotFound, StudioError, Unprocessable
from shared.http.auth import Principal

CONTAINER = "search_log"


def searched(caller: Principal, kind: Kind, asked: Asked, answer: SearchAnswer) -> None:
    """Keep a search. One that can't be kept is answered all the same."""
    entry = {
        "id": answer.search_id,
        "userId": caller.user_id,
        "type": "search_log",
        "kind": kind,
        "shop": caller.shop,
        "params": _clean(asked.params),
        "continued": asked.query.cursor is not None,
        "results": [result.id for result in answer.results],
        "total": answer.total,
        "unknownTerms": [telemetry.redact(term) for term in answer.unknown_terms],
        "indexVersion": answer.index_version,
        "modelId": answer.model_id,
        "tookMs": answer.took_ms,
        "at": clock.iso(),
    }
    try:
        store().create(CONTAINER, entry)
    except StudioError as error:
        telemetry.log("search.not_logged", level="warning", code=error.code)


def _clean(params: dict[str, Any]) -> dict[str, Any]:
    return {name: telemetry.redact(value) if isinstance(value, str) else value for name, value in params.items()}


def feedback(caller: Principal, told: FeedbackRequest) -> None:
    """Keep what somebody did with a result of their own search; telling it twice is telling it once.

    Raises:
        NotFound: `search_not_found`: there is no such search, it is somebody else's, or too old.
        Unprocessable: `not_a_result`.
    """
    search = store().find(CONTAINER, told.search_id, caller.user_id)
    if search is None or search["type"] != "search_log":
        raise NotFound("there is no such search", code="search_not_found")
    if told.product_id not in search["results"]:
        raise Unprocessable("that product was not among the results", code="not_a_result", field="productId")
    entry = {
        "id": f"feedback:{told.search_id}:{told.product_id}:{told.kind}",
        "userId": caller.user_id,
        "type": "search_feedback",
        "kind": told.kind,
        "shop": search["shop"],
        "searchId": told.search_id,
        "productId": told.product_id,
        "rank": search["results"].index(told.product_id) + 1,
        "at": clock.iso(),
    }
    try:
        store().create(CONTAINER, entry)
    except DocumentConflict:
        return
    telemetry.count("studio_search_feedback", kind=told.kind)
