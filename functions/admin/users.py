"""Accounts: listed, read, given another role or shop, disabled and enabled.

Every process reads an account at most `ACCOUNT_CACHE_S` ago before it accepts a token, so a change applies everywhere
after that time, and immediately in the process that made it.
"""

from __future__ import annotations

from functions.admin.models.users import UserChange, UserDetail, UserList, UsersQuery, UserSummary
from shared import audit, clock
from shared.accounts import email
from shared.accounts.cache import account_cache
from shared.accounts.documents import AccountDocument, Role, accounts
from shared.catalogue.changes import ProductChange, send_change
from shared.commerce import quota, storage_quota
from shared.documents.fields import Change, assign, increment, where
from shared.errors import Conflict, DocumentNotFound, NotFound, PreconditionFailed, Unprocessable
from shared.http.auth import Principal
from shared.http.pages import equals, list_latest
from shared.notifications import account_messages
from shared.notifications.account_messages import AccountMessage
from shared.notifications.push import close_connections


def list_users(query: UsersQuery) -> UserList:
    """Accounts, newest first."""
    page = list_latest(
        accounts,
        query,
        equals(AccountDocument.role, query.role),
        equals(AccountDocument.requested_role, query.requested_role),
        equals(AccountDocument.disabled, query.disabled),
        equals(AccountDocument.email_hash, email.hash_of(query.email.strip().lower()) if query.email else None),
        partition=None,
        by=AccountDocument.created_at,
    )
    return UserList(items=[UserSummary.of(account) for account in page.items], continuation=page.continuation)


def get_user(admin: Principal, id: str) -> UserDetail:
    """One account and what it uses. Raises NotFound."""
    found = _find(id)
    audit.record(admin.user_id, "USER_VIEWED", subject=id)
    return _detail(found)


def update_user(admin: Principal, id: str, wanted: UserChange) -> UserDetail:
    """Change an account's role or shop, disable or enable it, or remove its second factor. Disabling ends all sessions.

    Raises:
        NotFound.
        Unprocessable: `shop_required`: who becomes a seller becomes a member of a shop.
        Conflict: `own_account`: administrators can't lock themselves out; `account_closing`: its owner has asked for
            its deletion.
    """
    if id == admin.user_id:
        raise Conflict("have another administrator change your own account", code="own_account")
    before = _find(id)
    changes: list[Change] = [assign(AccountDocument.updated_at, clock.iso())]
    if wanted.role is not None:
        _check_membership(before, wanted)
        changes += [assign(AccountDocument.role, wanted.role), assign(AccountDocument.requested_role, None)]
    if wanted.shop is not None:
        changes.append(assign(AccountDocument.shop, wanted.shop))
    if wanted.disabled is not None:
        changes.append(assign(AccountDocument.disabled, wanted.disabled))
    if wanted.disabled:
        changes += [increment(AccountDocument.token_version), increment(AccountDocument.connection_version)]
    if wanted.remove_second_factor:
        changes.append(assign(AccountDocument.second_factor, False))
    open_account = (where(AccountDocument.type, "=", "account"), where(AccountDocument.closed_at, "exists", False))
    try:
        after = accounts.patch(id, id, *changes, where=open_account)
    except PreconditionFailed:
        raise Conflict("the owner has asked for the deletion of this account", code="account_closing") from None
    except DocumentNotFound:
        raise _missing() from None
    account_cache.invalidate(id)
    if wanted.disabled:
        close_connections(id, after.connection_version - 1)
    if wanted.remove_second_factor:
        audit.record(admin.user_id, "SECOND_FACTOR_REMOVED", subject=id, reason=wanted.reason)
        account_messages.send(AccountMessage.SECOND_FACTOR_OFF, after.email_hash, user_id=id)
    if wanted.role is not None:
        audit.record(
            admin.user_id,
            "USER_ROLE_CHANGED",
            subject=id,
            reason=wanted.reason,
            before=before.role,
            after=after.role,
        )
    if wanted.shop is not None:
        # Before the audit: what the index must follow has to be on its way whatever happens here.
        send_change(ProductChange(vendor_id=id))
        audit.record(
            admin.user_id,
            "USER_SHOP_CHANGED",
            subject=id,
            reason=wanted.reason,
            before=before.shop,
            after=wanted.shop,
        )
    if wanted.disabled is not None:
        action = "USER_DISABLED" if wanted.disabled else "USER_ENABLED"
        audit.record(admin.user_id, action, subject=id, reason=wanted.reason)
    return _detail(after)


def _check_membership(before: AccountDocument, wanted: UserChange) -> None:
    sellers = (Role.VENDOR, Role.MERCHANT)
    if wanted.role in sellers and before.role not in sellers and wanted.shop is None:
        raise Unprocessable("name the shop: sellers are members of one", code="shop_required", field="shop")


def _find(id: str) -> AccountDocument:
    found = accounts.find(id, id)
    if found is None:
        raise _missing()
    return found


def _missing() -> NotFound:
    return NotFound("there is no such user", code="user_not_found")


def _detail(account: AccountDocument) -> UserDetail:
    usage = storage_quota.get_usage(account.id)
    return UserDetail.of(
        account,
        images=usage.images,
        image_bytes=usage.bytes,
        conversions_this_month=quota.get_usage(account.id).used,
        closing=account.closed_at is not None,
    )
