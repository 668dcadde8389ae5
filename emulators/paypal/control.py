"""The control API: actions of the payer, the bank and the webhook sender."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from aiohttp import web

from emulators.paypal.certificates import KINDS
from emulators.paypal.ledger import Capture, Order, new_id, now
from emulators.paypal.money import amount_of
from emulators.paypal.webhooks import Event
from emulators.server import answer

if TYPE_CHECKING:
    from emulators.paypal.service import PayPal

REASONS = {"PENDING": "ECHECK", "DECLINED": "DECLINED_BY_RISK_FRAUD_FILTERS", "REVERSED": "CHARGEBACK"}
TAMPERS = (None, "body", "reserialise", "crc")


class _InvalidRequest(ValueError):
    """The control request is invalid."""


def routes(paypal: PayPal) -> Iterable[web.RouteDef]:
    """The control routes of one emulator."""
    control = Control(paypal)
    return [
        web.get("/_emulator/ca.pem", control.ca),
        web.get("/_emulator/state", control.state),
        web.post("/_emulator/settings", control.settings),
        web.get("/_emulator/webhook", control.webhook),
        web.post("/_emulator/webhook", control.webhook),
        web.post("/_emulator/release", control.release),
        web.get("/_emulator/events", control.events),
        web.post("/_emulator/events", control.create_event),
        web.post("/_emulator/orders/{order}", control.order),
        web.post("/_emulator/captures/{capture}", control.capture),
    ]


class Control:
    """Handlers of the control API."""

    def __init__(self, paypal: PayPal) -> None:
        self.paypal = paypal

    async def ca(self, request: web.Request) -> web.Response:
        """The root certificate to trust."""
        return web.Response(body=self.paypal.authority.root_pem, content_type="application/x-pem-file")

    async def state(self, request: web.Request) -> web.Response:
        """Counters: tokens issued, orders, captures and refunds by status."""
        ledger = self.paypal.ledger
        return answer(
            {
                "tokensIssued": self.paypal.tokens.issued,
                "orders": {order.id: order.status for order in ledger.orders.values()},
                "captures": {
                    one.id: {"status": one.status, "orderId": one.order.id, "customId": one.order.unit.get("custom_id")}
                    for one in ledger.captures.values()
                },
                "refunds": {
                    one.id: {"captureId": one.capture.id, "units": one.units} for one in ledger.refunds.values()
                },
            }
        )

    async def settings(self, request: web.Request) -> web.Response:
        """`tokenSeconds`, `tokenUses` (null: no limit), `idempotencySeconds` (null: as PayPal), `revoke` (bool)."""
        spec = await request.json()
        tokens = self.paypal.tokens
        tokens.seconds = float(spec.get("tokenSeconds", tokens.seconds))
        tokens.uses = spec.get("tokenUses", tokens.uses)
        self.paypal.request_ids.seconds = spec.get("idempotencySeconds", self.paypal.request_ids.seconds)
        if spec.get("revoke"):
            tokens.revoke()
        return web.Response(status=204)

    async def webhook(self, request: web.Request) -> web.Response:
        """Where and how events are sent: `url`, `webhookId`, `duplicates`, `delaySeconds`, `hold`, `retrySeconds`."""
        options = self.paypal.webhooks.options
        if request.method == "POST":
            spec = await request.json()
            options.url = spec.get("url", options.url)
            options.webhook_id = spec.get("webhookId", options.webhook_id)
            options.duplicates = int(spec.get("duplicates", options.duplicates))
            options.delay = float(spec.get("delaySeconds", options.delay))
            options.hold = bool(spec.get("hold", options.hold))
            options.retries = tuple(map(float, spec.get("retrySeconds", options.retries)))
        return answer(
            {
                "url": options.url,
                "webhookId": options.webhook_id,
                "duplicates": options.duplicates,
                "delaySeconds": options.delay,
                "hold": options.hold,
                "retrySeconds": options.retries,
                "held": [event.id for event in self.paypal.webhooks.held],
            }
        )

    async def release(self, request: web.Request) -> web.Response:
        """Deliver the held events: `order` fifo, reverse or shuffle (with `seed`), `duplicates`."""
        spec = json.loads(await request.text() or "{}")
        order = spec.get("order", "fifo")
        if order not in ("fifo", "reverse", "shuffle"):
            return answer({"error": "order must be fifo, reverse or shuffle"}, status=400)
        seed, duplicates = int(spec.get("seed", 0)), int(spec.get("duplicates", 0))
        return answer({"released": self.paypal.webhooks.release(order, seed, duplicates)})

    async def events(self, request: web.Request) -> web.Response:
        """All events with their deliveries; `?orderId=` and `?type=` narrow them."""
        order, type = request.query.get("orderId"), request.query.get("type")
        found = [
            event.as_json()
            for event in self.paypal.webhooks.events.values()
            if order in (None, event.order) and type in (None, event.type)
        ]
        return answer({"events": found})

    async def create_event(self, request: web.Request) -> web.Response:
        """Create or replay an event and deliver it once.

        `type` with `captureId`, `refundId`, `orderId` or `resource` creates one (`id` sets its id); `replay`
        names one to send again. The delivery can be altered: `certificate` (a KIND), `certUrl`, `webhookId`,
        `algorithm`, `transmissionId`, `transmissionTime`, `tamper` (body, reserialise, crc), `url`.
        `"deliver": false` sends nothing and only answers with the signed `headers` and `body`.
        """
        try:
            spec = await request.json()
            event = self._event(spec)
        except (ValueError, AttributeError) as wrong:
            return answer({"error": str(wrong)}, status=400)
        headers, body = self.paypal.webhooks.signed(event, spec)
        delivery = None
        if spec.get("deliver", True):
            if not (spec.get("url") or self.paypal.webhooks.options.url):
                return answer({"error": "there is no webhook url"}, status=400)
            delivery = await self.paypal.webhooks.deliver(event, spec)
        return answer({"id": event.id, "headers": headers, "body": body.decode(), "delivery": delivery})

    def _event(self, spec: dict[str, Any]) -> Event:
        if spec.get("certificate", "good") not in KINDS or spec.get("tamper") not in TAMPERS:
            raise _InvalidRequest(f"certificate is one of {KINDS}, tamper one of {TAMPERS}")
        if replay := spec.get("replay"):
            event = self.paypal.webhooks.events.get(replay)
            if event is None:
                raise _InvalidRequest("there is no such event")
            return event
        if not isinstance(spec.get("type"), str):
            raise _InvalidRequest("type or replay is needed")
        resource, order = self._resource(spec)
        return self.paypal.webhooks.create_event(spec["type"], resource, order, id=spec.get("id"))

    def _resource(self, spec: dict[str, Any]) -> tuple[Any, str | None]:
        ledger, representations, base = self.paypal.ledger, self.paypal.representations, self.paypal.webhooks.base
        if "resource" in spec:
            return spec["resource"], spec.get("orderId")
        if refund := ledger.refunds.get(spec.get("refundId", "")):
            return representations.refund(refund, base), refund.capture.order.id
        if capture := ledger.captures.get(spec.get("captureId", "")):
            if spec["type"].startswith("CUSTOMER.DISPUTE"):
                return _dispute(capture, spec["type"]), capture.order.id
            if spec["type"].endswith((".REVERSED", ".REFUNDED")):
                return _reversal(capture, base), capture.order.id
            return representations.capture_alone(capture, base), capture.order.id
        if order := ledger.orders.get(spec.get("orderId", "")):
            if spec["type"].endswith("APPROVAL.REVERSED"):
                return _approval(order), order.id
            return representations.order(order, base), order.id
        raise _InvalidRequest("captureId, refundId, orderId or resource is needed, and must exist")

    async def order(self, request: web.Request) -> web.Response:
        """Act as the payer: `action` approve (with `outcome` completed, refused, pending), reverse or void."""
        order = self.paypal.ledger.orders.get(request.match_info["order"])
        spec = await request.json()
        action = spec.get("action")
        if order is None or action not in ("approve", "reverse", "void"):
            return answer({"error": "no such order or action"}, status=404 if order is None else 400)
        if action == "approve":
            self.paypal.approve(order, spec.get("outcome", "completed"))
        else:
            order.move("VOIDED")
        if action == "reverse":
            event = self.paypal.webhooks.create_event("CHECKOUT.PAYMENT-APPROVAL.REVERSED", _approval(order), order.id)
            self.paypal.webhooks.dispatch(event)
        return answer(self.paypal.representations.order(order, self.paypal.webhooks.base))

    async def capture(self, request: web.Request) -> web.Response:
        """Act as the bank: `status` COMPLETED, DECLINED, DENIED (event name; the capture reads DECLINED), REVERSED."""
        capture = self.paypal.ledger.captures.get(request.match_info["capture"])
        status = (await request.json()).get("status")
        if capture is None or status not in ("COMPLETED", "DECLINED", "DENIED", "REVERSED"):
            return answer({"error": "no such capture or status"}, status=404 if capture is None else 400)
        base = self.paypal.webhooks.base
        capture.status = {"DENIED": "DECLINED", "REVERSED": "REFUNDED"}.get(status, status)
        capture.reason, capture.updated = REASONS.get("DECLINED" if status == "DENIED" else status), now()
        if status == "REVERSED":
            resource = _reversal(capture, base)
        else:
            resource = self.paypal.representations.capture_alone(capture, base)
        event = self.paypal.webhooks.create_event(f"PAYMENT.CAPTURE.{status}", resource, capture.order.id)
        self.paypal.webhooks.dispatch(event)
        return answer(self.paypal.representations.capture_alone(capture, base))


def _approval(order: Order) -> dict[str, Any]:
    return {"order_id": order.id, "purchase_units": [order.unit], "payment_source": {"paypal": {}}}


def _reversal(capture: Capture, base: str) -> dict[str, Any]:
    up = {"href": f"{base}/v2/payments/captures/{capture.id}", "rel": "up", "method": "GET"}
    amount = amount_of(capture.order.units, capture.order.currency)
    custom = {"custom_id": capture.order.unit.get("custom_id")}
    return {"id": new_id(), "status": "COMPLETED", "amount": amount, **custom, "create_time": now(), "links": [up]}


def _dispute(capture: Capture, type: str) -> dict[str, Any]:
    transaction = {"seller_transaction_id": capture.id, "custom": capture.order.unit.get("custom_id")}
    return {
        "dispute_id": f"PP-D-{new_id()[:6]}",
        "create_time": now(),
        "disputed_transactions": [transaction],
        "reason": "MERCHANDISE_OR_SERVICE_NOT_RECEIVED",
        "status": "RESOLVED" if type.endswith("RESOLVED") else "OPEN",
        "dispute_amount": amount_of(capture.order.units, capture.order.currency),
    }
