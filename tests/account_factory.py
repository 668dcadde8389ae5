"""Accounts put into the store without a registration."""

from __future__ import annotations

from typing import Any

from shared import clock
from shared.accounts import email
from shared.accounts.address_documents import EmailPointer, EmailPointerId, email_pointers
from shared.accounts.documents import AccountDocument, Role, accounts


def new_account(id: str, role: str = "shopper", **fields: Any) -> AccountDocument:
    """An account that is not stored; `fields` by their Python names."""
    address = fields.pop("email", f"{id}@example.com")
    at = clock.iso()
    known = {"email_hash": email.hash_of(address), "password_hash": "none", "created_at": at, "updated_at": at}
    return AccountDocument(id=id, email=address, role=Role(role), **known | fields)


def add_account(id: str | None = None, role: str = "shopper", **fields: Any) -> AccountDocument:
    """Store an account, without a pointer from its e-mail address."""
    return accounts.create(new_account(id or clock.new_id(), role, **fields))


def add_pointer(account: AccountDocument) -> None:
    """Store the pointer from the account's e-mail address to it."""
    pointer = EmailPointer(id=EmailPointerId.of(account.email_hash), user_id=account.id, created_at=clock.iso())
    email_pointers.create(pointer)
