"""Payments in the store: looking them up, and changing one under concurrent writes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from shared import clock
from shared.commerce.payment_documents import PaymentDocument, payments
from shared.documents.fields import Assign, assign, where
from shared.errors import NotFound, PreconditionFailed, Unavailable

WRITE_ATTEMPTS: Final = 50


def get_by_order(user_id: str, order_id: str) -> PaymentDocument:
    """The user's payment of a PayPal order. Raises NotFound, also for an order of another user."""
    found = payments.list(where(PaymentDocument.order_id, "=", order_id), partition=user_id, limit=1).items
    if not found:
        raise NotFound("there is no such order", code="order_not_found")
    return found[0]


def find_by(field: str | None, value: str) -> PaymentDocument | None:
    """The payment whose `id` or `capture_id` has a value, in all partitions: PayPal does not know our users."""
    found = payments.list(where(field, "=", value), limit=1).items
    return found[0] if found else None


def order_id_of(payment: PaymentDocument) -> str:
    """PayPal's id of a payment's order. Raises NotFound: the order was not created."""
    if payment.order_id is None:
        raise NotFound("the payment has no order at PayPal", code="order_not_found")
    return payment.order_id


def update(payment: PaymentDocument, changes: Callable[[PaymentDocument], Sequence[Assign]]) -> PaymentDocument:
    """Write the changes that `changes` makes of the newest version, on exactly that version; nothing if it makes none.

    Raises:
        Unavailable: too many concurrent writes; nothing was written.
    """
    current = payment
    for attempt in range(WRITE_ATTEMPTS):
        changed = current.with_changes(*changes(current))
        if changed == current:
            return current
        try:
            dated = changed.with_changes(assign(PaymentDocument.updated_at, clock.iso()))
            return payments.replace(dated, etag=current.etag)
        except PreconditionFailed:
            time.sleep(0.002 * attempt)
            current = payments.get(payment.id, payment.user_id)
    raise busy_error()


def busy_error() -> Unavailable:
    """The error for a payment that others keep changing."""
    return Unavailable("too many concurrent changes of the payment: try again")
