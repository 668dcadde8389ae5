"""Requests and answers of accounts and sessions."""

from __future__ import annotations

import unicodedata
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from shared.accounts.documents import Role
from shared.http.models import Answer, Body


def _one_line(text: str) -> str:
    """Refuse what could forge or reverse the text around a name; joiners, which emoji need, may stay."""
    for character in text:
        kind = unicodedata.category(character)
        if kind in ("Cc", "Zl", "Zp") or (kind == "Cf" and character not in "\u200c\u200d"):
            raise ValueError("control and direction characters are not allowed")
    return text


Email = Annotated[str, StringConstraints(min_length=3, max_length=254)]
Password = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
RefreshToken = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Phone = Annotated[str, StringConstraints(pattern=r"^\+[1-9][0-9]{6,14}$")]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Z]{2})?$")]
Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100),
    AfterValidator(_one_line),
]


class RegisterRequest(Body):
    """A new account."""

    email: Email
    password: Password = Field(description="10 characters to 1,024 bytes, not the e-mail address")
    display_name: Name | None = None
    phone: Phone | None = Field(None, description="E.164; for notifications by SMS")
    role: Literal["shopper", "vendor", "merchant"] = "shopper"


class LoginRequest(Body):
    """E-mail address and password of an account."""

    email: Email
    password: Password


class RefreshRequest(Body):
    """A refresh token; it works once."""

    refresh_token: RefreshToken


class LogoutRequest(Body):
    """What to end besides the access token of the request."""

    refresh_token: RefreshToken | None = Field(None, description="its session ends")
    everywhere: bool = Field(False, description="every session of the account ends")


class PasswordChange(Body):
    """A new password, and the current one as proof."""

    current: Password
    new: Password


class ProfileChange(Body):
    """What to change; a field left out stays, null removes it."""

    display_name: Name | None = None
    phone: Phone | None = None
    language: Language | None = Field(None, description="BCP 47, `de` or `pt-BR`")
    password: PasswordChange | None = Field(None, description="ends every other session")


class User(Answer):
    """An account, to its owner."""

    id: str
    email: str
    display_name: str | None
    phone: str | None
    language: str | None
    role: Role
    shop: str = Field(description="the shop whose products the user finds, or sells in")
    created_at: str


class Tokens(Answer):
    """A pair of tokens; the refresh token works once."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105
    expires_in: int = Field(description="seconds")
    refresh_token: str
    refresh_expires_in: int = Field(description="seconds")


class Registered(Answer):
    """A new account, signed in."""

    user: User
    tokens: Tokens


class SignedIn(Tokens):
    """A pair of tokens and the account they belong to."""

    user: User


class Quota(Answer):
    """Conversions of this calendar month (UTC)."""

    used: int
    limit: int


class Profile(User):
    """An account with its quota and credits."""

    quota: Quota
    credits: int = Field(description="conversions bought beyond the quota; below zero after a refund of spent credits")


class ChangedProfile(Profile):
    """An account after a change."""

    tokens: Tokens | None = Field(None, description="new tokens after a change of password")
