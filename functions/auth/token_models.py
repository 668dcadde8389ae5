"""The tokens of a session."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from shared.http.models import Answer


class Tokens(Answer):
    """A pair of tokens; the refresh token works once."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105
    expires_in: int = Field(description="seconds")
    refresh_token: str
    refresh_expires_in: int = Field(description="seconds")
    device_token: str | None = Field(
        default=None,
        description="after a sign-in: keep it, and send it with later sign-ins and refreshes from this device",
    )
