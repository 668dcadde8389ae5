"""Triggers of search: `search/...` over HTTP, the `index` and `rebuild-index` queues, their timer, and versions."""

from __future__ import annotations

import azure.functions as func

from functions.search.models import (
    EvalQuery,
    FeedbackRequest,
    HybridSearch,
    ImageSearch,
    IndexVersion,
    IndexVersions,
    IndexVersionsQuery,
    Rebuild,
    RebuildRequest,
    RollbackRequest,
    SearchAnswer,
    SearchEval,
    SimilarQuery,
    TextSearch,
)
from functions.search.window_models import WindowPictureQuery, WindowSearchAnswer, WindowWordsQuery
from shared.accounts.documents import Role
from shared.http.auth import ADMIN_ONLY, PUBLIC, SIGNED_IN, Access
from shared.http.endpoint import IMAGE_UPLOAD, Call, Reply, endpoint
from shared.jobs import queues

JUDGES = Access(frozenset({Role.MERCHANT, Role.ADMIN}))
SEARCHING = (404, 410, 503)
PHOTOS = tuple(kind for kind in IMAGE_UPLOAD if kind != "multipart/form-data")

bp = func.Blueprint()


@bp.function_name("index_worker")
@bp.queue_trigger(arg_name="message", queue_name=queues.INDEX, connection="Storage")
def index_worker(message: func.QueueMessage) -> None:
    """Bring the index up to a product that has changed."""
    from functions.search import indexer

    indexer.consume(message.get_body().decode(errors="replace"))


@endpoint(
    bp, "POST", "search/image", access=SIGNED_IN, limit="search", body=ImageSearch, answer=SearchAnswer,
    errors=SEARCHING,
)  # fmt: skip
def search_image(call: Call) -> SearchAnswer:
    """Search by image."""
    from functions.search import service

    return service.search_by_image(call.caller, call.new_id, call.body)


@endpoint(
    bp, "POST", "search/text", access=SIGNED_IN, limit="search", body=TextSearch, answer=SearchAnswer,
    errors=SEARCHING,
)  # fmt: skip
def search_text(call: Call) -> SearchAnswer:
    """Search by text.

    A word after a minus sign is excluded: `-red`.
    """
    from functions.search import service

    return service.search_by_text(call.caller, call.new_id, call.body)


@endpoint(
    bp, "POST", "search/hybrid", access=SIGNED_IN, limit="search", body=HybridSearch, answer=SearchAnswer,
    errors=SEARCHING,
)  # fmt: skip
def search_hybrid(call: Call) -> SearchAnswer:
    """Search by image and text.

    `alpha` weighs the image against the text.
    """
    from functions.search import service

    return service.search_hybrid(call.caller, call.new_id, call.body)


@endpoint(
    bp, "GET", "shops/{shop}/search", access=PUBLIC, limit="window-words", query=WindowWordsQuery,
    answer=WindowSearchAnswer, errors=SEARCHING,
)  # fmt: skip
def window_search_words(call: Call) -> WindowSearchAnswer:
    """Search products on sale.

    Needs no sign-in. A word after a minus sign is excluded: `-red`.
    """
    from functions.search import window

    return window.search_by_words(call.path["shop"], call.query)


@endpoint(
    bp, "POST", "shops/{shop}/search", access=PUBLIC, limit="window-picture", query=WindowPictureQuery,
    answer=WindowSearchAnswer, upload=PHOTOS, errors=(400, *SEARCHING),
)  # fmt: skip
def window_search_picture(call: Call) -> WindowSearchAnswer:
    """Search products on sale by photo.

    Needs no sign-in. The photo is the body, 8 MiB and 16 megapixels at most; it is not stored. `q` adds words, `alpha`
    weighs the photo against them.
    """
    from functions.search import window

    return window.search_by_picture(call.path["shop"], call.raw.get_body(), call.query)


@endpoint(
    bp, "GET", "search/products/{id}/similar", access=SIGNED_IN, limit="search", query=SimilarQuery,
    answer=SearchAnswer, errors=SEARCHING,
)  # fmt: skip
def search_similar(call: Call) -> SearchAnswer:
    """List similar products."""
    from functions.search import service

    return service.search_similar(call.caller, call.new_id, call.path["id"], call.query)


@endpoint(
    bp, "POST", "search/feedback", access=SIGNED_IN, limit="search", status=204, body=FeedbackRequest, errors=(404,)
)
def search_feedback(call: Call) -> None:
    """Record a click or purchase."""
    from functions.search import log

    log.record_feedback(call.caller, call.body)


@endpoint(bp, "GET", "search/eval", access=JUDGES, query=EvalQuery, answer=SearchEval)
def search_eval(call: Call) -> SearchEval:
    """Get search quality.

    Figures of the caller's shop, from clicks and purchases.
    """
    from functions.search import evaluate

    return evaluate.evaluate(call.caller, call.query)


@endpoint(bp, "POST", "search/rebuild", access=ADMIN_ONLY, status=202, body=RebuildRequest, answer=Rebuild)
def search_rebuild(call: Call) -> Reply:
    """Rebuild search index.

    One rebuild runs at a time; a further request returns the one that is under way.
    """
    from functions.search import rebuild

    made = rebuild.request_rebuild(call.caller, call.body.shop or call.caller.shop, call.request_id)
    return Reply(made, headers={"Location": f"/api/admin/jobs/{made.job_id}"})


@endpoint(bp, "GET", "admin/index-versions", access=ADMIN_ONLY, query=IndexVersionsQuery, answer=IndexVersions)
def index_versions_list(call: Call) -> IndexVersions:
    """List index versions."""
    from functions.search import versions

    return versions.list_versions(call.query.shop or call.caller.shop)


@endpoint(
    bp, "POST", "admin/index-versions/{version}/rollback", access=ADMIN_ONLY, body=RollbackRequest,
    answer=IndexVersion, errors=(404, 409, 503),
)  # fmt: skip
def index_versions_rollback(call: Call) -> IndexVersion:
    """Roll back search index.

    Searches are answered from an older version; changes since then are replayed over it.
    """
    from functions.search import versions

    return versions.roll_back(call.caller, call.body.shop or call.caller.shop, call.path["version"], call.body)
