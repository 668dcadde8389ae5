"""Stored documents of sign-in: counted attempts, one-time links and codes, and second factors."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Final, Literal

from pydantic import Field

from shared.accounts.documents import Role
from shared.documents.model import DocumentId, StoredDocument, Timestamp
from shared.documents.repository import Repository


class LoginAttemptsId(DocumentId):
    """`login:<subject>`: a hash of the e-mail address and a network, for example."""

    prefix: ClassVar[str] = "login:"


class LoginAttempts(StoredDocument, frozen=True):
    """Attempts of one subject since the last success."""

    container: ClassVar[str] = "rate_limits"

    id: LoginAttemptsId
    attempts: int = Field(alias="n", description="attempts so far")
    until: float = Field(description="epoch seconds when the next attempt is allowed")


class GuessBudget(StoredDocument, frozen=True):
    """Attempts of all unknown devices with one e-mail address in a day, or messages to it or its owner in an hour."""

    container: ClassVar[str] = "rate_limits"

    attempts: int = Field(alias="n", description="attempts so far")


class LinkPurpose(StrEnum):
    """What a link in an e-mail does."""

    CONFIRM_EMAIL = "confirm_email"
    """Shows that the address belongs to the account's owner; also for a new address of an account."""
    RESET_PASSWORD = "reset_password"  # noqa: S105
    """Sets a new password."""
    INVITATION = "invitation"
    """Makes its holder a member of a shop."""


class LinkId(DocumentId):
    """`link:<id>`."""

    prefix: ClassVar[str] = "link:"


class LinkDocument(StoredDocument, frozen=True):
    """A link of one use in an e-mail. Its secret is derived from id and a key of the settings, and is not stored."""

    container: ClassVar[str] = "tokens"

    type: Literal["link"] = "link"
    id: LinkId
    user_id: str = Field(description="whose account it is for; `invited:<hash>` for an invitation")
    purpose: LinkPurpose
    email: str = Field(description="where it was sent")
    email_hash: str
    previous_email: str | None = Field(default=None, description="the account's address before a change to `email`")
    token_version: int | None = Field(
        default=None, description="of the account when the change of its address was asked for; None for other links"
    )
    kid: str = Field(description="id of the key that the secret is derived from")
    role: Role | None = Field(default=None, description="of an invitation")
    shop: str | None = Field(default=None, description="of an invitation")
    invited_by: str | None = Field(default=None, description="user id of who invited; None: unknown, or no invitation")
    made_by: str | None = Field(default=None, description="id of the session in which an invitation was made")
    expires_at: float = Field(description="epoch seconds")
    used_at: float | None = Field(default=None, description="epoch seconds; a link works once")
    created_at: Timestamp


class PhoneCodeId(DocumentId):
    """`phone:<user id>`."""

    prefix: ClassVar[str] = "phone:"


class PhoneCodeDocument(StoredDocument, frozen=True):
    """The code that was sent last to the phone number of a user, derived as the secret of a link is."""

    container: ClassVar[str] = "tokens"

    type: Literal["phone_code"] = "phone_code"
    id: PhoneCodeId
    user_id: str
    phone: str
    nonce: str
    kid: str
    attempts: int = Field(default=0, description="codes entered so far")
    expires_at: float = Field(description="epoch seconds")


class SecondFactorId(DocumentId):
    """`second_factor:<user id>`."""

    prefix: ClassVar[str] = "second_factor:"


class SecondFactorDocument(StoredDocument, frozen=True):
    """The authenticator app of a user (TOTP, RFC 6238), and what to use when it is lost."""

    container: ClassVar[str] = "tokens"

    type: Literal["second_factor"] = "second_factor"
    id: SecondFactorId
    user_id: str
    secret: str = Field(description="shared with the app, base32")
    last_step: int = Field(default=0, description="time step of the code used last: a code works once")
    recovery: tuple[str, ...] = Field(default=(), description="SHA-256 in hex of the recovery codes not yet used")
    confirmed_at: float | None = Field(
        default=None, description="epoch seconds when a code of the app was confirmed; None: begun only"
    )
    created_at: Timestamp


login_attempts: Final = Repository(LoginAttempts)
guess_budgets: Final = Repository(GuessBudget)
links: Final = Repository(LinkDocument)
phone_codes: Final = Repository(PhoneCodeDocument)
second_factors: Final = Repository(SecondFactorDocument)
