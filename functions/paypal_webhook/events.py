"""What is taken from an event: its type, and the ids of what it is about. Nothing else, see `signature`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from shared.errors import BadRequest
from shared.http.endpoint import parse_json

_EVENT_ID = re.compile(r"[A-Za-z0-9-]{8,100}", re.ASCII)
_TYPE = re.compile(r"[A-Z0-9._-]{1,100}", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)
_CAPTURE_URL = re.compile(r"/captures/([A-Za-z0-9-]{1,64})\Z", re.ASCII)

APPROVED = "CHECKOUT.ORDER.APPROVED"
APPROVAL_REVERSED = "CHECKOUT.PAYMENT-APPROVAL.REVERSED"
CAPTURES = frozenset(
    f"PAYMENT.CAPTURE.{state}" for state in ("COMPLETED", "PENDING", "DENIED", "DECLINED", "REFUNDED", "REVERSED")
)
DISPUTES = frozenset(f"CUSTOMER.DISPUTE.{state}" for state in ("CREATED", "UPDATED", "RESOLVED"))
HANDLED = CAPTURES | DISPUTES | {APPROVED, APPROVAL_REVERSED}


def parse(body: bytes) -> dict[str, Any]:
    """The inbox document of an event: `id`, `eventType`, and `orderId`, `captureId`, `disputeId` where it names them.

    Raises:
        BadRequest: it is no event.
    """
    event = parse_json(body)
    if not isinstance(event, dict):
        raise BadRequest("the event is not an object", code="bad_event")
    id, kind = event.get("id"), event.get("event_type")
    if not isinstance(id, str) or not _EVENT_ID.fullmatch(id):
        raise BadRequest("the event has no id", code="bad_event", field="id")
    if not isinstance(kind, str) or not _TYPE.fullmatch(kind):
        raise BadRequest("the event has no type", code="bad_event", field="event_type")
    resource = event.get("resource")
    return {"id": id, "eventType": kind, **_about(kind, resource if isinstance(resource, dict) else {})}


def _about(kind: str, resource: Mapping[str, Any]) -> dict[str, str | None]:
    order = capture = dispute = None
    if kind == APPROVED:
        order = _id(resource.get("id"))
    elif kind == APPROVAL_REVERSED:
        order = _id(resource.get("order_id")) or _id(resource.get("id"))
    elif kind in CAPTURES:
        # A refund names its capture by a link; a capture is its own resource.
        capture = _linked(resource.get("links")) or _id(resource.get("id"))
    elif kind in DISPUTES:
        dispute = _id(resource.get("dispute_id"))
        transactions = resource.get("disputed_transactions")
        first = transactions[0] if isinstance(transactions, list) and transactions else None
        capture = _id(first.get("seller_transaction_id")) if isinstance(first, dict) else None
    return {"orderId": order, "captureId": capture, "disputeId": dispute}


def _id(value: Any) -> str | None:
    return value if isinstance(value, str) and _ID.fullmatch(value) else None


def _linked(links: Any) -> str | None:
    for link in links if isinstance(links, list) else ():
        if isinstance(link, dict) and link.get("rel") == "up" and isinstance(link.get("href"), str):
            found = _CAPTURE_URL.search(link["href"])
            if found:
                return found[1]
    return None
