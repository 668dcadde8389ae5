"""Triggers of outbound webhooks: `webhooks...` over HTTP, the `webhooks` queue and its poison queue."""

from __future__ import annotations

from functools import cache

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
from shared.jobs import queues
from shared.jobs.consumer import consumer
from shared.jobs.step import Step

bp = func.Blueprint()


@cache
def _step() -> Step:
    from functions.webhooks.worker import DeliveryStep

    return DeliveryStep()


consumer(bp, queues.WEBHOOKS, _step)


@endpoint(
    bp, "POST", "webhooks", access=SIGNED_IN, status=201,
    body=WebhookRequest, answer=WebhookWithSecret, errors=(409,),
)  # fmt: skip
def webhooks_create(call: Call) -> Reply:
    """Register a URL that is told of events; the answer is the only one that shows the secret."""
    from functions.webhooks import service

    made = service.register(call.caller, call.new_id, call.body)
    return Reply(made, headers={"Location": f"/api/webhooks/{made.id}"})


@endpoint(bp, "GET", "webhooks", access=SIGNED_IN, answer=WebhookList)
def webhooks_list(call: Call) -> WebhookList:
    """One's endpoints."""
    from functions.webhooks import service

    return service.endpoints(call.caller)


# The host tries routes by the name of their function and gives literals no precedence: `deliveries` before `get`.
@endpoint(bp, "GET", "webhooks/deliveries", access=SIGNED_IN, query=DeliveriesQuery, answer=DeliveryList)
def webhooks_deliveries(call: Call) -> DeliveryList:
    """What was delivered to one's endpoints, newest first."""
    from functions.webhooks import service

    return service.deliveries(call.caller, call.query)


@endpoint(bp, "GET", "webhooks/deliveries/{id}", access=SIGNED_IN, answer=Delivery, errors=(404,))
def webhooks_deliveries_get(call: Call) -> Delivery:
    """A delivery, its attempts and its body."""
    from functions.webhooks import service

    return service.delivery(call.caller, call.path["id"])


@endpoint(
    bp, "POST", "webhooks/deliveries/{id}/replay", access=SIGNED_IN, status=202, answer=Delivery, errors=(404, 409)
)
def webhooks_deliveries_replay(call: Call) -> Delivery:
    """Send a delivery that has ended once more."""
    from functions.webhooks import service

    return service.replay(call.caller, call.path["id"], call.request_id)


@endpoint(bp, "GET", "webhooks/{id}", access=SIGNED_IN, answer=Webhook, errors=(404,))
def webhooks_get(call: Call) -> Webhook:
    """One of one's endpoints."""
    from functions.webhooks import service

    return service.endpoint(call.caller, call.path["id"])


@endpoint(
    bp, "PATCH", "webhooks/{id}", access=SIGNED_IN, body=WebhookChange, answer=Webhook, errors=(404, 409)
)  # fmt: skip
def webhooks_patch(call: Call) -> Webhook:
    """Change an endpoint; `status: active` has a disabled one delivered to again."""
    from functions.webhooks import service

    return service.change(call.caller, call.path["id"], call.body)


@endpoint(bp, "DELETE", "webhooks/{id}", access=SIGNED_IN, status=204, errors=(404,))
def webhooks_remove(call: Call) -> None:
    """Delete an endpoint."""
    from functions.webhooks import service

    service.remove(call.caller, call.path["id"])


@endpoint(bp, "POST", "webhooks/{id}/rotate", access=SIGNED_IN, answer=WebhookWithSecret, errors=(404, 409))
def webhooks_rotate(call: Call) -> WebhookWithSecret:
    """Get a new secret; for a day deliveries carry signatures with both."""
    from functions.webhooks import service

    return service.rotate(call.caller, call.path["id"])
