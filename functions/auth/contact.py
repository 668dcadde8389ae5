"""Confirming and changing the e-mail address and the phone number of an account."""

from __future__ import annotations

import hmac
import secrets
from typing import Final

from functions.auth import derived, links, messages, own, throttle
from functions.auth.contact_models import Accepted, EmailChange
from functions.auth.documents import (
    LinkPurpose,
    PhoneCodeDocument,
    PhoneCodeId,
    phone_codes,
)
from shared import audit, clock
from shared.accounts import email as addresses
from shared.accounts import lifecycle
from shared.accounts.documents import AccountDocument, accounts
from shared.accounts.settings import account_settings
from shared.documents.fields import Change, assign, increment, where
from shared.errors import Conflict, DocumentNotFound, PreconditionFailed, TooManyRequests, Unavailable, Unprocessable
from shared.http.auth import Principal
from shared.notifications import account_messages
from shared.notifications.account_messages import AccountMessage

CODE_LIFETIME_S: Final = 600
CODE_ATTEMPTS: Final = 5


def send_confirmation(account: AccountDocument, address: str, request_id: str | None) -> None:
    """Send the link that confirms an address of an account, its own or the one it is to get.

    Raises:
        TooManyRequests: `too_many_messages`.
    """
    email_hash = addresses.hash_of(address)
    if not messages.may_send_link(email_hash, LinkPurpose.CONFIRM_EMAIL):
        raise TooManyRequests(
            "enough messages were sent to this address: look into your mailbox, or try again in an hour",
            code="too_many_messages",
            retry_after=3600,
        )
    is_change = account.email_hash != email_hash
    link = links.create(
        clock.new_id(),
        LinkPurpose.CONFIRM_EMAIL,
        account.id,
        address,
        email_hash,
        previous_email=account.email if is_change and account.email_confirmed else None,
        token_version=account.token_version if is_change else None,
    )
    account_messages.send(AccountMessage.CONFIRM_EMAIL, email_hash, link_id=link.id.public, request_id=request_id)


def send_confirmation_again(caller: Principal, request_id: str) -> Accepted:
    """Send the link once more.

    Raises:
        Conflict: `email_confirmed`: there is nothing to confirm.
        Unavailable: `email_unconfigured`.
        TooManyRequests: `too_many_messages`.
    """
    account = accounts.get(caller.user_id, caller.user_id)
    if account.email_confirmed:
        raise Conflict("the e-mail address is confirmed already", code="email_confirmed")
    _require_email()
    send_confirmation(account, account.email, request_id)
    return Accepted()


def request_change(account: AccountDocument, asked: EmailChange, request_id: str) -> Accepted:
    """Send a link to the new address; it becomes the account's once the link is opened. The password was checked.

    Only the owner of the new address learns whether it has an account.

    Raises:
        Unprocessable: `invalid_email`.
        Unavailable: `email_unconfigured`.
        TooManyRequests: `too_many_messages`.
    """
    _require_email()
    send_confirmation(account, addresses.normalise(asked.email), request_id)
    return Accepted()


def confirm_email(caller: Principal, token: str, ip: str) -> AccountDocument:
    """Confirm an address by a link. Only the signed-in account can: a user who finds a link to someone else's
    registration in their mailbox must not confirm it by opening it.

    Raises:
        Unprocessable: `link_invalid`.
        Unauthorized: `token_invalid`: the session has ended.
        Conflict: `email_taken`: another account has confirmed the address before.
    """
    link = links.find(token, LinkPurpose.CONFIRM_EMAIL, caller.user_id)

    def check(current: AccountDocument) -> None:
        own.check_session(current, caller)
        is_change = link.email_hash != current.email_hash
        if is_change and current.email_confirmed and link.previous_email != current.email:
            raise links.invalid()
        # Ending all sessions, by a reset for example, also ends changes that a thief began in one of them.
        if is_change and link.token_version not in (None, current.token_version):
            raise links.invalid()

    account = lifecycle.confirm_email(caller.user_id, link.email, check)
    links.use(link)
    audit.record(caller.user_id, "EMAIL_CONFIRMED", ip=ip)
    if link.previous_email is not None:
        account_messages.send(
            AccountMessage.EMAIL_CHANGED, addresses.hash_of(link.previous_email), link_id=link.id.public
        )
    return account


def send_code(caller: Principal, request_id: str) -> Accepted:
    """Send a code to the phone number of the account.

    Raises:
        Forbidden: `email_unconfirmed`.
        Conflict: `phone_missing`, `phone_confirmed`.
        TooManyRequests: `too_many_messages`.
    """
    caller.require_confirmed()
    account = accounts.get(caller.user_id, caller.user_id)
    if account.phone is None:
        raise Conflict("set a phone number first, with PATCH auth/me", code="phone_missing")
    if account.phone_confirmed:
        raise Conflict("the phone number is confirmed already", code="phone_confirmed")
    for counted in (account.id, addresses.hash_of(account.phone)):
        if not messages.may_send_code(counted):
            raise TooManyRequests(
                "enough codes were sent: try again in an hour", code="too_many_messages", retry_after=3600
            )
    phone_codes.upsert(
        PhoneCodeDocument(
            id=PhoneCodeId.of(account.id),
            user_id=account.id,
            phone=account.phone,
            nonce=secrets.token_hex(16),
            kid=derived.active_key(),
            expires_at=clock.now() + CODE_LIFETIME_S,
            ttl=2 * CODE_LIFETIME_S,
        )
    )
    account_messages.send(AccountMessage.PHONE_CODE, account.email_hash, user_id=account.id, request_id=request_id)
    return Accepted()


def confirm_phone(caller: Principal, entered: str, ip: str) -> AccountDocument:
    """Confirm the phone number by the code that was sent last.

    Raises:
        Unauthorized: `token_invalid`: the session has ended.
        Unprocessable: `code_wrong`: another code, an expired one, or the fifth attempt has failed.
    """
    id = PhoneCodeId.of(caller.user_id)
    unspent = (where(PhoneCodeDocument.attempts, "<", CODE_ATTEMPTS),)
    try:
        code = phone_codes.patch(id, id, increment(PhoneCodeDocument.attempts), where=unspent)
    except (DocumentNotFound, PreconditionFailed):
        raise _wrong_code() from None
    right = derived.digits(f"{code.id}:{code.nonce}:{code.phone}", code.kid)
    if right is None or code.expires_at <= clock.now() or not hmac.compare_digest(right, entered):
        raise _wrong_code()

    def confirm(account: AccountDocument) -> list[Change]:
        if account.phone != code.phone:
            raise _wrong_code()
        return [assign(AccountDocument.phone_confirmed, True)]

    account = own.update_own(caller, confirm)
    phone_codes.delete(id, id)
    audit.record(caller.user_id, "PHONE_CONFIRMED", ip=ip)
    return account


def check_password_attempts(user_id: str) -> str:
    """Count a check of the password in a session, and return what it is counted for. Apart from sign-ins, so that
    strangers can't hold back who is signed in.

    Raises:
        TooManyRequests: `login_throttled`.
    """
    subject = f"change:{user_id}"
    throttle.reserve(subject, clock.now())
    return subject


def _require_email() -> None:
    if account_settings().email_connection is None:
        raise Unavailable("no e-mail service is configured", code="email_unconfigured", retryable=False)


def _wrong_code() -> Unprocessable:
    return Unprocessable(
        "the code is wrong or no longer valid: request another one after five attempts", code="code_wrong", field="code"
    )
