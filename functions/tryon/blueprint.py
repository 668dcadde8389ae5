"""Triggers of try-on: `cv/tryon` over HTTP, the `tryon` queue and its poison queue, and the timer of its orphans."""

from __future__ import annotations

import azure.functions as func

from functions.tryon.models import Batch, BatchRequest, DeleteQuery, TryOn, TryOnList, TryOnRequest, TryOnsQuery
from shared.http.auth import SIGNED_IN
from shared.http.endpoint import Call, Reply, endpoint

bp = func.Blueprint()


@endpoint(
    bp, "POST", "cv/tryon", access=SIGNED_IN, limit="tryon", idempotent=True, body=TryOnRequest, answer=TryOn,
    answers={202: TryOn}, errors=(404, 409, 410, 422, 500, 502, 503, 504),
)  # fmt: skip
def create_tryon(call: Call) -> Reply:
    """Create a try-on

    Puts a garment, or an outfit, on a person. 200 with the results if they are made while you wait, else 202 with a job
    that continues. A dry run answers 200 with what was found in the images.
    """
    from functions.tryon import service

    created = service.create_tryon(call.caller, call.new_id, call.body, call.request_id, repeated=call.repeated)
    if created.status in ("completed", "valid"):
        return Reply(created, kept=False)
    return Reply(created, status=202, headers={"Location": f"/api/cv/tryon/{created.id}"}, kept=False)


@endpoint(
    bp, "POST", "cv/tryon/batch", access=SIGNED_IN, status=202, limit="tryon", idempotent=True, body=BatchRequest,
    answer=Batch, errors=(404, 410, 422, 500),
)  # fmt: skip
def create_tryon_batch(call: Call) -> Reply:
    """Create a batch of try-ons

    Puts each of up to 50 products on one person: a try-on for each, charged when it is created.
    """
    from functions.tryon import service

    created = service.create_batch(call.caller, call.new_id, call.body, call.request_id, repeated=call.repeated)
    return Reply(created, headers={"Location": f"/api/cv/tryon/batches/{created.id}"}, kept=False)


@endpoint(bp, "GET", "cv/tryon/batches/{id}", access=SIGNED_IN, answer=Batch, errors=(404,))
def get_tryon_batch(call: Call) -> Batch:
    """Get a batch of try-ons"""
    from functions.tryon import batches

    return batches.get_batch(call.caller, call.path["id"])


@endpoint(
    bp, "POST", "cv/tryon/batches/{id}/cancel", access=SIGNED_IN, status=202, answer=Batch, errors=(404, 409)
)  # fmt: skip
def cancel_tryon_batch(call: Call) -> Batch:
    """Cancel a batch of try-ons

    Cancels the try-ons that have not ended.
    """
    from functions.tryon import batches

    return batches.cancel_batch(call.caller, call.path["id"])


@endpoint(bp, "GET", "cv/tryon", access=SIGNED_IN, query=TryOnsQuery, answer=TryOnList)
def list_tryons(call: Call) -> TryOnList:
    """List try-ons

    Latest first, without results.
    """
    from functions.tryon import service

    return service.list_tryons(call.caller, call.query)


@endpoint(bp, "GET", "cv/tryon/{id}", access=SIGNED_IN, answer=TryOn, errors=(404,))
def get_tryon(call: Call) -> TryOn:
    """Get a try-on

    With its position in the queue, or its results with fresh URLs.
    """
    from functions.tryon import service

    return service.get_tryon(call.caller, call.path["id"])


@endpoint(bp, "POST", "cv/tryon/{id}/cancel", access=SIGNED_IN, status=202, answer=TryOn, errors=(404, 409))
def cancel_tryon(call: Call) -> TryOn:
    """Cancel a try-on

    What it was paid with is given back, unless a hosted engine was called already; even then a few cancellations a day
    are free.
    """
    from functions.tryon import service

    return service.cancel_tryon(call.caller, call.path["id"])


@endpoint(bp, "DELETE", "cv/tryon/{id}", access=SIGNED_IN, status=204, query=DeleteQuery, errors=(404, 409))
def delete_tryon(call: Call) -> None:
    """Delete a try-on

    With its results, and with `?inputs=true` also your own images that it was made from.
    """
    from functions.tryon import service

    service.delete_tryon(call.caller, call.path["id"], with_inputs=call.query.inputs)
