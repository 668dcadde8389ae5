"""Triggers of try-on: `cv/tryon` over HTTP, the `tryon` queue and its poison queue, and the timer of its orphans."""

from __future__ import annotations

import azure.functions as func

from functions.tryon.models import Batch, BatchRequest, DeleteQuery, TryOn, TryOnList, TryOnRequest, TryOnsQuery
from shared import telemetry
from shared.http.auth import SIGNED_IN
from shared.http.endpoint import Call, Reply, endpoint
from shared.jobs import queues
from shared.jobs.consumer import consumer
from shared.jobs.step import Step

bp = func.Blueprint()


def _step() -> Step:
    from functions.tryon import service

    return service.step()


consumer(bp, queues.TRYON, _step)


@endpoint(
    bp, "POST", "cv/tryon", access=SIGNED_IN, limit="tryon", idempotent=True, body=TryOnRequest, answer=TryOn,
    answers={202: TryOn}, errors=(404, 409, 410, 422, 500, 502, 503, 504),
)  # fmt: skip
def tryon_create(call: Call) -> Reply:
    """Put a garment, or an outfit, on a person. 200 with the result when it is made while you wait, else 202 with a
    job that goes on. A dry run answers 200 with what was found in the pictures."""
    from functions.tryon import service

    made = service.request(call.caller, call.new_id, call.body, call.request_id, repeated=call.repeated)
    if made.status in ("completed", "valid"):
        return Reply(made, kept=False)
    return Reply(made, status=202, headers={"Location": f"/api/cv/tryon/{made.id}"}, kept=False)


@endpoint(
    bp, "POST", "cv/tryon/batch", access=SIGNED_IN, status=202, limit="tryon", idempotent=True, body=BatchRequest,
    answer=Batch, errors=(404, 410, 422, 500),
)  # fmt: skip
def tryon_batch_create(call: Call) -> Reply:
    """Put each of up to 50 products on one person: a try-on for each, paid for as each is made."""
    from functions.tryon import service

    made = service.ask_batch(call.caller, call.new_id, call.body, call.request_id, repeated=call.repeated)
    return Reply(made, headers={"Location": f"/api/cv/tryon/batches/{made.id}"}, kept=False)


@endpoint(bp, "GET", "cv/tryon/batches/{id}", access=SIGNED_IN, answer=Batch, errors=(404,))
def tryon_batch_get(call: Call) -> Batch:
    """How a batch and its items stand."""
    from functions.tryon import batches

    return batches.batch(call.caller, call.path["id"])


@endpoint(
    bp, "POST", "cv/tryon/batches/{id}/cancel", access=SIGNED_IN, status=202, answer=Batch, errors=(404, 409)
)  # fmt: skip
def tryon_batch_cancel(call: Call) -> Batch:
    """Stop what of a batch has not ended."""
    from functions.tryon import batches

    return batches.cancel(call.caller, call.path["id"])


@endpoint(bp, "GET", "cv/tryon", access=SIGNED_IN, query=TryOnsQuery, answer=TryOnList)
def tryon_list(call: Call) -> TryOnList:
    """One's try-ons, newest first."""
    from functions.tryon import service

    return service.tryons(call.caller, call.query)


@endpoint(bp, "GET", "cv/tryon/{id}", access=SIGNED_IN, answer=TryOn, errors=(404,))
def tryon_get(call: Call) -> TryOn:
    """A try-on: how it stands, its place in the queue, and its results with fresh URLs."""
    from functions.tryon import service

    return service.tryon(call.caller, call.path["id"])


@endpoint(bp, "POST", "cv/tryon/{id}/cancel", access=SIGNED_IN, status=202, answer=TryOn, errors=(404, 409))
def tryon_cancel(call: Call) -> TryOn:
    """Stop a try-on that has not ended; what paid for it comes back."""
    from functions.tryon import service

    return service.cancel(call.caller, call.path["id"])


@endpoint(bp, "DELETE", "cv/tryon/{id}", access=SIGNED_IN, status=204, query=DeleteQuery, errors=(404, 409))
def tryon_delete(call: Call) -> None:
    """Delete a try-on with its results, and with `?inputs=true` your own images that it was made from."""
    from functions.tryon import service

    service.delete(call.caller, call.path["id"], inputs_too=call.query.inputs)


@bp.function_name("tryon_orphans")
@bp.timer_trigger(arg_name="timer", schedule="0 50 */6 * * *")
def orphans(timer: func.TimerRequest) -> None:
    """Remove what was written for try-ons that are gone."""
    from functions.tryon import orphans as left

    with telemetry.span("tryon.orphans"):
        removed = left.sweep()
    if removed:
        telemetry.log("tryon.orphans_swept", blobs=removed, pastDue=timer.past_due)
