"""Members of shops, and accounts that are made rather than registered: by an administrator, or by an invitation.

An invitation outlives the session that it was made in, as an API key does: it takes a recent sign-in, ends with what
was made in a session, and works only while who invited may invite into the shop.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from functions.auth import links, messages, passwords
from functions.auth.contact_models import Accepted
from functions.auth.documents import LinkDocument, LinkPurpose
from functions.auth.member_models import (
    Invitation,
    InvitationAcceptance,
    Member,
    MemberList,
    Membership,
    MembersQuery,
    NewUser,
)
from functions.auth.profile_models import User
from shared import audit, clock
from shared.accounts import email as addresses
from shared.accounts import lifecycle
from shared.accounts.documents import DEFAULT_SHOP, AccountDocument, Role, accounts
from shared.accounts.recent import require_recent_sign_in
from shared.catalogue.changes import ProductChange, send_change
from shared.documents.fields import Change, assign, where
from shared.errors import Conflict, NotFound, TooManyRequests, Unprocessable
from shared.http.auth import Principal
from shared.http.pages import list_latest
from shared.notifications import account_messages
from shared.notifications.account_messages import AccountMessage

SELLERS: Final = (Role.VENDOR, Role.MERCHANT)


def create_user(admin: Principal, new_id: str, asked: NewUser) -> User:
    """Make an account whose address and phone number count as confirmed.

    Raises:
        Unprocessable: `invalid_email`, `weak_password`, `shop_required`.
        Conflict: `email_taken`.
    """
    role = Role(asked.role)
    if role in SELLERS and asked.shop is None:
        raise shop_required()
    email = addresses.normalise(asked.email)
    passwords.check(asked.password, email)
    if lifecycle.find_account_by_email(addresses.hash_of(email)) is not None:
        raise lifecycle.email_taken_error()
    account = lifecycle.create_account(
        new_id,
        email,
        passwords.hash(asked.password),
        role,
        display_name=asked.display_name,
        phone=asked.phone,
        phone_confirmed=asked.phone is not None,
        shop=asked.shop or DEFAULT_SHOP,
    )
    audit.record(admin.user_id, "USER_CREATED", subject=account.id, role=role, shop=account.shop)
    return User.of(account)


def invite(caller: Principal, asked: Invitation, request_id: str) -> Accepted:
    """Invite the owner of an address into a shop: the merchant's own, or any for an administrator.

    Raises:
        Unprocessable: `invalid_email`, `shop_required`.
        NotFound: `shop_not_found`: another shop than the merchant's.
        Forbidden: `sign_in_again`: it outlives the session.
        TooManyRequests: `too_many_messages`.
    """
    shop = _shop_of(caller, asked.shop)
    if shop is None:
        raise shop_required()
    require_recent_sign_in(caller.session)
    email = addresses.normalise(asked.email)
    email_hash = addresses.hash_of(email)
    if not messages.may_send_link(email_hash, LinkPurpose.INVITATION):
        raise TooManyRequests(
            "enough messages were sent to this address: try again in an hour",
            code="too_many_messages",
            retry_after=3600,
        )
    link = links.create(
        clock.new_id(), LinkPurpose.INVITATION, f"invited:{email_hash}", email, email_hash,
        role=Role(asked.role), shop=shop, invited_by=caller.user_id, made_by=caller.credential,
    )  # fmt: skip
    audit.record(caller.user_id, "MEMBER_INVITED", subject=link.id.public, role=asked.role, shop=shop)
    account_messages.send(AccountMessage.INVITATION, email_hash, link_id=link.id.public, request_id=request_id)
    return Accepted()


def accept(new_id: str, asked: InvitationAcceptance, ip: str) -> Membership:
    """Become a member of a shop by the link of an invitation; an account is made if the address has none.

    Raises:
        Unprocessable: `link_invalid`, `password_required`, `weak_password`.
        Conflict: `member_elsewhere`: the account sells in another shop, or is an administrator's.
    """
    link = links.find(asked.token, LinkPurpose.INVITATION)
    if link.role is None or link.shop is None or not _may_invite(link):
        raise links.invalid()
    role, shop = link.role, link.shop
    account = lifecycle.find_account_by_email(link.email_hash)
    if account is None:
        if asked.password is None:
            raise Unprocessable("choose a password for the new account", code="password_required", field="password")
        passwords.check(asked.password, link.email)
        hashed = passwords.hash(asked.password)
        links.use(link)
        account = lifecycle.create_account(new_id, link.email, hashed, role, display_name=asked.display_name, shop=shop)
    else:
        _check_free(account, shop)
        links.use(link)
        # Once more for the version that is changed: the account may have been promoted, or joined another shop.
        account = _assign(account, role, shop, lambda found: _check_free(found, shop))
    audit.record(account.id, "MEMBER_JOINED", ip=ip, subject=link.id.public, role=role, shop=shop)
    return Membership(user_id=account.id, email=account.email, role=account.role, shop=account.shop)


def list_members(caller: Principal, query: MembersQuery) -> MemberList:
    """Vendors and merchants of a shop, newest first. Raises as `invite` does for the shop."""
    shop = _shop_of(caller, query.shop)
    if shop is None:
        raise shop_required()
    members = (where(AccountDocument.shop, "=", shop), where(AccountDocument.role, "in", SELLERS))
    page = list_latest(accounts, query, *members, partition=None, by=AccountDocument.created_at)
    return MemberList(items=[Member.of(account) for account in page.items], continuation=page.continuation)


def remove(caller: Principal, id: str) -> None:
    """End a membership: the account is a shopper's from now on, and its products leave the shop.

    Raises:
        NotFound: `member_not_found`.
        Conflict: `own_account`.
    """
    if id == caller.user_id:
        raise Conflict("have another merchant or an administrator end your own membership", code="own_account")
    account = accounts.find(id, id)
    if account is None:
        raise _no_member()

    def check(found: AccountDocument) -> None:
        if found.role not in SELLERS or found.shop != caller.shop:
            raise _no_member()

    check(account)
    _assign(account, Role.SHOPPER, DEFAULT_SHOP, check)
    audit.record(caller.user_id, "MEMBER_REMOVED", subject=id, shop=account.shop)


def shop_required() -> Unprocessable:
    """The error for a seller without a shop."""
    return Unprocessable("name the shop: sellers are members of one", code="shop_required", field="shop")


def _may_invite(link: LinkDocument) -> bool:
    """Whether who invited may still do so; links of earlier versions do not say who it was."""
    if link.invited_by is None:
        return True
    inviter = accounts.find(link.invited_by, link.invited_by)
    if inviter is None or inviter.disabled:
        return False
    return inviter.role is Role.ADMIN or (inviter.role is Role.MERCHANT and inviter.shop == link.shop)


def _assign(
    account: AccountDocument, role: Role, shop: str, check: Callable[[AccountDocument], None]
) -> AccountDocument:
    """Give an account a role in a shop; `check` raises if the version that is changed must not get it."""

    def changes(found: AccountDocument) -> list[Change]:
        check(found)
        return [
            assign(AccountDocument.role, role),
            assign(AccountDocument.shop, shop),
            assign(AccountDocument.requested_role, None),
        ]

    changed = lifecycle.update_account(account.id, changes)
    if account.role in SELLERS or role in SELLERS:
        send_change(ProductChange(vendor_id=account.id))
    return changed


def _no_member() -> NotFound:
    return NotFound("the shop has no such member", code="member_not_found")


def _check_free(account: AccountDocument, shop: str) -> None:
    elsewhere = account.role in SELLERS and account.shop != shop
    if account.role is Role.ADMIN or account.disabled or elsewhere:
        raise Conflict("the account belongs elsewhere: leave the other shop first", code="member_elsewhere")


def _shop_of(caller: Principal, named: str | None) -> str | None:
    """The shop that a caller may act on: the one named for an administrator, the own one for a merchant."""
    if caller.role is Role.ADMIN:
        return named
    if named not in (None, caller.shop):
        raise NotFound("there is no such shop", code="shop_not_found", field="shop")
    return caller.shop
