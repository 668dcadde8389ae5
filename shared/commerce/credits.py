"""Credits: what payments have bought, beside the documents that spend it.

The account and its grants live in `studio`, in the user's partition, so that spending is part of the batch that
creates what it pays for, and a grant is one batch with the change of the balance:

    balance = bought - returned - spent

A grant is named by the capture it comes from, so a capture is granted once however often it is told of. A refund takes
back what it paid for even where that is spent already; the balance is then below zero, a debt the next pack pays, and
an entry in the audit log says so before it happens.
"""

from __future__ import annotations

import time
from contextlib import suppress

from shared import audit, telemetry
from shared.documents import Create, Operation, Patch, Where, store
from shared.errors import BatchFailed, DocumentConflict, PreconditionFailed, Unavailable

CONTAINER = "studio"
ACCOUNT = "credits"
TRIES = 20


def open_account(user_id: str) -> None:
    """Make sure that the user has a credits account."""
    if store().find(CONTAINER, ACCOUNT, user_id) is None:
        empty = {"balance": 0, "bought": 0, "returned": 0, "spent": 0}
        with suppress(DocumentConflict):
            store().create(CONTAINER, {"id": ACCOUNT, "userId": user_id, "type": "credits", **empty})


def balance(user_id: str) -> int:
    """Credits left; below zero after a refund of what was spent."""
    account = store().find(CONTAINER, ACCOUNT, user_id)
    return account["balance"] if account else 0


def take() -> Operation:
    """Spend one; fails the batch with `PreconditionFailed` when none is left."""
    return Patch(ACCOUNT, incr={"balance": -1, "spent": 1}, where=(Where("balance", ">=", 1),))


def give_back() -> Operation:
    """Undo `take`."""
    return Patch(ACCOUNT, incr={"balance": 1, "spent": -1})


def settle(user_id: str, capture_id: str, *, bought: int, returned: int, payment_id: str) -> None:
    """Bring the grant of a capture to what it has bought and what was taken back of it so far.

    May be called again, late, and by many at once: the grant only grows towards the largest values told.

    Args:
        bought: credits of the pack.
        returned: credits refunded money had bought, 0 to `bought`.

    Raises:
        Unavailable: too many others wrote at the same time; nothing is half done.
    """
    open_account(user_id)
    id = f"grant:{capture_id}"
    overdraw = False
    for attempt in range(TRIES):
        grant = store().find(CONTAINER, id, user_id)
        if grant is None:
            gain = {"balance": bought - returned, "bought": bought, "returned": returned}
            record = {"id": id, "userId": user_id, "type": "grant", "paymentId": payment_id, "captureId": capture_id}
            batch: list[Operation] = [
                Create({**record, "bought": bought, "returned": returned}),
                Patch(ACCOUNT, incr=gain),
            ]
        else:
            more = returned - grant["returned"]
            if more <= 0:
                return
            enough = () if overdraw else (Where("balance", ">=", more),)
            batch = [
                Patch(id, set={"returned": returned}, where=(Where("returned", "=", grant["returned"]),)),
                Patch(ACCOUNT, incr={"balance": -more, "returned": more}, where=enough),
            ]
        try:
            store().batch(CONTAINER, user_id, batch)
        except BatchFailed as failure:
            if failure.index == 1 and isinstance(failure.cause, PreconditionFailed):
                audit.record(
                    user_id,
                    "CREDITS_OVERDRAWN",
                    subject=payment_id,
                    id=f"overdrawn:{capture_id}:{returned}",
                    captureId=capture_id,
                    returned=returned,
                )
                overdraw = True
            time.sleep(0.005 * attempt)
            continue
        telemetry.count("studio_credits", bought if grant is None else 0, change="bought")
        return
    raise Unavailable("the credits are being changed by many at once: try again")
