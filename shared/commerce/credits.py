"""Credits: what payments have bought, stored in the partition of the user who spends them.

Spending is part of the batch that creates what it pays for, and a grant is one batch with the change of the balance:

    balance = bought - returned - spent

A grant is named by the capture it comes from, so a capture is granted once however often it is reported. A refund takes
back the credits it had paid for even if they are spent; the balance is then below zero, which the next pack makes up
for, and an entry in the audit log is written first.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Final

from shared import audit, telemetry
from shared.commerce.documents import CREDITS_ID, CreditsDocument, GrantDocument, GrantId, credit_accounts, grants
from shared.documents import Operation, store
from shared.documents.fields import assign, increment, where
from shared.errors import BatchFailed, DocumentConflict, PreconditionFailed, Unavailable

WRITE_ATTEMPTS: Final = 20


def open_account(user_id: str) -> None:
    """Make sure that the user has a credits account."""
    if credit_accounts.find(CREDITS_ID, user_id) is None:
        with suppress(DocumentConflict):
            credit_accounts.create(CreditsDocument(user_id=user_id))


def get_balance(user_id: str) -> int:
    """Credits left; below zero after a refund of spent ones."""
    account = credit_accounts.find(CREDITS_ID, user_id)
    return account.balance if account else 0


def spend() -> Operation:
    """The write that spends one credit; fails its batch with `PreconditionFailed` if none is left."""
    left = (where(CreditsDocument.balance, ">=", 1),)
    return credit_accounts.change(
        CREDITS_ID, increment(CreditsDocument.balance, -1), increment(CreditsDocument.spent), where=left
    )


def restore() -> Operation:
    """The write that undoes `spend`."""
    return credit_accounts.change(CREDITS_ID, increment(CreditsDocument.balance), increment(CreditsDocument.spent, -1))


def update_grant(user_id: str, capture_id: str, *, bought: int, returned: int, payment_id: str) -> None:
    """Bring the grant of a capture, and the balance with it, to these totals.

    May be called repeatedly, late and concurrently: totals only grow towards the largest values given.

    Args:
        bought: credits of the pack.
        returned: credits that refunded money had bought, 0 to `bought`.

    Raises:
        Unavailable: too many concurrent writes; nothing is half done.
    """
    open_account(user_id)
    id = GrantId.of(capture_id)
    wanted = GrantDocument(
        id=id, user_id=user_id, payment_id=payment_id, capture_id=capture_id, bought=bought, returned=returned
    )
    overdraw = False
    for attempt in range(WRITE_ATTEMPTS):
        current = grants.find(id, user_id)
        if current is not None and returned <= current.returned:
            return
        batch = _creation(wanted) if current is None else _return(current, returned, overdraw=overdraw)
        try:
            store().batch(GrantDocument.container, user_id, batch)
        except BatchFailed as failure:
            if failure.index == 1 and isinstance(failure.cause, PreconditionFailed):
                _audit_overdraft(wanted)
                overdraw = True
            time.sleep(0.005 * attempt)
            continue
        telemetry.count("studio_credits", bought if current is None else 0, change="bought")
        return
    raise Unavailable("too many concurrent changes of the credits: try again")


def _creation(grant: GrantDocument) -> list[Operation]:
    gain = (
        increment(CreditsDocument.balance, grant.bought - grant.returned),
        increment(CreditsDocument.bought, grant.bought),
        increment(CreditsDocument.returned, grant.returned),
    )
    return [grants.creation(grant), credit_accounts.change(CREDITS_ID, *gain)]


def _return(grant: GrantDocument, returned: int, *, overdraw: bool) -> list[Operation]:
    more = returned - grant.returned
    unchanged = (where(GrantDocument.returned, "=", grant.returned),)
    enough = () if overdraw else (where(CreditsDocument.balance, ">=", more),)
    loss = (increment(CreditsDocument.balance, -more), increment(CreditsDocument.returned, more))
    return [
        grants.change(grant.id, assign(GrantDocument.returned, returned), where=unchanged),
        credit_accounts.change(CREDITS_ID, *loss, where=enough),
    ]


def _audit_overdraft(grant: GrantDocument) -> None:
    audit.record(
        grant.user_id,
        "CREDITS_OVERDRAWN",
        subject=grant.payment_id,
        id=f"overdrawn:{grant.capture_id}:{grant.returned}",
        captureId=grant.capture_id,
        returned=grant.returned,
    )
