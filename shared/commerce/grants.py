"""Grants: the credits that payments have bought, each one batch with the change of the balance.

A grant is named by the capture it comes from, so a capture is granted once however often it is reported. A refund takes
back the credits it had paid for even if they are spent; the balance is then below zero, which the next pack makes up
for, and an entry in the audit log is written first.
"""

from __future__ import annotations

import time
from typing import Final

from shared import telemetry
from shared.commerce import credits
from shared.commerce.documents import CREDITS_ID, CreditsDocument, credit_accounts
from shared.commerce.payment_documents import GrantDocument, GrantId, grants
from shared.documents import Operation, store
from shared.documents.fields import assign, increment, where
from shared.errors import BatchFailed, PreconditionFailed, Unavailable

WRITE_ATTEMPTS: Final = 20


def update_grant(user_id: str, capture_id: str, *, bought: int, returned: int, payment_id: str) -> None:
    """Bring the grant of a capture, and the balance with it, to these totals.

    May be called repeatedly, late and concurrently: totals only grow towards the largest values given.

    Args:
        bought: credits of the pack.
        returned: credits that refunded money had bought, 0 to `bought`.

    Raises:
        Unavailable: too many concurrent writes; nothing is half done.
    """
    credits.open_account(user_id)
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
    from shared import audit

    audit.record(
        grant.user_id,
        "CREDITS_OVERDRAWN",
        subject=grant.payment_id,
        id=f"overdrawn:{grant.capture_id}:{grant.returned}",
        captureId=grant.capture_id,
        returned=grant.returned,
    )
