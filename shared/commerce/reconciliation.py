"""Reconciling payments: ask PayPal, compare, change the payment's document, then the credits.

The client's return, a webhook event and the sweeper all end here, and may run at the same time: every write is
conditional on the version it was made from, and a payment only moves up. A crash leaves `due_at` behind, by which the
sweeper finds what is unfinished.
"""

from __future__ import annotations

from typing import Final

from shared import audit, clock
from shared.commerce import alerts, grants, payment_store, paypal
from shared.commerce.alerts import AlertKind
from shared.commerce.payment_documents import DisputeStatus, PaymentDocument, PaymentStatus
from shared.commerce.payment_state import PayPalState, credits_due, observe, transition
from shared.commerce.paypal import PaymentMismatchError, PayPalRefusedError
from shared.documents.fields import Assign, assign
from shared.jobs.settings import job_settings

RECHECK_CAP_S: Final = 3600
RECHECK_PENDING_S: Final = 6 * 3600
"""An event reports how a pending capture ended; in case it never comes, the sweeper asks this often."""

CAPTURE_RELEASED: Final = (
    assign(PaymentDocument.capture_requested, False),
    assign(PaymentDocument.capture_unknown, False),
    assign(PaymentDocument.claim_until, None),
)
"""The changes that end the work on a capture."""


def reconcile(payment: PaymentDocument, source: str, *, event: str | None = None) -> PaymentDocument:
    """Bring a payment to the state that PayPal has.

    Args:
        source: who asks, for the history: `capture`, `sweep`, or the type of an event.
        event: type of the event behind it, see `payment_state.observe`.

    Raises:
        PayPalUnavailableError: PayPal gave no usable answer; nothing changed.
        PaymentMismatchError: PayPal's order is not ours; administrators are notified, nothing else changed.
    """
    try:
        state = observe(payment, paypal.client().get_order(payment_store.order_id_of(payment)), event)
    except PayPalRefusedError as refused:
        if not refused.is_missing:
            raise
        state = PayPalState(PaymentStatus.VOIDED)
    except PaymentMismatchError as mismatch:
        alert = assign(PaymentDocument.alert, mismatch.message)
        payment_store.update(payment, lambda current: [alert, *postponed(current)])
        alerts.raise_alert(AlertKind.MISMATCH, alerts.key_of(payment), payment.user_id, payment.id)
        raise
    return apply_state(payment, state, source)


def apply_state(payment: PaymentDocument, state: PayPalState, source: str) -> PaymentDocument:
    """Store the state that PayPal has, then bring the credits in line with it."""

    def changes(current: PaymentDocument) -> list[Assign]:
        made = [*transition(current, state, source), assign(PaymentDocument.alert, None)]
        if state.status.ordinal > current.status.ordinal:
            made.append(assign(PaymentDocument.tries, 0))
        if state.status.ordinal >= PaymentStatus.CAPTURE_PENDING.ordinal:
            made += [*CAPTURE_RELEASED, assign(PaymentDocument.refusal, None)]
        elif state.status is PaymentStatus.CREATED and current.capture_requested and not is_claimed(current):
            made += [
                assign(PaymentDocument.capture_requested, False),
                assign(PaymentDocument.capture_unknown, False),
            ]
        after = current.with_changes(*made)
        # The sweeper has to come back, too, if the credits are not written.
        due_at = _next_recheck(after) if _is_credited(after) else clock.now() + job_settings().job_grace_s
        return [*made, assign(PaymentDocument.due_at, due_at)]

    return _update_credits(payment_store.update(payment, changes))


def is_claimed(payment: PaymentDocument) -> bool:
    """Whether a caller is working on the capture."""
    return (payment.claim_until or 0) > clock.now()


def postponed(payment: PaymentDocument) -> list[Assign]:
    """The changes that let the sweeper look again later: doubling waits, at most an hour."""
    wait = min(RECHECK_CAP_S, job_settings().job_grace_s * 2 ** min(payment.tries, 12))
    return [assign(PaymentDocument.due_at, clock.now() + wait), assign(PaymentDocument.tries, payment.tries + 1)]


def _next_recheck(payment: PaymentDocument) -> float | None:
    if payment.status is PaymentStatus.CAPTURE_PENDING:
        return clock.now() + RECHECK_PENDING_S
    return payment.due_at if payment.capture_requested else None


def _is_credited(payment: PaymentDocument) -> bool:
    return credits_due(payment) == (payment.granted, payment.returned)


def _update_credits(payment: PaymentDocument) -> PaymentDocument:
    if _is_credited(payment):
        return payment
    bought, returned = credits_due(payment)
    capture_id = payment.capture_id or ""
    grants.update_grant(payment.user_id, capture_id, bought=bought, returned=returned, payment_id=payment.id)
    audit.record(
        payment.user_id,
        "PAYMENT_SETTLED",
        subject=payment.id,
        id=f"settled:{payment.id}:{payment.status}:{returned}",
        captureId=payment.capture_id,
        credits=bought,
        returned=returned,
    )

    def changes(current: PaymentDocument) -> list[Assign]:
        made = [
            assign(PaymentDocument.granted, bought),
            assign(PaymentDocument.returned, max(returned, current.returned)),
        ]
        if _is_credited(current.with_changes(*made)):
            made.append(assign(PaymentDocument.due_at, _next_recheck(current)))
        return made

    return payment_store.update(payment, changes)


def record_dispute(payment: PaymentDocument, dispute_id: str, status: DisputeStatus) -> PaymentDocument:
    """Store the state of a dispute; RESOLVED is final."""

    def changes(current: PaymentDocument) -> list[Assign]:
        if current.disputes.get(dispute_id) is DisputeStatus.RESOLVED:
            return []
        return [assign(PaymentDocument.disputes, {**current.disputes, dispute_id: status})]

    return payment_store.update(payment, changes)


def attach_order(payment: PaymentDocument, order_id: str) -> PaymentDocument:
    """Give a payment the order that PayPal made for it, if a crash came before its id was stored."""
    attached = assign(PaymentDocument.order_id, order_id)
    return payment_store.update(payment, lambda current: [attached] if current.order_id is None else [])
