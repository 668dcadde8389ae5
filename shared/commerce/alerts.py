"""What an administrator has to know of a payment: logged, audited, and sent to every administrator, once."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from shared import audit, telemetry
from shared.commerce.payment_documents import PaymentDocument
from shared.notifications.admins import notify_admins


class AlertKind(StrEnum):
    """What an alert is about."""

    MISMATCH = "mismatch"
    """PayPal's order is not the one that was made."""
    REVERSED = "reversed"
    """A payment was reversed."""
    DISPUTE = "dispute"
    """A buyer opened or closed a dispute."""
    REFUSED = "refused"
    """PayPal refuses a request for a reason that is ours."""
    REBOUND = "rebound"
    """A webhook transmission came a second time with another body."""


ABOUT: Final[Mapping[AlertKind, str]] = {
    AlertKind.MISMATCH: "PayPal's order is not the one that was made",
    AlertKind.REVERSED: "a payment was reversed and its credits were taken back",
    AlertKind.DISPUTE: "a buyer opened or closed a dispute",
    AlertKind.REFUSED: "PayPal refuses what we ask of it",
    AlertKind.REBOUND: "a webhook delivery came with another body than before",
}


def key_of(payment: PaymentDocument) -> str:
    """The key of an alert that a payment can have once."""
    return payment.id.replace(":", "-")


def raise_alert(kind: AlertKind, key: str, user_id: str, subject: str) -> None:
    """Alert the administrators, once for each kind and key.

    Args:
        key: what makes it unique; of the characters an id may have.
        user_id: whom it concerns, or `system`.
        subject: id of the payment, or of what it is about instead.
    """
    telemetry.log("payment.alert", level="error", kind=kind, subject=subject)
    audit.record(user_id, "PAYMENT_ALERT", subject=subject, id=f"alert:{kind}:{key}", kind=kind)
    notify_admins("payment.alert", f"payment-{kind}-{key}", {"subject": subject, "about": ABOUT[kind]})
