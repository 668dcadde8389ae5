"""Ending sessions: their tokens, and the WebSockets they have opened or can open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from shared import clock
from shared.accounts import lifecycle
from shared.accounts.documents import AccountDocument, RevokedToken
from shared.accounts.settings import account_settings
from shared.documents.fields import Change, assign
from shared.errors import DocumentNotFound
from shared.http import tokens
from shared.notifications.push import close_connections

REVOKED_MAX: Final = 200
"""Denied sessions an account document holds; more within their few minutes, and all tokens are denied."""


def all_tokens(account: AccountDocument) -> list[Change]:
    """The changes that end every access token, session and WebSocket of an account; `close` follows them."""
    return [
        assign(AccountDocument.token_version, account.token_version + 1),
        assign(AccountDocument.revoked, ()),
        assign(AccountDocument.connection_version, account.connection_version + 1),
    ]


def some(account: AccountDocument, ended: Mapping[str, float]) -> list[Change]:
    """The changes that deny access tokens, or all of a session, and end every WebSocket; `close` follows them.

    Args:
        ended: claims `jti` or `sid`, each with the epoch seconds when the last of its tokens expires.
    """
    now = clock.now()
    unexpired = [token for token in account.revoked if token.exp + tokens.LEEWAY_S > now]
    if len(unexpired) >= REVOKED_MAX:
        return all_tokens(account)
    denied = (RevokedToken(jti=id, exp=expires) for id, expires in ended.items())
    return [
        assign(AccountDocument.revoked, (*unexpired, *denied)),
        assign(AccountDocument.connection_version, account.connection_version + 1),
    ]


def close(account: AccountDocument) -> None:
    """Close the WebSockets of the version before; open pages of other sessions ask for a new URL."""
    close_connections(account.id, account.connection_version - 1)


def session_tokens(user_id: str, session: str) -> AccountDocument | None:
    """Deny every access token of a session whose refresh token was used twice; its account, if there is one."""
    expires = clock.now() + account_settings().access_token_minutes * 60
    try:
        account = lifecycle.update_account(user_id, lambda found: some(found, {session: expires}))
    except DocumentNotFound:
        return None
    close(account)
    return account
