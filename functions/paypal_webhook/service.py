"""Receiving a delivery: verify it, store it, start its job, answer. PayPal is not asked on the way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from functions.paypal_webhook import events, inbox, signature
from functions.paypal_webhook.models import Received
from shared import telemetry
from shared.errors import TooLarge

MAX_BYTES: Final = 1024 * 1024


def receive(headers: Mapping[str, str], body: bytes, request_id: str) -> Received:
    """Receive one delivery.

    Raises:
        TooLarge: over 1 MiB.
        BadRequest: not PayPal's, or not an event.
        Unavailable: it could not be verified or stored; PayPal sends it again.
    """
    if len(body) > MAX_BYTES:
        raise TooLarge(f"an event is at most {MAX_BYTES} bytes")
    transmission_id = signature.verify(headers, body)
    facts = events.parse(body)
    inbox.bind_transmission(transmission_id, facts.id, body)
    is_new = inbox.store_event(facts, transmission_id, request_id)
    telemetry.count("studio_webhook_events", type=facts.event_type if facts.event_type in events.HANDLED else "other")
    if is_new:
        inbox.start_job(facts.id, request_id)
    return Received(status="accepted" if is_new else "seen")
