"""Triggers of outbound webhooks: `webhooks...` over HTTP, the `webhooks` queue and its poison queue."""

from __future__ import annotations

import azure.functions as func

from functions.webhooks.models import (
    DeliveriesQuery,
    Delivery,
    DeliveryList,
    Webhook,
    WebhookChange,
    WebhookList,
    WebhookRequest,
    WebhookWithSecret,
)
from shared.http.auth import SIGNED_IN
from shared.http.endpoint import Call, Reply, endpoint

bp = func.Blueprint()


@endpoint(
    bp, "POST", "webhooks", access=SIGNED_IN, status=201,
    body=WebhookRequest, answer=WebhookWithSecret, errors=(409,),
)  # fmt: skip
def webhooks_create(call: Call) -> Reply:
    """Create webhook endpoint

    Deliveries are signed (Standard Webhooks 1.0). No other answer contains the secret.
    """
    from functions.webhooks import service

    made = service.create_webhook(call.caller, call.new_id, call.body)
    return Reply(made, headers={"Location": f"/api/webhooks/{made.id}"})


@endpoint(bp, "GET", "webhooks", access=SIGNED_IN, answer=WebhookList)
def webhooks_list(call: Call) -> WebhookList:
    """List webhook endpoints"""
    from functions.webhooks import service

    return service.list_webhooks(call.caller)


# The host tries routes by the name of their function and gives literals no precedence: `deliveries` before `get`.
@endpoint(bp, "GET", "webhooks/deliveries", access=SIGNED_IN, query=DeliveriesQuery, answer=DeliveryList)
def webhooks_deliveries_list(call: Call) -> DeliveryList:
    """List webhook deliveries

    The deliveries of the last 30 days, newest first.
    """
    from functions.webhooks import service

    return service.list_deliveries(call.caller, call.query)


@endpoint(bp, "GET", "webhooks/deliveries/{id}", access=SIGNED_IN, answer=Delivery, errors=(404,))
def webhooks_deliveries_get(call: Call) -> Delivery:
    """Get webhook delivery

    With its last attempts and its body.
    """
    from functions.webhooks import service

    return service.get_delivery(call.caller, call.path["id"])


@endpoint(
    bp, "POST", "webhooks/deliveries/{id}/replay", access=SIGNED_IN, status=202, limit="replays",
    answer=Delivery, errors=(404, 409),
)  # fmt: skip
def webhooks_deliveries_replay(call: Call) -> Delivery:
    """Replay webhook delivery

    Sends a delivery that has ended once more, with the same event id and body.
    """
    from functions.webhooks import service

    return service.replay_delivery(call.caller, call.path["id"], call.request_id)


@endpoint(bp, "GET", "webhooks/{id}", access=SIGNED_IN, answer=Webhook, errors=(404,))
def webhooks_get(call: Call) -> Webhook:
    """Get webhook endpoint"""
    from functions.webhooks import service

    return service.get_webhook(call.caller, call.path["id"])


@endpoint(
    bp, "PATCH", "webhooks/{id}", access=SIGNED_IN, body=WebhookChange, answer=Webhook, errors=(404, 409)
)  # fmt: skip
def webhooks_update(call: Call) -> Webhook:
    """Update webhook endpoint

    `status: active` enables a disabled endpoint again.
    """
    from functions.webhooks import service

    return service.update_webhook(call.caller, call.path["id"], call.body)


@endpoint(bp, "DELETE", "webhooks/{id}", access=SIGNED_IN, status=204, errors=(404,))
def webhooks_delete(call: Call) -> None:
    """Delete webhook endpoint"""
    from functions.webhooks import service

    service.delete_webhook(call.caller, call.path["id"])


@endpoint(bp, "POST", "webhooks/{id}/rotate", access=SIGNED_IN, answer=WebhookWithSecret, errors=(404, 409))
def webhooks_rotate_secret(call: Call) -> WebhookWithSecret:
    """Rotate webhook secret

    For a day deliveries are signed with both secrets.
    """
    from functions.webhooks import service

    return service.rotate_secret(call.caller, call.path["id"])
