"""The caller's account, as its owner sees it."""

from __future__ import annotations

from functions.auth.profile_models import Profile, Quota
from shared.accounts.documents import AccountDocument, accounts
from shared.commerce import credits, quota_usage
from shared.http.auth import Principal


def me(caller: Principal) -> Profile:
    """The caller's account."""
    return of(accounts.get(caller.user_id, caller.user_id))


def of(account: AccountDocument) -> Profile:
    """An account with its quota and credits."""
    used, limit = quota_usage.get_usage(account.id)
    return Profile.of(account, quota=Quota(used=used, limit=limit), credits=credits.get_balance(account.id))
