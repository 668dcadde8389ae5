"""Documents of identity: accounts, the pointers that make e-mail addresses unique, and sessions."""

from __future__ import annotations

from typing import ClassVar, Final, Literal

from pydantic import Field

from shared.accounts.roles import DEFAULT_SHOP as DEFAULT_SHOP
from shared.accounts.roles import Role as Role
from shared.documents.model import DocumentId, Record, StoredDocument, Timestamp
from shared.documents.repository import Repository


class RevokedToken(Record, frozen=True):
    """An access token that was ended before it expired."""

    jti: str = Field(description="id of the token, its claim `jti`")
    exp: float = Field(description="epoch seconds when it expires, its claim `exp`")


class AccountDocument(StoredDocument, frozen=True):
    """An account; its id is the user id that other documents name."""

    container: ClassVar[str] = "accounts"

    type: Literal["account"] = "account"
    email: str = Field(description="normalised address, unique among accounts")
    email_hash: str = Field(description="SHA-256 of the address in hex; names the address where it must not appear")
    display_name: str | None = None
    phone: str | None = Field(default=None, description="E.164, for notifications by SMS")
    language: str | None = Field(default=None, description="BCP 47, for notifications")
    role: Role
    shop: str = Field(default=DEFAULT_SHOP, description="the shop whose products the user finds, or sells in")
    password_hash: str = Field(description="argon2id, or bcrypt until the next login")
    token_version: int = Field(default=1, description="access tokens and sessions of other versions are invalid")
    disabled: bool = Field(default=False, description="an administrator, or a deletion, has closed the account")
    revoked: tuple[RevokedToken, ...] = Field(
        default=(), description="access tokens that were ended before they expired"
    )
    closed_at: float | None = Field(
        default=None,
        exclude_if=lambda value: value is None,
        description="epoch seconds when the deletion of the account began; not stored before that",
    )
    created_at: Timestamp
    updated_at: Timestamp


class EmailPointerId(DocumentId):
    """`email:<SHA-256 of the address in hex>`."""

    prefix: ClassVar[str] = "email:"


class EmailPointer(StoredDocument, frozen=True):
    """Reserves an e-mail address for one account."""

    container: ClassVar[str] = "accounts"

    type: Literal["email"] = "email"
    id: EmailPointerId
    user_id: str = Field(description="id that the account with this address has, or will have")
    created_at: Timestamp | None = None


class SessionDocument(StoredDocument, frozen=True):
    """A family of refresh tokens, started by a sign-in; only the latest token of it works."""

    container: ClassVar[str] = "tokens"

    type: Literal["session"] = "session"
    user_id: str
    token_version: int = Field(description="of the account at sign-in; the session ends when the account's changes")
    digest: str = Field(description="SHA-256 in hex of the token that works")
    used_digest: str | None = Field(default=None, description="SHA-256 in hex of the token used last")
    used_at: float | None = Field(default=None, description="epoch seconds when that token was used")
    revoked_at: Timestamp | None = None
    generation: int = Field(default=0, description="tokens used so far")
    created_at: Timestamp
    expires_at: float = Field(description="epoch seconds when the current token expires")


accounts: Final = Repository(AccountDocument)
email_pointers: Final = Repository(EmailPointer)
sessions: Final = Repository(SessionDocument)
