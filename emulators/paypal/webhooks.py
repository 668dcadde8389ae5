"""Signed webhook deliveries: created, sent, repeated, held and shuffled on demand."""

from __future__ import annotations

import asyncio
import base64
import json
import random
import uuid
import zlib
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout

from emulators.paypal.certificates import Authority
from emulators.paypal.forgery import same_checksum
from emulators.paypal.ledger import new_id, now

SUMMARIES = {
    "CHECKOUT.ORDER.APPROVED": ("checkout-order", "An order has been approved by buyer"),
    "CHECKOUT.PAYMENT-APPROVAL.REVERSED": ("checkout-order", "A payment approval was reversed"),
    "PAYMENT.CAPTURE.COMPLETED": ("capture", "Payment completed"),
    "PAYMENT.CAPTURE.PENDING": ("capture", "Payment pending"),
    "PAYMENT.CAPTURE.DENIED": ("capture", "Payment denied"),
    "PAYMENT.CAPTURE.DECLINED": ("capture", "Payment declined"),
    "PAYMENT.CAPTURE.REFUNDED": ("refund", "A capture payment was refunded"),
    "PAYMENT.CAPTURE.REVERSED": ("refund", "A capture payment was reversed"),
    "CUSTOMER.DISPUTE.CREATED": ("dispute", "A new dispute was opened"),
    "CUSTOMER.DISPUTE.RESOLVED": ("dispute", "A dispute was resolved"),
}


@dataclass
class Event:
    """An event; every delivery of it carries the same `body`."""

    id: str
    type: str
    order: str | None
    body: bytes
    transmission: str = field(default_factory=lambda: str(uuid.uuid4()))
    deliveries: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def as_json(self) -> dict[str, Any]:
        """The event as the control API shows it."""
        return {
            "id": self.id,
            "type": self.type,
            "orderId": self.order,
            "body": self.body.decode(),
            "deliveries": self.deliveries,
        }


@dataclass
class DeliveryOptions:
    """How events are delivered. `delay` and the entries of `retries` are seconds; `hold` keeps events back."""

    url: str | None = None
    webhook_id: str = "1JE4291016473214C"
    duplicates: int = 0
    delay: float = 0.0
    hold: bool = False
    retries: tuple[float, ...] = (1, 2, 4, 8, 16)
    timeout: float = 10.0


class Webhooks:
    """Events and their deliveries to the one configured URL."""

    def __init__(self, authority: Authority, options: DeliveryOptions) -> None:
        self.authority, self._configured, self.options = authority, options, DeliveryOptions(**vars(options))
        self.base = self.cert_origin = ""
        self.events: dict[str, Event] = {}
        self.held: list[Event] = []
        self._session: ClientSession | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def reset(self) -> None:
        """Forget all events, stop deliveries, and restore the initial options."""
        for task in self._tasks:
            task.cancel()
        self.options = DeliveryOptions(**vars(self._configured))
        self.events.clear()
        self.held.clear()

    async def stop(self) -> None:
        """Stop delivering."""
        self.reset()
        if self._session is not None:
            await self._session.close()

    def create_event(self, type: str, resource: Any, order: str | None, *, id: str | None = None) -> Event:
        """Create an event of a type without sending it."""
        event_id = id or f"WH-{new_id()}-{new_id()}"
        kind, summary = SUMMARIES.get(type, ("object", type))
        me = f"{self.base}/v1/notifications/webhooks-events/{event_id}"
        body = {
            "id": event_id,
            "event_version": "1.0",
            "create_time": now(),
            "resource_type": kind,
            "resource_version": "2.0",
            "event_type": type,
            "summary": summary,
            "resource": resource,
            "links": [
                {"href": me, "rel": "self", "method": "GET"},
                {"href": f"{me}/resend", "rel": "resend", "method": "POST"},
            ],
        }
        event = Event(event_id, type, order, json.dumps(body, separators=(",", ":")).encode())
        self.events[event_id] = event
        return event

    def dispatch(self, event: Event) -> None:
        """Deliver an event in the background, by the options."""
        if self.options.hold:
            self.held.append(event)
            return
        for _ in range(1 + self.options.duplicates):
            self._start(event)

    def release(self, order: str, seed: int, duplicates: int) -> list[str]:
        """Deliver the held events one by one: `fifo`, `reverse` or `shuffle`, each 1 + duplicates times."""
        events = [event for event in self.held for _ in range(1 + duplicates)]
        self.held.clear()
        if order == "reverse":
            events.reverse()
        elif order == "shuffle":
            random.Random(seed).shuffle(events)
        task = asyncio.create_task(self._deliver_in_order(events))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return [event.id for event in events]

    def signed(self, event: Event, spec: dict[str, Any]) -> tuple[dict[str, str], bytes]:
        """Headers and body of a delivery; `spec` can alter it, see `POST /_emulator/events`."""
        signer = self.authority.signer(spec.get("certificate", "good"))
        transmission = spec.get("transmissionId") or event.transmission
        time = spec.get("transmissionTime") or now()
        webhook = spec.get("webhookId") or self.options.webhook_id
        text = f"{transmission}|{time}|{webhook}|{zlib.crc32(event.body)}"
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "PayPal/AUHD-214.0-58843000",
            "PAYPAL-TRANSMISSION-ID": transmission,
            "PAYPAL-TRANSMISSION-TIME": time,
            "PAYPAL-TRANSMISSION-SIG": base64.b64encode(signer.sign(text.encode())).decode(),
            "PAYPAL-CERT-URL": spec.get("certUrl") or f"{self.cert_origin}/v1/notifications/certs/{signer.id}",
            "PAYPAL-AUTH-ALGO": spec.get("algorithm", "SHA256withRSA"),
        }
        return headers, tampered(event.body, spec.get("tamper"))

    async def deliver(self, event: Event, spec: dict[str, Any] | None = None) -> dict[str, Any]:
        """Post one delivery; returns `status` (None: no answer), `attempt`, `transmissionId` of the result."""
        spec = spec or {}
        headers, body = self.signed(event, spec)
        url = str(spec.get("url") or self.options.url)
        if self._session is None:
            self._session = ClientSession()
        entry: dict[str, Any] = {
            "at": now(),
            "attempt": len(event.deliveries) + 1,
            "transmissionId": headers["PAYPAL-TRANSMISSION-ID"],
            "status": None,
        }
        event.deliveries.append(entry)
        try:
            limit = ClientTimeout(total=self.options.timeout)
            async with self._session.post(
                url, data=body, headers=headers, timeout=limit, allow_redirects=False
            ) as response:
                entry["answer"] = (await response.text())[:500]
                entry["status"] = response.status
        except (ClientError, TimeoutError, OSError, ValueError) as failed:
            entry["error"] = f"{type(failed).__name__}: {failed}"
        return entry

    def _start(self, event: Event) -> None:
        if self.options.url is None:
            return
        task = asyncio.create_task(self._deliver_with_retries(event))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver_with_retries(self, event: Event) -> None:
        await asyncio.sleep(self.options.delay)
        for pause in (*self.options.retries, None):
            status = (await self.deliver(event))["status"]
            if (status is not None and 200 <= status < 300) or pause is None:
                return
            await asyncio.sleep(pause)

    async def _deliver_in_order(self, events: list[Event]) -> None:
        for event in events:
            await self._deliver_with_retries(event)


def tampered(body: bytes, how: str | None) -> bytes:
    """The body of a delivery that was altered: `body`, `reserialise` or `crc` (same checksum, other amount)."""
    if how is None:
        return body
    event = json.loads(body)
    if how == "reserialise":
        return json.dumps(event, indent=1).encode()
    if isinstance(event["resource"], dict):
        event["resource"]["amount"] = {"currency_code": "USD", "value": "99999.00"}
    return same_checksum(body, event) if how == "crc" else json.dumps(event, separators=(",", ":")).encode()
