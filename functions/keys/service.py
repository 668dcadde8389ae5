"""API keys of an account: create, list, rotate, revoke."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from functions.keys.models import ApiKey, ApiKeyList, ApiKeyRequest, ApiKeyWithSecret
from shared import audit, clock
from shared.accounts import lifecycle
from shared.accounts.api_keys import (
    ApiKeyDocument,
    ApiKeyId,
    KeyKind,
    NewKey,
    Repeatable,
    Scope,
    api_key_cache,
    api_keys,
    key_again,
    new_key,
)
from shared.accounts.documents import AccountDocument
from shared.accounts.recent import require_recent_sign_in
from shared.documents.fields import assign, increment, where
from shared.documents.limited import create_limited
from shared.errors import Conflict, DocumentNotFound, NotFound
from shared.http.auth import Principal
from shared.notifications.account_messages import AccountMessage, notify_owner
from shared.notifications.push import close_connections
from shared.passes import Pass

MAX_KEYS: Final = 50
DAY_S: Final = 24 * 3600
CLOSED_WITHIN_S: Final = 30 * DAY_S
"""How long after its expiry a key's WebSockets are looked for; the sweep that ends them is seldom away for so long."""


def create_key(
    user: Principal, id: str, request: ApiKeyRequest, repeatable: Repeatable | None = None
) -> ApiKeyWithSecret:
    """Create a key; this answer and its repetitions are the only ones with its text.

    Raises:
        Forbidden: `email_unconfirmed`: a key would survive the confirmation by another owner. `sign_in_again`: it
            would also survive the end of the session.
        Conflict: `too_many_keys`. `key_changed`: a repetition, and the key has another text since.
        NotFound: a repetition, and the key is revoked.
    """
    user.require_confirmed()
    require_recent_sign_in(user.session)
    if repeatable is not None:
        known = api_keys.find(ApiKeyId.of(id), user.user_id)
        if known is None and repeatable.answered:
            raise _missing()
        if known is not None:
            return _again(known, repeatable)
    made = new_key(request.kind, user.user_id, id, repeatable)
    expires = None if request.expires_in_days is None else clock.now() + request.expires_in_days * DAY_S
    wanted = ApiKeyDocument(
        id=ApiKeyId.of(id),
        user_id=user.user_id,
        kind=request.kind,
        name=request.name,
        scopes=tuple(request.scopes),
        origins=tuple(request.origins),
        tryons_a_day=request.tryons_a_day,
        secret_hash=made.secret_hash,
        hint=made.hint,
        expires_at=expires,
        made_by=user.credential,
        created_at=clock.iso(),
    )
    document = create_limited(api_keys, wanted, user.user_id, MAX_KEYS)
    if document is None:
        raise Conflict(f"{MAX_KEYS} keys at most: revoke one first", code="too_many_keys")
    audit.record(user.user_id, "API_KEY_CREATED", subject=id, scopes=[str(scope) for scope in document.scopes])
    notify_owner(user.user_id, AccountMessage.API_KEY)
    return _with_secret(document, made)


def list_keys(user: Principal) -> ApiKeyList:
    """All keys of the account, the oldest first, without their texts."""
    return ApiKeyList(items=[_answer(key) for key in api_keys.list(partition=user.user_id, skip_unreadable=True).items])


def rotate_key(user: Principal, id: str, repeatable: Repeatable | None = None) -> ApiKeyWithSecret:
    """Give a key a new text; the one before stops working at once here, within `ACCOUNT_CACHE_S` elsewhere.

    Raises:
        NotFound.
        Forbidden: `sign_in_again`.
        Conflict: `key_changed`: a repetition, and the key has another text since.
    """
    document = _find(user, id)
    require_recent_sign_in(user.session)
    if repeatable is not None and repeatable.answered:
        return _again(document, repeatable)
    made = new_key(document.kind, user.user_id, id, repeatable)
    changes = (
        assign(ApiKeyDocument.secret_hash, made.secret_hash),
        assign(ApiKeyDocument.hint, made.hint),
        assign(ApiKeyDocument.made_by, user.credential),
        assign(ApiKeyDocument.changed_at, clock.iso()),
    )
    try:
        changed = api_keys.patch(document.id, user.user_id, *changes, where=[where(ApiKeyDocument.name, "exists")])
    except DocumentNotFound:
        raise _missing() from None
    api_key_cache.clear()
    _close_connections(document)
    audit.record(user.user_id, "API_KEY_ROTATED", subject=id)
    notify_owner(user.user_id, AccountMessage.API_KEY)
    return _with_secret(changed, made)


def revoke_key(user: Principal, id: str) -> None:
    """Revoke a key: it stops working at once here, within `ACCOUNT_CACHE_S` elsewhere. Raises NotFound."""
    document = _find(user, id)
    try:
        api_keys.delete(document.id, user.user_id)
    except DocumentNotFound:
        raise _missing() from None
    api_key_cache.clear()
    _close_connections(document)
    audit.record(user.user_id, "API_KEY_REVOKED", subject=id)


def _find(user: Principal, id: str) -> ApiKeyDocument:
    document = api_keys.find(ApiKeyId.of(id), user.user_id)
    if document is None:
        raise _missing()
    return document


def close_expired() -> int:
    """End the WebSockets that keys opened which have expired since the last call; returns of how many keys."""
    now = clock.now()
    due = (where(ApiKeyDocument.expires_at, "<=", now), where(ApiKeyDocument.expires_at, ">", now - CLOSED_WITHIN_S))
    ended = Pass("keys.expired")
    done = 0
    for key in api_keys.iterate(*due):
        if key.connections_closed:
            continue
        with ended.item(keyId=key.id.public):
            _close_connections(key)
            with suppress(DocumentNotFound):
                closed = assign(ApiKeyDocument.connections_closed, True)
                api_keys.patch(key.id, key.user_id, closed, where=[where(ApiKeyDocument.name, "exists")])
            done += 1
    return done


def _close_connections(key: ApiKeyDocument) -> None:
    """Close every WebSocket of the account, if the key could open one; open pages ask for a new URL."""
    if key.kind is not KeyKind.SECRET or Scope.TRYON not in key.scopes:
        return
    account = lifecycle.update_account(key.user_id, lambda _: [increment(AccountDocument.connection_version)])
    close_connections(key.user_id, account.connection_version - 1)


def _again(document: ApiKeyDocument, repeatable: Repeatable) -> ApiKeyWithSecret:
    """The answer of a request that comes again, while the key has the text which that request gave it."""
    made = key_again(document, repeatable)
    if made is None:
        raise Conflict(
            "the key has another text since this request was answered: rotate it under a new Idempotency-Key",
            code="key_changed",
        )
    return _with_secret(document, made)


def _missing() -> NotFound:
    return NotFound("there is no such key", code="key_not_found")


def _expiry(document: ApiKeyDocument) -> str | None:
    return None if document.expires_at is None else clock.iso(document.expires_at)


def _answer(document: ApiKeyDocument) -> ApiKey:
    return ApiKey.of(
        document, expires_at=_expiry(document), scopes=list(document.scopes), origins=list(document.origins)
    )


def _with_secret(document: ApiKeyDocument, made: NewKey) -> ApiKeyWithSecret:
    return ApiKeyWithSecret.of(
        document,
        expires_at=_expiry(document),
        scopes=list(document.scopes),
        origins=list(document.origins),
        key=made.text,
    )
