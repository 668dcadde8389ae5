"""Account documents: one per user, one user per e-mail address.

The address is made unique by a pointer document, `email:<sha256>`, written before the account and naming the id the
account will have. Creating the account under that id decides who owns the address: a registration that died in between
left a pointer to nobody, and the next one simply creates the account it points to. Whoever deletes an account must
delete its pointer first, or its id would come back to life with the address.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from shared import clock
from shared.documents import Document, store
from shared.errors import Conflict, DocumentConflict, PreconditionFailed, Unprocessable
from shared.http import auth

CONTAINER = "accounts"
RACES = 10


def normalise(email: str) -> str:
    """An e-mail address in the one spelling we keep: Unicode and domain normalised, lower case.

    Raises:
        Unprocessable: it is none.
    """
    from email_validator import EmailNotValidError, validate_email

    try:
        return validate_email(email, check_deliverability=False).normalized.lower()
    except EmailNotValidError as error:
        raise Unprocessable(f"not an e-mail address: {error}", code="invalid_email", field="email") from None


def email_hash(email: str) -> str:
    """SHA-256 of a normalised address, in hex: its name wherever the address itself must not stand."""
    return hashlib.sha256(email.encode()).hexdigest()


def by_email(digest: str) -> Document | None:
    """The account with an address of that hash; two reads either way, so that time tells nothing."""
    id = _pointer_id(digest)
    pointer = store().find(CONTAINER, id, id)
    user_id = pointer["userId"] if pointer else digest
    account = store().find(CONTAINER, user_id, user_id)
    return account if account is not None and account["emailHash"] == digest else None


def create(
    new_id: str,
    email: str,
    password_hash: str,
    role: str,
    *,
    display_name: str | None = None,
    phone: str | None = None,
) -> Document:
    """Make an account.

    Args:
        new_id: the id it gets, unless a registration that died has already given the address one.
        email: normalised.

    Raises:
        Conflict: `email_taken`.
    """
    digest = email_hash(email)
    at = clock.iso()
    user_id = _claim(digest, new_id)
    account: dict[str, Any] = {
        "id": user_id,
        "type": "account",
        "email": email,
        "emailHash": digest,
        "displayName": display_name,
        "phone": phone,
        "language": None,
        "role": role,
        "shop": auth.DEFAULT_SHOP,
        "passwordHash": password_hash,
        "tokenVersion": 1,
        "disabled": False,
        "revoked": [],
        "createdAt": at,
        "updatedAt": at,
    }
    try:
        return store().create(CONTAINER, account)
    except DocumentConflict:
        raise taken() from None


def change(user_id: str, alter: Callable[[Document], None]) -> Document:
    """Read, alter and replace an account until nobody else changed it meanwhile; this process forgets the old one.

    Raises:
        DocumentNotFound: there is none.
        Conflict: others keep changing it; retryable.
    """
    for _ in range(RACES):
        account = store().read(CONTAINER, user_id, user_id)
        etag = account.etag
        alter(account)
        account["updatedAt"] = clock.iso()
        try:
            changed = store().replace(CONTAINER, account, etag=etag)
        except PreconditionFailed:
            continue
        auth.accounts.forget(user_id)
        return changed
    raise busy()


def taken() -> Conflict:
    """The answer to registering an address twice."""
    return Conflict("there is an account with this e-mail address: sign in", code="email_taken", field="email")


def busy() -> Conflict:
    """The answer when somebody else changes the account at the same time."""
    return Conflict("the account is being changed elsewhere: try again", code="account_busy", retryable=True)


def _claim(digest: str, new_id: str) -> str:
    """Point the address to `new_id`, or return the id it points to already."""
    id = _pointer_id(digest)
    try:
        store().create(CONTAINER, {"id": id, "type": "email", "userId": new_id, "createdAt": clock.iso()})
        return new_id
    except DocumentConflict:
        return store().read(CONTAINER, id, id)["userId"]


def _pointer_id(digest: str) -> str:
    return f"email:{digest}"
