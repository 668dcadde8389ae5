"""Credits: what payments have bought, stored in the partition of the user who spends them.

Spending is part of the batch that creates what it pays for: `balance = bought - returned - spent`. What a payment has
bought is added by `shared.commerce.grants`.
"""

from __future__ import annotations

from contextlib import suppress

from shared.commerce.documents import CREDITS_ID, CreditsDocument, credit_accounts
from shared.documents import Operation
from shared.documents.fields import increment, where
from shared.errors import DocumentConflict


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
