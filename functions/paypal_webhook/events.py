"""What is taken from an event: its type, and the ids of what it is about. Nothing else, see `signature`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from shared.commerce.payment_state import APPROVAL_REVERSED
from shared.errors import BadRequest
from shared.http.json_body import parse_json

APPROVED: Final = "CHECKOUT.ORDER.APPROVED"
CAPTURES: Final = frozenset(
    f"PAYMENT.CAPTURE.{state}" for state in ("COMPLETED", "PENDING", "DENIED", "DECLINED", "REFUNDED", "REVERSED")
)
DISPUTES: Final = frozenset(f"CUSTOMER.DISPUTE.{state}" for state in ("CREATED", "UPDATED", "RESOLVED"))
HANDLED: Final = CAPTURES | DISPUTES | {APPROVED, APPROVAL_REVERSED}

_EVENT_ID = re.compile(r"[A-Za-z0-9-]{8,100}", re.ASCII)
_TYPE = re.compile(r"[A-Z0-9._-]{1,100}", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)
_CAPTURE_URL = re.compile(r"/captures/([A-Za-z0-9-]{1,64})\Z", re.ASCII)


def _id_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) and _ID.fullmatch(value) else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _objects(value: Any) -> list[Any]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _object(value: Any) -> Any:
    return value if isinstance(value, dict) else {}


type Id = Annotated[str | None, BeforeValidator(_id_or_none)]
type Text = Annotated[str, BeforeValidator(_text)]


class _Untrusted(BaseModel):
    """A part of an event; anything of an unexpected type counts as missing."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class _Link(_Untrusted):
    rel: Text = ""
    href: Text = ""


class _Transaction(_Untrusted):
    seller_transaction_id: Id = None


class _Resource(_Untrusted):
    id: Id = None
    order_id: Id = None
    dispute_id: Id = None
    links: Annotated[list[_Link], BeforeValidator(_objects)] = Field(default_factory=list[_Link])
    disputed_transactions: Annotated[list[_Transaction], BeforeValidator(_objects)] = Field(
        default_factory=list[_Transaction]
    )

    @property
    def linked_capture(self) -> str | None:
        """The capture that a refund names by a link."""
        urls = (_CAPTURE_URL.search(link.href) for link in self.links if link.rel == "up")
        return next((url[1] for url in urls if url), None)


class _Event(_Untrusted):
    id: Text = ""
    event_type: Text = ""
    resource: Annotated[_Resource, BeforeValidator(_object)] = Field(default_factory=_Resource)


@dataclass(frozen=True)
class EventFacts:
    """What is taken from an event: PayPal's ids of the event, and of what it is about."""

    id: str
    event_type: str
    order_id: str | None = None
    capture_id: str | None = None
    dispute_id: str | None = None


def parse(body: bytes) -> EventFacts:
    """The facts of a delivered event. Raises BadRequest: it is not an event."""
    posted = parse_json(body)
    if not isinstance(posted, dict):
        raise BadRequest("the event is not an object", code="bad_event")
    event = _Event.model_validate(posted)
    if not _EVENT_ID.fullmatch(event.id):
        raise BadRequest("the event has no id", code="bad_event", field="id")
    if not _TYPE.fullmatch(event.event_type):
        raise BadRequest("the event has no type", code="bad_event", field="event_type")
    return _facts(event.id, event.event_type, event.resource)


def _facts(id: str, event_type: str, resource: _Resource) -> EventFacts:
    if event_type == APPROVED:
        return EventFacts(id, event_type, order_id=resource.id)
    if event_type == APPROVAL_REVERSED:
        return EventFacts(id, event_type, order_id=resource.order_id or resource.id)
    if event_type in CAPTURES:
        return EventFacts(id, event_type, capture_id=resource.linked_capture or resource.id)
    if event_type in DISPUTES:
        first = next(iter(resource.disputed_transactions), None)
        capture_id = first.seller_transaction_id if first else None
        return EventFacts(id, event_type, capture_id=capture_id, dispute_id=resource.dispute_id)
    return EventFacts(id, event_type)
