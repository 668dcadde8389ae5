"""Requests and answers of sign-in, sessions and passwords."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from functions.auth.field_types import (
    REVOKE_MADE_SINCE,
    DeviceToken,
    Email,
    LinkToken,
    Moment,
    Name,
    Password,
    Phone,
    RefreshToken,
    SecondFactorCode,
)
from functions.auth.profile_models import User
from functions.auth.token_models import Tokens
from shared.http.models import Answer, Body


class RegisterRequest(Body):
    """A new account."""

    email: Email
    password: Password = Field(
        description="10 characters to 1,024 bytes, not the e-mail address, none of the most common ones"
    )
    display_name: Name | None = None
    phone: Phone | None = Field(None, description="E.164; for notifications by SMS, once it is confirmed")
    role: Literal["shopper", "vendor", "merchant"] = Field(
        "shopper",
        description="a seller role is a request: the account is a shopper's until an administrator approves it",
    )


class LoginRequest(Body):
    """E-mail address and password of an account."""

    email: Email
    password: Password
    code: SecondFactorCode | None = Field(
        None, description="six digits of the authenticator app, or a recovery code, if the account has a second factor"
    )
    device_token: DeviceToken | None = Field(
        None, description="of an earlier sign-in: this device is not held back by other people's wrong guesses"
    )


class RefreshRequest(Body):
    """A refresh token; it works once."""

    refresh_token: RefreshToken
    device_token: DeviceToken | None = Field(
        None, description="of the sign-in: within a minute a lost answer is repeated to this device"
    )


class LogoutRequest(Body):
    """What to end; without a body the session of the access token."""

    may_be_missing: ClassVar[bool] = True

    refresh_token: RefreshToken | None = Field(None, description="its session ends, too")
    everywhere: bool = Field(False, description="every session of the account ends")
    revoke_made_since: Moment | None = REVOKE_MADE_SINCE


class ForgotPassword(Body):
    """Whose password to reset."""

    email: Email


class ResetPassword(Body):
    """A new password, by a link that was sent."""

    token: LinkToken
    password: Password
    revoke_made_since: Moment | None = REVOKE_MADE_SINCE


class Registered(Answer):
    """A new account, signed in."""

    user: User
    tokens: Tokens


class SignedIn(Tokens):
    """A pair of tokens and the account they belong to."""

    user: User
