"""Stored documents of sign-in."""

from __future__ import annotations

from typing import ClassVar, Final

from pydantic import Field

from shared.documents.model import DocumentId, StoredDocument
from shared.documents.repository import Repository


class LoginAttemptsId(DocumentId):
    """`login:<hash of the e-mail address>`."""

    prefix: ClassVar[str] = "login:"


class LoginAttempts(StoredDocument, frozen=True):
    """Attempts with one e-mail address since the last success."""

    container: ClassVar[str] = "rate_limits"

    id: LoginAttemptsId
    attempts: int = Field(alias="n", description="attempts so far")
    until: float = Field(description="epoch seconds when the next attempt is allowed")


login_attempts: Final = Repository(LoginAttempts)
