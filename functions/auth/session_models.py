"""Requests and answers about the sessions of an account."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from functions.auth.field_types import Password
from shared.http.models import Answer, Body, example

SessionId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]


class SessionEnd(Body):
    """Which sessions to end, and the password as proof."""

    model_config = example(ids=["0123456789abcdef0123456789abcdef"], password="correct horse battery")  # noqa: S106

    ids: list[SessionId] = Field(min_length=1, max_length=100)
    password: Password
    revoke_made: bool = Field(
        False, description="API keys made in these sessions are revoked, and webhooks made or changed in them disabled"
    )


class Session(Answer):
    """A session: what began with a sign-in on a device, and goes on by its refresh tokens."""

    id: str
    current: bool = Field(description="whether it is the session of this request")
    created_at: str = Field(description="when its user signed in")
    refreshed_at: str | None = Field(description="when it got new tokens last; null: not yet")
    expires_at: str = Field(description="when it ends if it gets none")


class SessionList(Answer):
    """The sessions of an account that have not ended, at most the latest 200, the latest sign-in first."""

    items: list[Session]
