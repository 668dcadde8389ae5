"""Asking for a new sign-in before what a stolen session must not do: what outlives it, or can't be undone."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from shared import clock
from shared.accounts.documents import accounts
from shared.accounts.session_documents import SessionDocument, sessions
from shared.errors import Forbidden

RECENT_S: Final = 3600
"""How long a sign-in counts as recent. Refreshing a session does not make it so."""


def require_recent_sign_in(session: str | None) -> None:
    """Refuse a session that began longer ago than `RECENT_S`, or has ended.

    Nothing of it is cached: other processes learn late that a session has ended, and its thief must not make
    what stays meanwhile.

    Args:
        session: id of the session of the access token; None for a token without one, which no sign-in gives.

    Raises:
        Forbidden: `sign_in_again`.
    """
    if session is None:
        return
    found = sessions.find(session, session)
    if found is None or not _goes_on(found) or _age_s(found) > RECENT_S:
        raise Forbidden(
            "sign in again, then repeat this within an hour: it outlives your session, or can't be undone",
            code="sign_in_again",
        )


def _goes_on(session: SessionDocument) -> bool:
    account = accounts.find(session.user_id, session.user_id)
    return session.revoked_at is None and account is not None and account.token_version == session.token_version


def _age_s(session: SessionDocument) -> float:
    return clock.now() - datetime.fromisoformat(session.created_at).timestamp()
