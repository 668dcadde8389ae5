"""Triggers of conversions: `conversions` over HTTP, the `convert` queue and its poison queue."""

from __future__ import annotations

from functools import cache

import azure.functions as func

from functions.convert.models import Conversion, ConversionList, ConversionRequest, ConversionsQuery
from shared.http.auth import SIGNED_IN
from shared.http.endpoint import Call, Reply, endpoint
from shared.jobs import queues
from shared.jobs.consumer import consumer
from shared.jobs.step import Step

bp = func.Blueprint()


@cache
def _step() -> Step:
    from functions.convert.worker import ConversionStep

    return ConversionStep()


consumer(bp, queues.CONVERT, _step)


@endpoint(
    bp, "POST", "conversions", access=SIGNED_IN, status=202, limit="conversions", idempotent=True,
    body=ConversionRequest, answer=Conversion, errors=(404,),
)  # fmt: skip
def conversions_create(call: Call) -> Reply:
    """Ask that the garment of one image be put on the person of another."""
    from functions.convert import service

    made = service.request(call.caller, call.new_id, call.body, call.request_id)
    return Reply(made, headers={"Location": f"/api/conversions/{made.id}"})


@endpoint(bp, "GET", "conversions", access=SIGNED_IN, query=ConversionsQuery, answer=ConversionList)
def conversions_list(call: Call) -> ConversionList:
    """One's conversions, newest first."""
    from functions.convert import service

    return service.conversions(call.caller, call.query)


@endpoint(bp, "GET", "conversions/{id}", access=SIGNED_IN, answer=Conversion, errors=(404,))
def conversions_get(call: Call) -> Conversion:
    """A conversion with its images."""
    from functions.convert import service

    return service.conversion(call.caller, call.path["id"])


@endpoint(bp, "DELETE", "conversions/{id}", access=SIGNED_IN, status=202, answer=Conversion, errors=(404, 409))
def conversions_cancel(call: Call) -> Conversion:
    """Stop a conversion that has not ended; its quota comes back."""
    from functions.convert import service

    return service.cancel(call.caller, call.path["id"])
