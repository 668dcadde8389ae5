"""Accounts: listed, looked at, given another role, closed and opened.

Every process reads an account at most `ACCOUNT_CACHE_S` ago before it believes a token, so a change holds everywhere
after that time, and at once in the process that made it.
"""

from __future__ import annotations

import hashlib
from typing import Any

from functions.admin.models import UserChange, UserDetail, UserList, UsersQuery, UserSummary
from shared import audit, clock, telemetry
from shared.commerce import quota, storage_quota
from shared.documents import Document, Where, store
from shared.errors import Conflict, DocumentNotFound, NotFound, PreconditionFailed
from shared.http import auth
from shared.http.auth import Principal, Role
from shared.http.pages import latest
from shared.jobs import queues

CONTAINER = "accounts"


def listing(query: UsersQuery) -> UserList:
    """Accounts, newest first."""
    page = latest(
        CONTAINER,
        query,
        type="account",
        role=query.role.value if query.role else None,
        disabled=query.disabled,
        emailHash=_digest(query.email) if query.email else None,
    )
    return UserList(items=[UserSummary(**_facts(found)) for found in page.items], continuation=page.continuation)


def detail(admin: Principal, id: str) -> UserDetail:
    """One account and what it uses. Raises NotFound."""
    found = _find(id)
    audit.record(admin.user_id, "USER_VIEWED", subject=id)
    return _detail(found)


def change(admin: Principal, id: str, wanted: UserChange) -> UserDetail:
    """Give an account another role or shop, or close or open it. Closing ends every session of it.

    Raises:
        NotFound.
        Conflict: `own_account`: administrators can't lock themselves out; `account_closing`: its owner has asked for
            its deletion.
    """
    if id == admin.user_id:
        raise Conflict("have another administrator change your own account", code="own_account")
    before = _find(id)
    changes: dict[str, Any] = {"updatedAt": clock.iso()}
    if wanted.role is not None:
        changes["role"] = wanted.role.value
    if wanted.shop is not None:
        changes["shop"] = wanted.shop
    if wanted.disabled is not None:
        changes["disabled"] = wanted.disabled
    where = (Where("type", "=", "account"), Where("closedAt", "exists", False))
    ends = {"tokenVersion": 1} if wanted.disabled else None
    try:
        after = store().patch(CONTAINER, id, id, set=changes, incr=ends, where=where)
    except PreconditionFailed:
        raise Conflict("the owner has asked for the deletion of this account", code="account_closing") from None
    except DocumentNotFound:
        raise _missing() from None
    auth.accounts.forget(id)
    if wanted.role is not None:
        audit.record(
            admin.user_id,
            "USER_ROLE_CHANGED",
            subject=id,
            reason=wanted.reason,
            before=before["role"],
            after=after["role"],
        )
    if wanted.shop is not None:
        # Before the audit: what the index must follow has to be on its way whatever happens here.
        queues.send(queues.INDEX, {"v": 1, "tenantId": id, "productId": None, "traceparent": telemetry.traceparent()})
        audit.record(
            admin.user_id,
            "USER_SHOP_CHANGED",
            subject=id,
            reason=wanted.reason,
            before=auth.shop_of(before),
            after=wanted.shop,
        )
    if wanted.disabled is not None:
        action = "USER_DISABLED" if wanted.disabled else "USER_ENABLED"
        audit.record(admin.user_id, action, subject=id, reason=wanted.reason)
    return _detail(after)


def _find(id: str) -> Document:
    found = store().find(CONTAINER, id, id)
    if found is None or found.get("type") != "account":
        raise _missing()
    return found


def _missing() -> NotFound:
    return NotFound("there is no such user", code="user_not_found")


def _digest(email: str) -> str:
    return hashlib.sha256(email.strip().lower().encode()).hexdigest()


def _facts(found: Document) -> dict[str, Any]:
    return {
        "id": found["id"],
        "email": found["email"],
        "display_name": found["displayName"],
        "role": Role(found["role"]),
        "shop": auth.shop_of(found),
        "disabled": found["disabled"],
        "created_at": found["createdAt"],
        "updated_at": found["updatedAt"],
    }


def _detail(found: Document) -> UserDetail:
    usage = storage_quota.get_usage(found["id"])
    return UserDetail(
        **_facts(found),
        phone=found["phone"],
        language=found["language"],
        images=usage.images,
        image_bytes=usage.bytes,
        conversions_this_month=quota.get_usage(found["id"]).used,
        closing=found.get("closedAt") is not None,
    )
