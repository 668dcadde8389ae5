"""Taking a delivery: check it, keep it, start its job, answer. PayPal is not asked on the way."""

from __future__ import annotations

from collections.abc import Mapping

from functions.paypal_webhook import events, inbox, signature
from functions.paypal_webhook.models import Received
from shared import telemetry
from shared.errors import TooLarge

MAX_BYTES = 1024 * 1024


def receive(headers: Mapping[str, str], body: bytes, request_id: str) -> Received:
    """Take one delivery.

    Raises:
        TooLarge: over 1 MiB.
        BadRequest: not PayPal's, or no event.
        Unavailable: it could not be checked or stored; PayPal sends it again.
    """
    if len(body) > MAX_BYTES:
        raise TooLarge(f"an event is at most {MAX_BYTES} bytes")
    transmission_id = signature.check(headers, body)
    event = events.parse(body)
    inbox.bind(transmission_id, event["id"], body)
    fresh = inbox.keep({**event, "transmissionId": transmission_id, "requestId": request_id})
    telemetry.count(
        "studio_webhook_events", type=event["eventType"] if event["eventType"] in events.HANDLED else "other"
    )
    if fresh:
        inbox.start(event["id"], request_id)
    return Received(status="accepted" if fresh else "seen")
