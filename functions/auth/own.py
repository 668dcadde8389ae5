"""Changes that callers make to their own accounts: only in a session that goes on at the moment of the write.

A process accepts a token for `ACCOUNT_CACHE_S` after another one has ended its session, and a request that began before
the end goes on after it. What such a request reads does no lasting harm; what it writes to the account, a thief's
e-mail address or second factor, would outlive the session.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from shared.accounts import lifecycle
from shared.accounts.documents import AccountDocument
from shared.documents.fields import Change
from shared.http.auth import Principal
from shared.http.tokens import token_error


def update_own(caller: Principal, changes_of: Callable[[AccountDocument], Iterable[Change]]) -> AccountDocument:
    """As `lifecycle.update_account`, for the caller's own account.

    Raises:
        Unauthorized: `token_invalid`: the session has ended.
        Conflict: `account_busy`.
    """

    def changes(account: AccountDocument) -> Iterable[Change]:
        check_session(account, caller)
        return changes_of(account)

    return lifecycle.update_account(caller.user_id, changes)


def check_session(account: AccountDocument, caller: Principal) -> None:
    """Refuse a caller whose session has ended, by an account that was just read. Raises Unauthorized."""
    # An API key has no version; keys end by themselves.
    version = account.token_version if caller.version is None else caller.version
    if not account.accepts(version, caller.token_id, caller.session):
        raise token_error()
