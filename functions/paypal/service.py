"""Buying credits: orders, captures, receipts, refunds."""

from __future__ import annotations

from functions.paypal.models import Order, OrderRequest, Pack, PackList, Payment, PaymentList, RefundRequest
from shared import audit, clock, telemetry
from shared.commerce import alerts, capture, credits, payment_store, paypal
from shared.commerce.alerts import AlertKind
from shared.commerce.packs import CREDIT_PACKS, CreditPack
from shared.commerce.payment_documents import PaymentDocument, PaymentId, PaymentStatus, StatusChange, payments
from shared.commerce.payment_state import observe
from shared.commerce.paypal import PayPal, PayPalRefusedError, PayPalUnavailableError
from shared.commerce.paypal_errors import PROVIDER, Way
from shared.commerce.paypal_models import (
    Amount,
    ExperienceContext,
    NewOrder,
    NewPurchaseUnit,
    NewRefund,
    PaymentSource,
    PayPalWallet,
)
from shared.commerce.reconciliation import reconcile
from shared.documents.fields import assign
from shared.errors import (
    BadRequest,
    Conflict,
    DocumentConflict,
    NotFound,
    OperatorActionNeeded,
    StudioError,
    Unprocessable,
)
from shared.http.auth import Principal
from shared.http.page_query import PageQuery
from shared.http.pages import list_latest
from shared.notifications.settings import notification_settings
from shared.provider_errors import Blame


def list_packs() -> PackList:
    """The packs on sale."""
    return PackList(items=[_pack(id, pack) for id, pack in CREDIT_PACKS.items()])


def _pack(id: str, pack: CreditPack) -> Pack:
    return Pack(
        id=id,
        credits=pack.credits,
        price=Amount.of(pack.price_minor, pack.currency).value,
        price_minor=pack.price_minor,
        currency=pack.currency,
    )


def create_order(user: Principal, id: str, wanted: OrderRequest, request_id: str) -> Order:
    """Create an order for a pack at PayPal.

    Args:
        id: id of the payment; the same id again gives the same order.

    Raises:
        Unprocessable: there is no such pack.
        Forbidden: `email_unconfirmed`.
        UpstreamError: PayPal can't be reached or refuses us; the same request may be sent again.
    """
    pack = CREDIT_PACKS.get(wanted.pack)
    if pack is None:
        known = ", ".join(CREDIT_PACKS)
        raise Unprocessable(f"there is no such pack; there are {known}", code="unknown_pack", field="pack")
    user.require_confirmed()
    client = paypal.client()
    payment = new_payment(id, user.user_id, wanted.pack, pack, request_id)
    try:
        payment = payments.create(payment)
    except DocumentConflict:
        payment = payments.get(payment.id, user.user_id)
    order_id, approval_url = payment.order_id, payment.approval_url
    if order_id is None or approval_url is None:
        order_id, approval_url = _create_at_paypal(client, payment)
    audit.record(user.user_id, "PAYMENT_ORDERED", subject=payment.id, orderId=order_id)
    telemetry.count("studio_paypal_orders", pack=wanted.pack)
    return Order(id=order_id, approval_url=approval_url)


def new_payment(id: str, user_id: str, pack_id: str, pack: CreditPack, request_id: str | None) -> PaymentDocument:
    """The document of a payment that PayPal does not know yet."""
    at = clock.iso()
    return PaymentDocument(
        id=PaymentId.of(id),
        user_id=user_id,
        pack=pack_id,
        credits=pack.credits,
        amount_minor=pack.price_minor,
        currency=pack.currency,
        history=[StatusChange(at=at, status=PaymentStatus.CREATED, source="order")],
        request_id=request_id,
        created_at=at,
        updated_at=at,
    )


def _create_at_paypal(client: PayPal, payment: PaymentDocument) -> tuple[str, str]:
    """Create a payment's order; (id of the order, URL of the approval page)."""
    price = Amount.of(payment.amount_minor, payment.currency)
    key = paypal.request_id(f"create:{payment.id}:{price.value}{price.currency_code}")
    try:
        with paypal.guarded():
            order = client.create_order(_new_order(payment, price), key)
    except PayPalRefusedError as refused:
        raise _creation_error(payment, refused) from None
    if order.approval_url is None:
        raise PayPalUnavailableError("PayPal made an order without a way to approve it")
    attached = assign(PaymentDocument.order_id, order.id)
    observe(payment.with_changes(attached), order)
    payments.patch(
        payment.id,
        payment.user_id,
        attached,
        assign(PaymentDocument.approval_url, order.approval_url),
        assign(PaymentDocument.updated_at, clock.iso()),
    )
    return order.id, order.approval_url


def _creation_error(payment: PaymentDocument, refused: PayPalRefusedError) -> StudioError:
    """Why an order could not be created: the request is ours, so an issue of it is, too, unless nothing is known."""
    issue = refused.issue
    if refused.http_status == 409 or issue.blame is Blame.TRANSIENT:
        telemetry.log("paypal.order_refused", level="warning", issue=refused.name, status=refused.http_status)
        return PayPalUnavailableError("PayPal did not accept the order: try again")
    if issue.blame is Blame.USER:
        return Conflict(issue.message, code=issue.code, details={"next": Way.NEW_ORDER})
    alerts.raise_alert(AlertKind.REFUSED, alerts.key_of(payment), payment.user_id, payment.id)
    return OperatorActionNeeded(PROVIDER, refused.name)


def _new_order(payment: PaymentDocument, price: Amount) -> NewOrder:
    app_url = notification_settings().app_url.rstrip("/")
    unit = NewPurchaseUnit(
        reference_id="credits",
        custom_id=payment.id,
        invoice_id=payment.id.public,
        description=f"{payment.credits} credits for AI Fashion Studio",
        amount=price,
    )
    context = ExperienceContext(
        brand_name="AI Fashion Studio",
        return_url=f"{app_url}/credits?paypal=approved",
        cancel_url=f"{app_url}/credits?paypal=cancelled",
    )
    source = PaymentSource(paypal=PayPalWallet(experience_context=context))
    return NewOrder(purchase_units=[unit], payment_source=source)


def capture_order(user: Principal, order_id: str) -> Payment:
    """Take the money of an approved order; the receipt, or a payment that is still `processing`.

    Raises:
        NotFound: it is not an order of the user.
        Conflict, UpstreamError: as `capture.capture` raises them.
    """
    payment = payment_store.get_by_order(user.user_id, order_id)
    captured = capture.capture(payment, "capture")
    if captured.status is not payment.status:
        audit.record(user.user_id, "PAYMENT_CAPTURED", subject=captured.id, orderId=order_id, status=captured.status)
    return payment_answer(captured)


def get_order(user: Principal, order_id: str) -> Payment:
    """The payment of an order. Raises NotFound, also for an order of another user."""
    return payment_answer(payment_store.get_by_order(user.user_id, order_id))


def list_payments(user: Principal, query: PageQuery) -> PaymentList:
    """The user's payments, latest first, and their credits."""
    page = list_latest(payments, query, partition=user.user_id, by=PaymentDocument.created_at)
    return PaymentList(
        items=[payment_answer(payment) for payment in page.items],
        credits=credits.get_balance(user.user_id),
        continuation=page.continuation,
    )


def refund_capture(admin: Principal, capture_id: str, wanted: RefundRequest, key: str | None) -> Payment:
    """Give money back for a capture, and take the credits it had bought.

    Args:
        key: the caller's `Idempotency-Key`; PayPal refunds once for it, even if the first answer was lost.

    Raises:
        BadRequest: without a key.
        NotFound: there is no such capture.
        Conflict: nothing, or less than asked for, is left to give back.
    """
    if not key:
        raise BadRequest(
            "send an Idempotency-Key with a refund", code="idempotency_key_required", field="Idempotency-Key"
        )
    payment = payment_store.find_by(PaymentDocument.capture_id, capture_id)
    if payment is None:
        raise NotFound("there is no such capture", code="capture_not_found")
    if not payment.status.is_captured:
        raise Conflict(f"the payment is {payment.status}; nothing was captured", code="not_refundable")
    minor = wanted.amount_minor
    refund = NewRefund(
        amount=None if minor is None else Amount.of(minor, payment.currency), note_to_payer=wanted.note or None
    )
    audit.record(admin.user_id, "REFUND_REQUESTED", subject=payment.id, captureId=capture_id, minor=minor)
    try:
        with paypal.guarded():
            paypal.client().refund_capture(capture_id, refund, paypal.request_id(f"refund:{capture_id}:{key}"))
    except PayPalRefusedError as refused:
        issue = refused.issue
        if issue.blame is Blame.OPERATOR:
            raise OperatorActionNeeded(PROVIDER, refused.name) from None
        if issue.blame is not Blame.USER:
            raise
        reconcile(payment, "refund")
        raise Conflict(issue.message, code=issue.code) from None
    return payment_answer(reconcile(payment, "refund"))


def payment_answer(payment: PaymentDocument) -> Payment:
    """A payment as its owner sees it."""
    return Payment.of(
        payment,
        processing=payment.is_processing,
        amount=Amount.of(payment.amount_minor, payment.currency).value,
        credits_granted=payment.granted - payment.returned,
        approval_url=payment.approval_url if payment.is_payable else None,
    )
