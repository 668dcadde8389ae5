"""Triggers of PayPal's webhook: `paypal/webhook` over HTTP, the `paypal` queue, and its sweeper."""

from __future__ import annotations

import azure.functions as func

from functions.paypal_webhook.models import Received
from shared.http.auth import PUBLIC
from shared.http.endpoint import Call, endpoint

bp = func.Blueprint()


@endpoint(
    bp, "POST", "paypal/webhook", access=PUBLIC, limit="webhook", upload=("application/json",),
    answer=Received, errors=(400, 413, 503),
)  # fmt: skip
def receive_paypal_event(call: Call) -> Received:
    """Receive PayPal webhook event.

    The delivery is verified by its signature, stored and answered; the event is handled in the background.
    """
    from functions.paypal_webhook import service

    return service.receive(call.headers, call.raw.get_body(), call.request_id)
