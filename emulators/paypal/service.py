"""PayPal's REST API: OAuth, Orders v2, Payments v2, webhooks, and the payer's approval page."""

from __future__ import annotations

import argparse
import asyncio
import base64
import hmac
import json
import secrets
import tempfile
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

from aiohttp import web

from emulators.faults import Fault
from emulators.paypal import checkout, control, fault_answers
from emulators.paypal.access import RequestIds, Tokens
from emulators.paypal.certificates import Authority
from emulators.paypal.fault_answers import FaultAnswer, early_answer, late_answer
from emulators.paypal.ledger import Capture, Ledger, Order, Refund
from emulators.paypal.postback import is_genuine
from emulators.paypal.problems import Problem, refusal
from emulators.paypal.representations import Representations
from emulators.paypal.webhooks import DeliveryOptions, Webhooks
from emulators.server import Emulator, answer

OUTCOMES = {"pending": "PENDING", "declined": "DECLINED", "failed": "FAILED", "refused": "refused"}
type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
type Shown = Callable[[], dict[str, Any]]


class PayPal(Emulator):
    """One merchant's PayPal. A fault's `on` is token, create, get, capture, get_capture, refund, get_refund,
    verify or cert; `match` is looked for in the path, the request id, the order's own ids and the body.

    Further modes: `pending`, `declined`, `failed` (status of the capture), `refused` (INSTRUMENT_DECLINED),
    and those of `fault_answers`.
    """

    name = "paypal"
    modes = (*OUTCOMES, *fault_answers.MODES)

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.client_id, self.client_secret = options["client_id"], options["client_secret"]
        self.merchant, self.ca_file = options["merchant_id"], options["ca_file"]
        self.cert_origin = options["cert_origin"]
        self.authority, self.ledger = Authority(), Ledger()
        self.tokens, self.request_ids = Tokens(), RequestIds()
        self.representations = Representations(self.merchant)
        self.webhooks = Webhooks(self.authority, DeliveryOptions(options["webhook_url"], options["webhook_id"]))
        self._own_ca_file = self.ca_file is None

    @classmethod
    def arguments(cls, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--client-id", default="emulated-paypal-client")
        parser.add_argument("--client-secret", default="development-only-paypal-secret")
        parser.add_argument("--merchant-id", default="EMULATEDSHOP1", help="the payee's merchant id")
        parser.add_argument("--webhook-url", default=None, help="where events go; can be set later")
        parser.add_argument("--webhook-id", default="1JE4291016473214C")
        parser.add_argument("--cert-origin", default=None, help="origin in PAYPAL-CERT-URL; default: own address")
        parser.add_argument("--ca-file", type=Path, default=None, help="where the root certificate is amount_of")

    def routes(self) -> Iterable[web.RouteDef]:
        orders, payments = "/v2/checkout/orders", "/v2/payments"
        return [
            web.post("/v1/oauth2/token", self.token),
            web.post(orders, self._api("create", self.create)),
            web.get(orders + "/{order}", self._api("get", self.order)),
            web.post(orders + "/{order}/capture", self._api("capture", self.capture)),
            web.get(payments + "/captures/{capture}", self._api("get_capture", self.get_capture)),
            web.post(payments + "/captures/{capture}/refund", self._api("refund", self.refund)),
            web.get(payments + "/refunds/{refund}", self._api("get_refund", self.get_refund)),
            web.post("/v1/notifications/verify-webhook-signature", self._api("verify", self.verify)),
            web.get("/v1/notifications/certs/{certificate}", self.certificate),
            web.get("/checkoutnow", self.checkout_page),
            web.post("/checkoutnow", self.checkout_choice),
            *control.routes(self),
        ]

    def facts(self, url: str) -> dict[str, Any]:
        return {
            "clientId": self.client_id,
            "clientSecret": self.client_secret,
            "merchantId": self.merchant,
            "webhookId": self.webhooks.options.webhook_id,
            "certOrigin": self.webhooks.cert_origin,
            "caFile": str(self.ca_file),
        }

    def reset(self) -> None:
        super().reset()
        self.ledger = Ledger()
        self.tokens.reset()
        self.request_ids.reset()
        self.webhooks.reset()

    async def started(self, url: str) -> None:
        self.webhooks.base, self.webhooks.cert_origin = url, self.cert_origin or url
        await asyncio.to_thread(self.authority.signer)
        if self.ca_file is None:
            self.ca_file = Path(tempfile.mkdtemp(prefix="emulated-paypal-")) / "ca.pem"
        self.ca_file.write_bytes(self.authority.root_pem)

    async def stopping(self) -> None:
        await self.webhooks.stop()
        if self._own_ca_file and self.ca_file is not None:
            self.ca_file.unlink(missing_ok=True)
            self.ca_file.parent.rmdir()

    async def token(self, request: web.Request) -> web.StreamResponse:
        """A client-credentials token; counted, limited by `POST /_emulator/settings`."""
        expected = b"Basic " + base64.b64encode(f"{self.client_id}:{self.client_secret}".encode())
        if not hmac.compare_digest(request.headers.get("Authorization", "").encode(), expected):
            body = {"error": "invalid_client", "error_description": "Client Authentication failed"}
            return answer(body, status=401)
        if (await request.post()).get("grant_type") != "client_credentials":
            body = {"error": "unsupported_grant_type", "error_description": "Grant Type is NULL"}
            return answer(body, status=400)
        fault = self._fault(request, "token", "")
        if early := await early_answer(request, fault):
            return early
        body = {
            "scope": "https://uri.paypal.com/services/payments/payment",
            "access_token": self.tokens.issue(),
            "token_type": "Bearer",
            "app_id": "APP-80W284485P519543T",
            "expires_in": int(self.tokens.seconds),
            "nonce": secrets.token_urlsafe(12),
        }
        return await late_answer(request, body, 200, fault)

    def _fault(self, request: web.Request, operation: str, body: str) -> Fault | None:
        order = self._order(request)
        own = [] if order is None else [order.id, str(order.unit.get("custom_id")), str(order.unit.get("invoice_id"))]
        text = "\n".join([request.path, request.headers.get("PayPal-Request-Id", ""), *own, body])
        fault = self.faults.take(operation, text)
        request["entry"] |= {"operation": operation, "fault": fault.mode if fault else None}
        return fault

    def _order(self, request: web.Request) -> Order | None:
        where = request.match_info
        if capture := self.ledger.captures.get(where.get("capture", "")):
            return capture.order
        if refund := self.ledger.refunds.get(where.get("refund", "")):
            return refund.capture.order
        return self.ledger.orders.get(where.get("order", ""))

    def _api(self, operation: str, handler: Callable[..., Awaitable[tuple[int, Any]]]) -> Handler:
        async def called(request: web.Request) -> web.StreamResponse:
            if not self.tokens.accept(request.headers.get("Authorization", "").removeprefix("Bearer ")):
                body = {"error": "invalid_token", "error_description": "Token signature verification failed"}
                return answer(body, status=401)
            fault = self._fault(request, operation, await request.text())
            try:
                status, body = await handler(request, fault)
            except FaultAnswer as early:
                return early.response
            except Problem as problem:
                order = self._order(request)
                links = self.representations.links(order, _base(request)) if order else None
                return refusal(problem, links)
            except ValueError as wrong:
                return refusal(Problem(400, "MALFORMED_REQUEST_JSON", f"The request JSON is not well formed: {wrong}"))
            return await late_answer(request, body, status, fault)

        return called

    async def _once(
        self, request: web.Request, operation: str, fault: Fault | None, effect: Callable[[], Shown]
    ) -> tuple[int, dict[str, Any]]:
        """Do something once for each `PayPal-Request-Id`: 201, or 200 with the latest state for a known id."""
        request_id = request.headers.get("PayPal-Request-Id")
        show = self.request_ids.known(operation, request_id)
        try:
            if early := await early_answer(request, fault):
                raise FaultAnswer(early)
            if show is not None:
                return 200, show()
            shown = effect()
            self.request_ids.done(operation, request_id, shown)
            return 201, shown()
        finally:
            self.request_ids.failed(operation, request_id)

    async def _read(
        self, request: web.Request, fault: Fault | None, found: Any, show: Shown
    ) -> tuple[int, dict[str, Any]]:
        if early := await early_answer(request, fault):
            raise FaultAnswer(early)
        if found is None:
            raise _missing()
        return 200, show()

    async def create(self, request: web.Request, fault: Fault | None) -> tuple[int, dict[str, Any]]:
        """Create an order, or answer with the one of the request id."""
        body = await request.json()
        base, full = _base(request), _full(request)

        def effect() -> Shown:
            order = self.ledger.create(body)
            request["entry"]["orderId"] = order.id
            return lambda: self.representations.order(order, base, full=full)

        return await self._once(request, "create", fault, effect)

    async def order(self, request: web.Request, fault: Fault | None) -> tuple[int, dict[str, Any]]:
        """Get an order in full."""
        order = self._order(request)
        return await self._read(
            request, fault, order, lambda: self.representations.order(_existing(order), _base(request))
        )

    async def capture(self, request: web.Request, fault: Fault | None) -> tuple[int, dict[str, Any]]:
        """Capture an approved order."""
        order, base, full = self._order(request), _base(request), _full(request)

        def effect() -> Shown:
            if order is None:
                raise _missing()
            approved = order
            planned = fault.mode if fault and fault.mode in OUTCOMES else order.outcome
            outcome = OUTCOMES.get(planned, "COMPLETED")
            reason = str(fault.options.get("reason", "")) if fault else ""
            self.send_capture_event(self.ledger.capture(approved, outcome, reason or control.REASONS.get(outcome)))
            return lambda: self.representations.order(approved, base, full=full)

        return await self._once(request, f"capture {request.match_info['order']}", fault, effect)

    def send_capture_event(self, capture: Capture) -> None:
        """Send the event of a capture's status; FAILED has none."""
        type = f"PAYMENT.CAPTURE.{capture.status}"
        if capture.status != "FAILED":
            resource = self.representations.capture_alone(capture, self.webhooks.base)
            self.webhooks.dispatch(self.webhooks.create_event(type, resource, capture.order.id))

    async def get_capture(self, request: web.Request, fault: Fault | None) -> tuple[int, dict[str, Any]]:
        """Get a capture."""
        capture = self.ledger.captures.get(request.match_info["capture"])
        base = _base(request)
        return await self._read(
            request, fault, capture, lambda: self.representations.capture_alone(_existing(capture), base)
        )

    async def refund(self, request: web.Request, fault: Fault | None) -> tuple[int, dict[str, Any]]:
        """Refund all or a part of a capture."""
        capture = self.ledger.captures.get(request.match_info["capture"])
        body = json.loads(await request.text() or "{}")
        base = _base(request)

        def effect() -> Shown:
            if capture is None:
                raise _missing()
            refund = self.ledger.refund(capture, body)
            resource = self.representations.refund(refund, self.webhooks.base)
            event = self.webhooks.create_event("PAYMENT.CAPTURE.REFUNDED", resource, capture.order.id)
            self.webhooks.dispatch(event)
            return lambda: self.representations.refund(refund, base)

        return await self._once(request, f"refund {request.match_info['capture']}", fault, effect)

    async def get_refund(self, request: web.Request, fault: Fault | None) -> tuple[int, dict[str, Any]]:
        """Get a refund."""
        refund: Refund | None = self.ledger.refunds.get(request.match_info["refund"])
        return await self._read(
            request, fault, refund, lambda: self.representations.refund(_existing(refund), _base(request))
        )

    async def verify(self, request: web.Request, fault: Fault | None) -> tuple[int, dict[str, Any]]:
        """Verify a webhook delivery: SUCCESS or FAILURE."""
        if early := await early_answer(request, fault):
            raise FaultAnswer(early)
        good = is_genuine(await request.text(), self.authority, self.webhooks.options.webhook_id)
        return 200, {"verification_status": "SUCCESS" if good else "FAILURE"}

    async def certificate(self, request: web.Request) -> web.StreamResponse:
        """Get a signing certificate and its intermediate as PEM; needs no token."""
        fault = self._fault(request, "cert", "")
        if early := await early_answer(request, fault):
            return early
        signer = self.authority.by_id(request.match_info["certificate"])
        if signer is None:
            return refusal(_missing())
        pem = signer.pem
        if fault and fault.mode == "leaf_only":
            end = b"-----END CERTIFICATE-----\n"
            pem = pem.partition(end)[0] + end
        if fault and fault.mode == "huge":
            pem += b"#" * int(fault.options.get("bytes", 8 * 1024 * 1024))
        return web.Response(body=pem, content_type="text/plain")

    async def checkout_page(self, request: web.Request) -> web.Response:
        """The payer's page of an order that waits for approval."""
        order = self.ledger.orders.get(request.query.get("token", ""))
        if order is None or order.status not in ("CREATED", "PAYER_ACTION_REQUIRED"):
            return checkout.closed(order)
        return checkout.approval(order)

    async def checkout_choice(self, request: web.Request) -> web.Response:
        """The button that the payer clicked; redirects to the shop."""
        form = await request.post()
        order = self.ledger.orders.get(str(form.get("token", "")))
        choice = str(form.get("choice", ""))
        if order is None or choice not in checkout.CHOICES or order.status not in ("CREATED", "PAYER_ACTION_REQUIRED"):
            return checkout.closed(order)
        if choice == "cancel":
            return checkout.leaving(order, approved=False)
        self.approve(order, choice)
        return checkout.leaving(order, approved=True)

    def approve(self, order: Order, outcome: str) -> None:
        """The payer approves; `outcome` is how the capture will end."""
        order.outcome = outcome
        order.move("APPROVED")
        resource = self.representations.order(order, self.webhooks.base)
        self.webhooks.dispatch(self.webhooks.create_event("CHECKOUT.ORDER.APPROVED", resource, order.id))


def _missing() -> Problem:
    return Problem(404, "INVALID_RESOURCE_ID", "Specified resource ID does not exist.")


def _base(request: web.Request) -> str:
    return f"http://{request.host}"


def _full(request: web.Request) -> bool:
    return "return=representation" in request.headers.get("Prefer", "")


def _existing[T](found: T | None) -> T:
    assert found is not None
    return found
