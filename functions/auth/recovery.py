"""Resetting a forgotten password by e-mail."""

from __future__ import annotations

from functions.auth import ending, links, messages, outliving, passwords, second_factor
from functions.auth.contact_models import Accepted
from functions.auth.documents import LinkPurpose
from functions.auth.models import ForgotPassword, ResetPassword
from shared import audit
from shared.accounts import email as addresses
from shared.accounts import lifecycle
from shared.accounts.documents import AccountDocument, accounts
from shared.documents.fields import Change, assign
from shared.notifications import account_messages
from shared.notifications.account_messages import AccountMessage


def request_reset(asked: ForgotPassword, request_id: str) -> Accepted:
    """Send a link that resets the password to an address, if it has an account.

    The account is looked for by the worker, so answer and time are the same whether or not there is one.

    Raises:
        Unprocessable: `invalid_email`.
    """
    email_hash = addresses.hash_of(addresses.normalise(asked.email))
    if messages.may_send_link(email_hash, LinkPurpose.RESET_PASSWORD):
        account_messages.send(AccountMessage.RESET_PASSWORD, email_hash, request_id=request_id)
    return Accepted()


def reset(asked: ResetPassword, ip: str) -> None:
    """Set a new password by a link. It ends every session, on request what they made, and shows that the address is the
    owner's.

    Who resets the password of an account whose address was never confirmed need not be who registered it: what lets the
    other one in again, or sends them messages, is removed.

    Raises:
        Unprocessable: `link_invalid`, `weak_password`.
        Conflict: `email_taken`: another account has confirmed the address since.
    """
    link = links.find(asked.token, LinkPurpose.RESET_PASSWORD)
    passwords.check(asked.password, link.email)
    account = accounts.find(link.user_id, link.user_id)
    if account is None or account.disabled or account.email_hash != link.email_hash:
        raise links.invalid()
    owner = None if account.email_confirmed else lifecycle.find_account_by_email(link.email_hash)
    if owner is not None and owner.email_confirmed and owner.id != account.id:
        raise lifecycle.email_taken_error()
    hashed = passwords.hash(asked.password)
    links.use(link)

    def changes(found: AccountDocument) -> list[Change]:
        # Meanwhile its address may have been changed, or its deletion asked for.
        if found.disabled or found.email_hash != link.email_hash:
            raise links.invalid()
        stranger = [] if account.email_confirmed else _STRANGERS
        return [assign(AccountDocument.password_hash, hashed), *ending.all_tokens(found), *stranger]

    ending.close(lifecycle.update_account(account.id, changes))
    # Last, because an account that counts as confirmed keeps its second factor and phone number.
    if not account.email_confirmed:
        second_factor.forget(account.id)
        lifecycle.confirm_email(account.id, link.email)
    links.void(account.id, LinkPurpose.RESET_PASSWORD)
    audit.record(account.id, "PASSWORD_RESET", ip=ip)
    if asked.revoke_made_since is not None:
        outliving.end(account.id, ip, since=asked.revoke_made_since)
    account_messages.send(AccountMessage.PASSWORD_CHANGED, link.email_hash, user_id=account.id)


_STRANGERS: list[Change] = [
    assign(AccountDocument.phone, None),
    assign(AccountDocument.phone_confirmed, False),
    assign(AccountDocument.second_factor, False),
]
