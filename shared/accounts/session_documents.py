"""The document of a session."""

from __future__ import annotations

from typing import ClassVar, Final, Literal

from pydantic import Field

from shared.documents.model import StoredDocument, Timestamp
from shared.documents.repository import Repository


class SessionDocument(StoredDocument, frozen=True):
    """A family of refresh tokens, started by a sign-in; only the latest token of it works."""

    container: ClassVar[str] = "tokens"

    type: Literal["session"] = "session"
    user_id: str
    device: str | None = Field(
        default=None, description="id of the device that signed in; a lost answer is repeated to it"
    )
    token_version: int = Field(description="of the account at sign-in; the session ends when the account's changes")
    digest: str = Field(description="SHA-256 in hex of the token that works")
    used_digest: str | None = Field(default=None, description="SHA-256 in hex of the token used last")
    used_at: float | None = Field(default=None, description="epoch seconds when that token was used")
    revoked_at: Timestamp | None = None
    generation: int = Field(default=0, description="tokens used so far")
    created_at: Timestamp
    expires_at: float = Field(description="epoch seconds when the current token expires")


sessions: Final = Repository(SessionDocument)
