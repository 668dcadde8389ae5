"""HTTP trigger that makes an endpoint of outbound webhooks."""

from __future__ import annotations

import azure.functions as func

from functions.webhooks.models import WebhookRequest, WebhookWithSecret
from shared.http.auth import SIGNED_IN
from shared.http.endpoint import Call, Reply, endpoint

bp = func.Blueprint()


@endpoint(
    bp, "POST", "webhooks", access=SIGNED_IN, status=201, idempotent=True,
    body=WebhookRequest, answer=WebhookWithSecret, errors=(403, 404, 409),
)  # fmt: skip
def webhooks_create(call: Call) -> Reply:
    """Create webhook endpoint

    Deliveries are signed (Standard Webhooks 1.0). No other answer contains the secret, but for repetitions under the
    same `Idempotency-Key`: 409 `webhook_changed` once it was rotated. 403 `sign_in_again` in a session older than an
    hour.
    """
    from functions.webhooks import service

    made = service.create_webhook(call.caller, call.new_id, call.body, repeated=call.repeated)
    return Reply(made, headers={"Location": f"/api/webhooks/{made.id}"}, kept=False)
