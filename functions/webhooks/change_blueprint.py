"""HTTP triggers of the endpoints of outbound webhooks that there are already: `webhooks...`."""

from __future__ import annotations

import azure.functions as func

from functions.webhooks.change_models import WebhookChange, WebhookList
from functions.webhooks.models import Webhook, WebhookWithSecret
from shared.http.auth import SIGNED_IN
from shared.http.endpoint import Call, Reply, endpoint

bp = func.Blueprint()


@endpoint(bp, "GET", "webhooks", access=SIGNED_IN, answer=WebhookList)
def webhooks_list(call: Call) -> WebhookList:
    """List webhook endpoints"""
    from functions.webhooks import service

    return service.list_webhooks(call.caller)


@endpoint(bp, "GET", "webhooks/{id}", access=SIGNED_IN, answer=Webhook, errors=(404,))
def webhooks_get(call: Call) -> Webhook:
    """Get webhook endpoint"""
    from functions.webhooks import service

    return service.get_webhook(call.caller, call.path["id"])


@endpoint(
    bp, "PATCH", "webhooks/{id}", access=SIGNED_IN, body=WebhookChange, answer=Webhook, errors=(403, 404, 409)
)  # fmt: skip
def webhooks_update(call: Call) -> Webhook:
    """Update webhook endpoint

    `status: active` enables a disabled endpoint again. 403 `sign_in_again` for that, and for another URL, in a session
    older than an hour.
    """
    from functions.webhooks import service

    return service.update_webhook(call.caller, call.path["id"], call.body)


@endpoint(bp, "DELETE", "webhooks/{id}", access=SIGNED_IN, status=204, errors=(404,))
def webhooks_delete(call: Call) -> None:
    """Delete webhook endpoint"""
    from functions.webhooks import service

    service.delete_webhook(call.caller, call.path["id"])


@endpoint(
    bp, "POST", "webhooks/{id}/rotate", access=SIGNED_IN, idempotent=True,
    answer=WebhookWithSecret, errors=(403, 404, 409),
)  # fmt: skip
def webhooks_rotate_secret(call: Call) -> Reply:
    """Rotate webhook secret

    For a day deliveries are signed with both secrets. A repetition under the same `Idempotency-Key` answers the same
    secret, or 409 `webhook_changed` once the endpoint has another one. 403 `sign_in_again` in a session older than an
    hour.
    """
    from functions.webhooks import service

    return Reply(service.rotate_secret(call.caller, call.path["id"], call.new_id, repeated=call.repeated), kept=False)
