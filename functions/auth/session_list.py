"""The sessions of an account that have not ended: list them, end some."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from functions.auth import ending, sessions
from functions.auth.session_models import Session, SessionList
from shared import clock
from shared.accounts import lifecycle
from shared.accounts.documents import AccountDocument, accounts
from shared.accounts.session_documents import SessionDocument
from shared.accounts.session_documents import sessions as stored
from shared.accounts.settings import account_settings
from shared.documents.fields import where
from shared.errors import NotFound
from shared.http.auth import Principal

LISTED: Final = 200
"""Sessions that a list holds at most; a person has a few, a script may sign in for ever."""


def list_sessions(caller: Principal) -> SessionList:
    """The caller's open sessions, those of the latest sign-ins first."""
    account = accounts.get(caller.user_id, caller.user_id)
    found = stored.list(
        where(SessionDocument.user_id, "=", account.id),
        where(SessionDocument.token_version, "=", account.token_version),
        where(SessionDocument.expires_at, ">", clock.now()),
        order_by=SessionDocument.created_at,
        descending=True,
        limit=LISTED,
        skip_unreadable=True,
    )
    items = [_view(one, caller) for one in found.items if sessions.is_open(one, account.token_version, clock.now())]
    return SessionList(items=items)


def end(account: AccountDocument, ids: Collection[str]) -> None:
    """End sessions of an account with their tokens, and every WebSocket of it.

    Raises:
        NotFound: one of the ids is of no open session of this account; none is ended.
    """
    for id, session in zip(ids, stored.find_many([(id, id) for id in ids]), strict=True):
        if (
            session is None
            or session.user_id != account.id
            or not sessions.is_open(session, account.token_version, clock.now())
        ):
            raise NotFound(f"you have no session {id}: list them again")
    for id in ids:
        sessions.revoke(id)
    until = clock.now() + account_settings().access_token_minutes * 60
    ending.close(lifecycle.update_account(account.id, lambda found: ending.some(found, dict.fromkeys(ids, until))))


def _view(session: SessionDocument, caller: Principal) -> Session:
    return Session(
        id=session.id,
        current=session.id == caller.session,
        created_at=session.created_at,
        refreshed_at=None if session.used_at is None else clock.iso(session.used_at),
        expires_at=clock.iso(session.expires_at),
    )
