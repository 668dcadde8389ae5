"""HTTP triggers of the deliveries of outbound webhooks: `webhooks/deliveries...`."""

from __future__ import annotations

import azure.functions as func

from functions.webhooks.delivery_models import DeliveriesQuery, Delivery, DeliveryList
from shared.http.auth import SIGNED_IN
from shared.http.endpoint import Call, endpoint

bp = func.Blueprint()


# The host tries routes by the name of their function and gives literals no precedence: `deliveries` before `get`.
@endpoint(bp, "GET", "webhooks/deliveries", access=SIGNED_IN, query=DeliveriesQuery, answer=DeliveryList)
def webhooks_deliveries_list(call: Call) -> DeliveryList:
    """List webhook deliveries

    The deliveries of the last 30 days, newest first.
    """
    from functions.webhooks import delivery_service

    return delivery_service.list_deliveries(call.caller, call.query)


@endpoint(bp, "GET", "webhooks/deliveries/{id}", access=SIGNED_IN, answer=Delivery, errors=(404,))
def webhooks_deliveries_get(call: Call) -> Delivery:
    """Get webhook delivery

    With its last attempts and its body.
    """
    from functions.webhooks import delivery_service

    return delivery_service.get_delivery(call.caller, call.path["id"])


@endpoint(
    bp, "POST", "webhooks/deliveries/{id}/replay", access=SIGNED_IN, status=202, limit="replays",
    answer=Delivery, errors=(404, 409),
)  # fmt: skip
def webhooks_deliveries_replay(call: Call) -> Delivery:
    """Replay webhook delivery

    Sends a delivery that has ended once more, with the same event id and body.
    """
    from functions.webhooks import delivery_service

    return delivery_service.replay_delivery(call.caller, call.path["id"], call.request_id)
