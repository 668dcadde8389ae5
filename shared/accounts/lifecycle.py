"""Create, find, update, close and delete accounts; one account per e-mail address.

The address is made unique by a pointer document, `email:<sha256>`, written before the account and naming the id that
the account will have. Creating the account under that id decides who owns the address: after a registration that died
in between, the pointer names an account that does not exist, and the next registration creates it. So an account's
pointer must be deleted before the account; otherwise registering the address again would reuse the id.

Where addresses are confirmed, a registration reserves nothing: any number of accounts may name an address, and the
first that confirms it gets the pointer. So a registration reveals nothing, and a stranger can't keep an address.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final

from shared import clock
from shared.accounts import email
from shared.accounts.address_documents import (
    EmailPointer,
    EmailPointerId,
    PendingPointer,
    PendingPointerId,
    email_pointers,
    pending_pointers,
)
from shared.accounts.cache import account_cache
from shared.accounts.documents import DEFAULT_SHOP, AccountDocument, Role, accounts
from shared.documents.fields import Change, assign, increment, where
from shared.errors import Conflict, DocumentConflict, DocumentNotFound, PreconditionFailed

MAX_UPDATE_ATTEMPTS: Final = 10


def find_account_by_email(email_hash: str) -> AccountDocument | None:
    """The account with an address of that hash. Takes two reads whether it exists or not, so that timing reveals
    nothing."""
    id = EmailPointerId.of(email_hash)
    pointer = email_pointers.find(id, id)
    user_id = pointer.user_id if pointer else email_hash
    account = accounts.find(user_id, user_id)
    return account if account is not None and account.email_hash == email_hash else None


def create_account(
    new_id: str,
    address: str,
    password_hash: str,
    role: Role,
    *,
    display_name: str | None = None,
    phone: str | None = None,
    phone_confirmed: bool = False,
    shop: str = DEFAULT_SHOP,
    requested_role: Role | None = None,
) -> AccountDocument:
    """Create an account that owns its address.

    Args:
        new_id: its id, unless a registration that died has reserved the address under another one.
        address: normalised e-mail address.
        phone_confirmed: whether it is known that the phone number is the owner's.
        requested_role: seller role that the owner asks for.

    Raises:
        Conflict: `email_taken`.
    """
    at = clock.iso()
    email_hash = email.hash_of(address)
    account = AccountDocument(
        id=_reserve_email(email_hash, new_id),
        email=address,
        email_hash=email_hash,
        display_name=display_name,
        phone=phone,
        phone_confirmed=phone_confirmed,
        role=role,
        shop=shop,
        requested_role=requested_role,
        password_hash=password_hash,
        created_at=at,
        updated_at=at,
    )
    try:
        return accounts.create(account)
    except DocumentConflict:
        raise email_taken_error() from None


def create_unconfirmed_account(
    new_id: str,
    address: str,
    password_hash: str,
    *,
    display_name: str | None = None,
    phone: str | None = None,
    requested_role: Role | None = None,
) -> AccountDocument:
    """Create an account for an address that its owner has yet to confirm, whether or not it has an account.

    Args:
        address: normalised e-mail address.
    """
    at = clock.iso()
    email_hash = email.hash_of(address)
    account = accounts.create(
        AccountDocument(
            id=new_id,
            email=address,
            email_hash=email_hash,
            email_confirmed=False,
            display_name=display_name,
            phone=phone,
            role=Role.SHOPPER,
            requested_role=requested_role,
            password_hash=password_hash,
            created_at=at,
            updated_at=at,
        )
    )
    pending_pointers.upsert(PendingPointer(id=PendingPointerId.of(email_hash), user_id=new_id, created_at=at))
    return account


def find_unconfirmed_account(email_hash: str) -> AccountDocument | None:
    """The account that was registered last with an address of that hash and has not confirmed it. Two reads, always."""
    id = PendingPointerId.of(email_hash)
    pointer = pending_pointers.find(id, id)
    user_id = pointer.user_id if pointer else email_hash
    account = accounts.find(user_id, user_id)
    return account if account and account.email_hash == email_hash and not account.email_confirmed else None


def confirm_email(
    user_id: str, address: str, check: Callable[[AccountDocument], None] = lambda _: None
) -> AccountDocument:
    """Make a confirmed address the account's own; may be repeated after a crash.

    Args:
        check: raises if this version of the account is not to get the address: called before anything is written, and
            again with the version that is changed.

    Raises:
        Conflict: `email_taken`: another account has confirmed it before.
        DocumentNotFound: there is no such account.
    """
    email_hash = email.hash_of(address)
    check(accounts.get(user_id, user_id))
    _claim_email(email_hash, user_id)
    former: list[str] = []

    def confirm(account: AccountDocument) -> list[Change]:
        check(account)
        former[:] = [account.email_hash]
        return [
            assign(AccountDocument.email, address),
            assign(AccountDocument.email_hash, email_hash),
            assign(AccountDocument.email_confirmed, True),
        ]

    account = update_account(user_id, confirm)
    if former[0] != email_hash:
        _release_email(former[0], user_id)
    return account


def _claim_email(email_hash: str, user_id: str) -> None:
    """Point an address to an account, unless another one has confirmed it."""
    id = EmailPointerId.of(email_hash)
    for _ in range(MAX_UPDATE_ATTEMPTS):
        pointer = email_pointers.find(id, id)
        claimed = EmailPointer(id=id, user_id=user_id, created_at=clock.iso())
        try:
            if pointer is None:
                email_pointers.create(claimed)
                return
            if pointer.user_id == user_id:
                return
            owner = accounts.find(pointer.user_id, pointer.user_id)
            if owner is not None and owner.email_hash == email_hash and owner.email_confirmed:
                raise email_taken_error()
            email_pointers.replace(claimed, etag=pointer.etag)
            return
        except (DocumentConflict, PreconditionFailed, DocumentNotFound):
            continue
    raise account_busy_error()


def _release_email(email_hash: str, user_id: str) -> None:
    id = EmailPointerId.of(email_hash)
    pointer = email_pointers.find(id, id)
    if pointer is not None and pointer.user_id == user_id:
        with suppress(DocumentNotFound, PreconditionFailed):
            email_pointers.delete(id, id, etag=pointer.etag)


def update_account(user_id: str, changes_of: Callable[[AccountDocument], Iterable[Change]]) -> AccountDocument:
    """Make the changes that `changes_of` derives from the account's current version; invalidates the cached account.

    Args:
        changes_of: called with each version that is tried; at most 9 changes.

    Raises:
        DocumentNotFound: there is no such account.
        Conflict: `account_busy`: it was changed elsewhere during every attempt; retryable.
    """
    for _ in range(MAX_UPDATE_ATTEMPTS):
        account = accounts.get(user_id, user_id)
        changes = (*changes_of(account), assign(AccountDocument.updated_at, clock.iso()))
        try:
            updated = accounts.patch(user_id, user_id, *changes, etag=account.etag)
        except PreconditionFailed:
            continue
        account_cache.invalidate(user_id)
        return updated
    raise account_busy_error()


def close_account(user_id: str) -> AccountDocument | None:
    """Disable an account whose deletion has begun; the account, or None if it is already deleted.

    Other processes may accept a token for `ACCOUNT_CACHE_S` seconds after `closed_at`.
    """
    with suppress(PreconditionFailed, DocumentNotFound):
        accounts.patch(
            user_id,
            user_id,
            assign(AccountDocument.disabled, True),
            assign(AccountDocument.closed_at, clock.now()),
            assign(AccountDocument.updated_at, clock.iso()),
            increment(AccountDocument.token_version),
            increment(AccountDocument.connection_version),
            where=(where(AccountDocument.closed_at, "exists", False),),
        )
    account_cache.invalidate(user_id)
    return accounts.find(user_id, user_id)


def delete_account(account: AccountDocument) -> None:
    """Delete a closed account and its e-mail pointer, the pointer first.

    The pointer is left if it names another account: the address may have been registered again meanwhile.
    """
    _release_email(account.email_hash, account.id)
    pending_id = PendingPointerId.of(account.email_hash)
    pending = pending_pointers.find(pending_id, pending_id)
    if pending is not None and pending.user_id == account.id:
        with suppress(DocumentNotFound, PreconditionFailed):
            pending_pointers.delete(pending_id, pending_id, etag=pending.etag)
    with suppress(DocumentNotFound):
        accounts.delete(account.id, account.id)
    account_cache.invalidate(account.id)


def email_taken_error() -> Conflict:
    """The error for registering an address that has an account."""
    return Conflict("there is an account with this e-mail address: sign in", code="email_taken", field="email")


def account_busy_error() -> Conflict:
    """The error for an account that is changed elsewhere at the same time."""
    return Conflict("the account is being changed elsewhere: try again", code="account_busy", retryable=True)


def _reserve_email(email_hash: str, new_id: str) -> str:
    """Point the address to `new_id`; returns the id it points to already if it does."""
    id = EmailPointerId.of(email_hash)
    try:
        return email_pointers.create(EmailPointer(id=id, user_id=new_id, created_at=clock.iso())).user_id
    except DocumentConflict:
        return email_pointers.get(id, id).user_id
