"""The document of an account."""

from typing import ClassVar, Final, Literal

from pydantic import Field

from shared.accounts.roles import DEFAULT_SHOP as DEFAULT_SHOP
from shared.accounts.roles import Role as Role
from shared.documents.model import Record, StoredDocument, Timestamp
from shared.documents.repository import Repository


class RevokedToken(Record, frozen=True):
    """An access token, or all of one session, ended before they expired."""

    jti: str = Field(description="id of the token, its claim `jti`; or of the session, its claim `sid`")
    exp: float = Field(description="epoch seconds when the last of them expires")


class AccountDocument(StoredDocument, frozen=True):
    """An account; its id is the user id that other documents name."""

    container: ClassVar[str] = "accounts"

    type: Literal["account"] = "account"
    email: str = Field(description="normalised address, unique among accounts")
    email_hash: str = Field(description="SHA-256 of the address in hex; names the address where it must not appear")
    display_name: str | None = None
    email_confirmed: bool = Field(
        default=True, description="the owner has shown that the address is theirs; older accounts count as confirmed"
    )
    phone: str | None = Field(default=None, description="E.164, for notifications by SMS")
    phone_confirmed: bool = Field(
        default=False, description="the owner has entered a code sent to it; no other SMS goes there before that"
    )
    language: str | None = Field(default=None, description="BCP 47, for notifications")
    role: Role
    shop: str = Field(default=DEFAULT_SHOP, description="the shop whose products the user finds, or sells in")
    requested_role: Role | None = Field(
        default=None,
        exclude_if=lambda value: value is None,
        description="seller role asked for at registration, until an administrator decides",
    )
    password_hash: str = Field(description="argon2id, or bcrypt until the next login")
    second_factor: bool = Field(default=False, description="signing in takes a code besides the password")
    token_version: int = Field(default=1, description="access tokens and sessions of other versions are invalid")
    connection_version: int = Field(
        default=0, description="WebSockets, and URLs that open them, of earlier versions receive nothing"
    )
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

    def accepts(self, version: int, token_id: str, session: str | None) -> bool:
        """Whether an access token of this version, id and session still counts."""
        ended = any(revoked.jti in (token_id, session) for revoked in self.revoked)
        return not self.disabled and self.token_version == version and not ended


accounts: Final = Repository(AccountDocument)
