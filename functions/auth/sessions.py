"""Refresh tokens: opaque, of one use, and a family dies when one of it is used twice.

A family is one document, made at sign-in: it holds the SHA-256 of the token that may be used next. Rotation replaces
that by ETag, so of two concurrent uses of a token one wins. The loser, and any use of the previous token within
`GRACE_S`, gets no tokens, and the family stays alive: browser tabs race. Later, or with an older token, it is theft:
the family is revoked with its access tokens. A family also dies with the account's `tokenVersion`.

An answer that was lost is repeated: the token just used, shown within `REPEAT_S` by the device that signed in, gets the
same successor again while that one is unused. The successor is derived from what it follows and a key of the settings,
so that it need not be stored.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from datetime import datetime
from typing import Final

from functions.auth import derived, devices, ending
from shared import audit, clock
from shared.accounts.session_documents import SessionDocument, sessions
from shared.documents.containers import DAY
from shared.documents.fields import assign
from shared.errors import Conflict, DocumentNotFound, PreconditionFailed, Unauthorized
from shared.notifications import account_messages
from shared.notifications.account_messages import AccountMessage

REFRESH_TOKEN_DAYS = 30
GRACE_S = 10
REPEAT_S: Final = 60
LONGEST_DAYS: Final = 180
"""A session ends after this long however often it is refreshed."""
_TOKEN = re.compile(r"([0-9a-f]{32})\.([A-Za-z0-9_-]{43})", re.ASCII)


def start(user_id: str, token_version: int, device: str | None = None) -> str:
    """Begin a family on a device; returns its first refresh token."""
    family, secret, digest = secrets.token_hex(16), *_secret()
    sessions.create(
        SessionDocument(
            id=family,
            user_id=user_id,
            device=device,
            token_version=token_version,
            digest=digest,
            created_at=clock.iso(),
            expires_at=_expires_at(),
            ttl=_ttl_s(),
        )
    )
    return f"{family}.{secret}"


def lifetime_s() -> int:
    """Seconds a refresh token lives."""
    return REFRESH_TOKEN_DAYS * DAY


def present(token: str, ip: str, at: float) -> SessionDocument:
    """The family whose next token this is.

    Args:
        at: now, epoch seconds.

    Raises:
        Unauthorized: unknown, expired, revoked or used before; the last revokes the family.
        Conflict: `refresh_superseded`: it was used within the last seconds.
    """
    family, digest = _parts(token)
    session = sessions.find(family, family) if family else None
    if session is None or not _works(session, at):
        raise refused()
    if hmac.compare_digest(session.digest, digest):
        return session
    if session.used_digest == digest and at < (session.used_at or 0) + GRACE_S:
        audit.record(session.user_id, "REFRESH_RACED", subject=family, ip=ip, generation=session.generation)
        raise superseded()
    revoke(family)
    account = ending.session_tokens(session.user_id, family)
    audit.record(session.user_id, "REFRESH_REUSED", subject=family, ip=ip, generation=session.generation)
    if account is not None and session.revoked_at is None:
        account_messages.send(AccountMessage.SESSION_REUSED, account.email_hash, user_id=account.id)
    raise refused()


def repeat(token: str, device_token: str | None, at: float) -> tuple[SessionDocument, str] | None:
    """The family and successor of a token whose answer was lost; None unless all of that holds.

    Args:
        device_token: has to be of the device that signed in: who has stolen the refresh token alone gets nothing.
        at: now, epoch seconds.
    """
    family, digest = _parts(token)
    session = sessions.find(family, family) if family else None
    if session is None or session.revoked_at is not None or session.device is None or session.expires_at <= at:
        return None
    if session.used_digest != digest or at >= (session.used_at or 0) + REPEAT_S:
        return None
    if devices.identify(device_token, session.user_id) != session.device:
        return None
    secret = _successor(family, session.generation, digest)
    return (session, f"{family}.{secret}") if _digest(secret) == session.digest else None


def rotate(session: SessionDocument, at: float) -> str:
    """Use the family's token up; returns the next one.

    Raises:
        Conflict: `refresh_superseded`: another request was faster.
    """
    secret = _successor(session.id, session.generation + 1, session.digest)
    digest = _digest(secret)
    changes = (
        assign(SessionDocument.digest, digest),
        assign(SessionDocument.used_digest, session.digest),
        assign(SessionDocument.used_at, at),
        assign(SessionDocument.generation, session.generation + 1),
        assign(SessionDocument.expires_at, _expires_at()),
        assign(SessionDocument.ttl, _ttl_s()),
    )
    try:
        sessions.patch(session.id, session.id, *changes, etag=session.etag)
    except (PreconditionFailed, DocumentNotFound):
        raise superseded() from None
    return f"{session.id}.{secret}"


def end(token: str, user_id: str) -> str | None:
    """Revoke the family of a user's token, current or used, and return its id; anything else is ignored."""
    family, digest = _parts(token)
    session = sessions.find(family, family) if family else None
    if session and session.user_id == user_id and digest in (session.digest, session.used_digest):
        revoke(family)
        return family
    return None


def id_of(token: str) -> str:
    """The id of the family of a token that was made here."""
    return token.partition(".")[0]


def revoke(family: str) -> None:
    """No token of the family works any more; the document stays until it expires."""
    try:
        sessions.patch(family, family, assign(SessionDocument.revoked_at, clock.iso()))
    except DocumentNotFound:
        return


def refused() -> Unauthorized:
    """The one answer for a refresh token that does not work, whatever the cause."""
    return Unauthorized("the refresh token is not valid any more: sign in again", code="refresh_invalid")


def superseded() -> Conflict:
    """The response to the slower of two concurrent uses of a token."""
    return Conflict(
        "another request has just used this refresh token: go on with the tokens it got",
        code="refresh_superseded",
    )


def _successor(family: str, generation: int, digest: str) -> str:
    """The secret that follows the one of this digest; random if no key is at hand, which can't be repeated."""
    return derived.secret(f"refresh:{family}:{generation}:{digest}") or secrets.token_urlsafe(32)


def is_open(session: SessionDocument, token_version: int, at: float) -> bool:
    """Whether a session of an account of this version goes on, by its next refresh at the latest."""
    return session.token_version == token_version and _works(session, at)


def _works(session: SessionDocument, at: float) -> bool:
    return session.revoked_at is None and session.expires_at > at and not _is_too_old(session, at)


def _is_too_old(session: SessionDocument, at: float) -> bool:
    return datetime.fromisoformat(session.created_at).timestamp() + LONGEST_DAYS * DAY <= at


def _secret() -> tuple[str, str]:
    secret = secrets.token_urlsafe(32)
    return secret, _digest(secret)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _parts(token: str) -> tuple[str, str]:
    found = _TOKEN.fullmatch(token)
    return (found[1], _digest(found[2])) if found else ("", "")


def _expires_at() -> float:
    return clock.now() + lifetime_s()


def _ttl_s() -> int:
    """The store keeps a family a day longer than its token works, because clocks differ."""
    return lifetime_s() + DAY
