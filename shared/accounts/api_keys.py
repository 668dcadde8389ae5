"""API keys: how servers and shop pages call without signing in.

A key is `sk_<user>_<id>_<secret>` (for servers, to be kept secret) or `pk_...` (publishable, for pages at listed
origins). User and id name the document; the secret has 256 bits, so its SHA-256 is stored and no slow hash is needed.

The secret is random; that of a request under an `Idempotency-Key` is an HMAC of what the request repeats, so that a
repetition answers the same text and the text is stored nowhere (docs/decisions/0073).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import threading
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final, Literal

from pydantic import Field

from shared import clock
from shared.accounts.roles import Scope as Scope
from shared.accounts.settings import account_settings
from shared.documents.fields import assign
from shared.documents.model import DocumentId, StoredDocument, Timestamp
from shared.documents.repository import Repository
from shared.errors import DocumentNotFound

USE_RECORDED_EVERY_S: Final = 3600
"""`last_used_at` is written at most this often, in seconds."""
MAX_CACHED: Final = 10_000
_FORM = re.compile(r"[sp]k_([A-Za-z0-9_-]{1,64})_([A-Za-z0-9-]{1,64})_[0-9a-f]{64}")


class KeyKind(StrEnum):
    """Who holds a key."""

    SECRET = "secret"  # noqa: S105
    """A server; the key is not to be shown to anyone."""
    PUBLISHABLE = "publishable"
    """A page that everyone can read; the key works at listed origins only, for what visitors may do."""


class ApiKeyId(DocumentId):
    """`apikey:<id>`."""

    prefix: ClassVar[str] = "apikey:"


class ApiKeyDocument(StoredDocument, frozen=True):
    """An API key of an account."""

    type: Literal["api_key"] = "api_key"
    id: ApiKeyId
    user_id: str = Field(description="whose rights it has")
    kind: KeyKind
    name: str
    scopes: tuple[Scope, ...]
    origins: tuple[str, ...] = Field(default=(), description="of the pages that may use a publishable key")
    tryons_a_day: int | None = Field(
        default=None, description="of all visitors by a publishable key in a day (UTC); None: the setting's"
    )
    secret_hash: str = Field(description="SHA-256 of the key, hex")
    hint: str = Field(description="the last characters of the key, to recognise it")
    expires_at: float | None = Field(default=None, description="epoch seconds; None: never")
    last_used_at: Timestamp | None = Field(default=None, description="exact to an hour")
    connections_closed: bool = Field(default=False, description="whether its WebSockets ended after it had expired")
    made_by: str | None = Field(default=None, description="id of the session that it got its text in; None: unknown")
    changed_at: Timestamp | None = Field(default=None, description="when it got another text")
    created_at: Timestamp


api_keys: Final = Repository(ApiKeyDocument)


@dataclass(frozen=True)
class NewKey:
    """A key that was just made; its text is nowhere else."""

    text: str
    secret_hash: str
    hint: str


@dataclass(frozen=True)
class Repeatable:
    """A request under an `Idempotency-Key`, which may come again."""

    id: str
    """Made for the request, and the same for every repetition."""
    key: str
    """The caller's `Idempotency-Key`, of which the store has a hash alone."""
    answered: bool
    """Whether it was answered before: it changes nothing more."""


def new_key(kind: KeyKind, user_id: str, id: str, request: Repeatable | None = None) -> NewKey:
    """A fresh key for the document `id` of a user; the same one for every repetition of a repeatable request."""
    conf = account_settings()
    signing_key = conf.jwt_keys[conf.jwt_active_kid].get_secret_value()
    return _key(kind, user_id, id, secrets.token_hex(32) if request is None else _secret(signing_key, id, request))


def key_again(document: ApiKeyDocument, request: Repeatable) -> NewKey | None:
    """The key as this request made it; None once it has another text, or was made under a signing key that is gone."""
    for signing_key in account_settings().jwt_keys.values():
        secret = _secret(signing_key.get_secret_value(), document.id.public, request)
        made = _key(document.kind, document.user_id, document.id.public, secret)
        if hmac.compare_digest(made.secret_hash, document.secret_hash):
            return made
    return None


def _secret(signing_key: str, id: str, request: Repeatable) -> str:
    """64 hex digits, which only who has both the signing key and the `Idempotency-Key` can make."""
    # The line breaks tell it from what access tokens sign under the same key.
    message = f"api-key\n{id}\n{request.id}\n{request.key}"
    return hmac.new(signing_key.encode(), message.encode(), hashlib.sha256).hexdigest()


def _key(kind: KeyKind, user_id: str, id: str, secret: str) -> NewKey:
    prefix = "sk" if kind is KeyKind.SECRET else "pk"
    text = f"{prefix}_{user_id}_{id}_{secret}"
    return NewKey(text, _hash(text), text[-4:])


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class ApiKeyCache:
    """Keys by their text's hash, each read from the store at most once in `ACCOUNT_CACHE_S` seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: dict[str, tuple[float, ApiKeyDocument]] = {}

    def find(self, text: str) -> ApiKeyDocument | None:
        """The document of a valid key; None for a key that is unknown, revoked or expired."""
        form = _FORM.fullmatch(text)
        if form is None:
            return None
        digest, now = _hash(text), clock.now()
        with self._lock:
            entry = self._entries.get(digest)
        if entry is None or entry[0] <= now:
            user_id, id = form.groups()
            document = api_keys.find(ApiKeyId.of(id), user_id)
            if document is None or not hmac.compare_digest(document.secret_hash, digest):
                with self._lock:
                    self._entries.pop(digest, None)
                return None
            entry = (now + account_settings().account_cache_s, _record_use(document))
            with self._lock:
                if len(self._entries) > MAX_CACHED:
                    self._entries.clear()
                self._entries[digest] = entry
        document = entry[1]
        return None if document.expires_at is not None and document.expires_at <= now else document

    def clear(self) -> None:
        """Forget all keys, because one was changed in this process."""
        with self._lock:
            self._entries.clear()


def _record_use(document: ApiKeyDocument) -> ApiKeyDocument:
    """Write when the key was last used, unless it was written within the last hour."""
    now = clock.iso()
    recent = clock.iso(clock.now() - USE_RECORDED_EVERY_S)
    if document.last_used_at is not None and document.last_used_at > recent:
        return document
    try:
        return api_keys.patch(document.id, document.user_id, assign(ApiKeyDocument.last_used_at, now))
    except DocumentNotFound:
        return document


api_key_cache: Final = ApiKeyCache()
"""The cache of this process."""
