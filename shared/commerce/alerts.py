"""What an administrator has to know of a payment: logged, audited, and told to every administrator, once."""

from __future__ import annotations

from shared import audit, notifications, telemetry
from shared.accounts.documents import AccountDocument, Role, accounts
from shared.documents import store
from shared.documents.fields import where
from shared.errors import BatchFailed, DocumentConflict
from shared.jobs import protocol

ABOUT = {
    "mismatch": "PayPal's order is not the one that was made",
    "reversed": "a payment was reversed and its credits were taken back",
    "dispute": "a buyer opened or closed a dispute",
    "refused": "PayPal refuses what we ask of it",
    "rebound": "a webhook delivery came with another body than before",
}


def tell(kind: str, key: str, user_id: str, subject: str) -> None:
    """Tell of something, once for each key.

    Args:
        kind: one of ABOUT.
        key: what makes it unique; of the characters an id may have.
        user_id: whom it concerns, or `system`.
        subject: id of the payment, or of what stands for it.
    """
    telemetry.log("payment.alert", level="error", kind=kind, subject=subject)
    audit.record(user_id, "PAYMENT_ALERT", subject=subject, id=f"alert:{kind}:{key}", kind=kind)
    admins = accounts.list(where(AccountDocument.role, "=", Role.ADMIN), limit=50).items
    for admin in admins:
        news = notifications.announce(
            admin.id,
            "payment.alert",
            f"payment-{kind}-{key}",
            {"subject": subject, "about": ABOUT[kind]},
            request_id=None,
        )
        try:
            store().batch(protocol.CONTAINER, admin.id, news)
        except BatchFailed as failure:
            if not isinstance(failure.cause, DocumentConflict):
                raise
            continue
        protocol.enqueue_created(news)
