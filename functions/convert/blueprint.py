"""Triggers of conversions: `conversions` over HTTP, the `convert` queue and its poison queue."""

from __future__ import annotations

import azure.functions as func

from functions.convert.models import Conversion, ConversionList, ConversionRequest, ConversionsQuery
from shared.http.auth import SIGNED_IN
from shared.http.endpoint import Call, Reply, endpoint

bp = func.Blueprint()


@endpoint(
    bp, "POST", "conversions", access=SIGNED_IN, status=202, limit="conversions", idempotent=True,
    body=ConversionRequest, answer=Conversion, errors=(404,),
)  # fmt: skip
def create_conversion(call: Call) -> Reply:
    """Create a conversion.

    Puts the garment of one image on the person of another, and pays for it with the month's quota or a credit. The
    result is made in the background: poll the conversion, wait for its job, or listen for `conversion.completed`.
    """
    from functions.convert import service

    conversion = service.create_conversion(call.caller, call.new_id, call.body, call.request_id)
    return Reply(conversion, headers={"Location": f"/api/conversions/{conversion.id}"})


@endpoint(bp, "GET", "conversions", access=SIGNED_IN, query=ConversionsQuery, answer=ConversionList)
def list_conversions(call: Call) -> ConversionList:
    """List conversions.

    Newest first, without their images.
    """
    from functions.convert import service

    return service.list_conversions(call.caller, call.query)


@endpoint(bp, "GET", "conversions/{id}", access=SIGNED_IN, answer=Conversion, errors=(404,))
def get_conversion(call: Call) -> Conversion:
    """Get a conversion.

    With its images, whose URLs expire after minutes.
    """
    from functions.convert import service

    return service.get_conversion(call.caller, call.path["id"])


@endpoint(bp, "DELETE", "conversions/{id}", access=SIGNED_IN, status=202, answer=Conversion, errors=(404, 409))
def cancel_conversion(call: Call) -> Conversion:
    """Cancel a conversion.

    It must not have ended. What it was paid with is given back once it has stopped.
    """
    from functions.convert import service

    return service.cancel_conversion(call.caller, call.path["id"])
