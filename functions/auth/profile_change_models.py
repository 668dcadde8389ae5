"""Requests and answers of changes of the caller's account."""

from __future__ import annotations

from pydantic import Field

from functions.auth.field_types import REVOKE_MADE_SINCE, Language, Moment, Name, Password, Phone
from functions.auth.profile_models import Profile
from functions.auth.token_models import Tokens
from shared.http.models import Body


class PasswordChange(Body):
    """A new password, and the current one as proof."""

    current: Password
    new: Password
    revoke_made_since: Moment | None = REVOKE_MADE_SINCE


class ProfileChange(Body):
    """What to change; a field left out stays, null removes it."""

    display_name: Name | None = None
    phone: Phone | None = None
    language: Language | None = Field(None, description="BCP 47, `de` or `pt-BR`")
    password: PasswordChange | None = Field(None, description="ends every other session")


class ChangedProfile(Profile):
    """An account after a change."""

    tokens: Tokens | None = Field(None, description="new tokens after a change of password")
