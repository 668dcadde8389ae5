"""Requests and answers of accounts and sessions."""

from __future__ import annotations

import unicodedata
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, StringConstraints

from shared.accounts.documents import Role
from shared.http.models import Answer, Body, PageQuery


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
DeviceToken = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
LinkToken = Annotated[str, StringConstraints(min_length=1, max_length=256)]
SecondFactorCode = Annotated[str, StringConstraints(pattern=r"^([0-9]{6}|[a-z2-7]{4}(-[a-z2-7]{4}){5})$")]
Shop = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
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


class ForgotPassword(Body):
    """Whose password to reset."""

    email: Email


class ResetPassword(Body):
    """A new password, by a link that was sent."""

    token: LinkToken
    password: Password


class EmailChange(Body):
    """A new e-mail address, and the password as proof."""

    email: Email
    password: Password


class EmailConfirmation(Body):
    """Proof that an e-mail address is the user's."""

    token: LinkToken


class PhoneConfirmation(Body):
    """Proof that a phone number is the user's."""

    code: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")] = Field(description="six digits of the SMS")


class SecondFactorStart(Body):
    """The password, as proof."""

    password: Password


class SecondFactorConfirmation(Body):
    """Proof that the authenticator app has the secret."""

    code: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]


class SecondFactorRemoval(Body):
    """Proof that it is the owner who removes the second factor."""

    password: Password
    code: SecondFactorCode


class Accepted(Answer):
    """The request was accepted; a message is on its way if there is anyone to send it to."""

    accepted: Literal[True] = True


class SecondFactorSecret(Answer):
    """What an authenticator app needs."""

    secret: str = Field(description="base32")
    uri: str = Field(description="`otpauth://` URI, to show as a QR code")


class RecoveryCodes(Answer):
    """Codes that replace the authenticator app when it is lost; each works once. Shown this once."""

    recovery_codes: list[str]


class InvitationAcceptance(Body):
    """An invitation, and the password of the account if there is none for its address yet."""

    token: LinkToken
    password: Password | None = None
    display_name: Name | None = None


class Membership(Answer):
    """What an invitation has made of an account."""

    user_id: str
    email: str
    role: Role
    shop: str


class Invitation(Body):
    """Whom to invite into a shop."""

    email: Email
    role: Literal["vendor", "merchant"]
    shop: Shop | None = Field(None, description="an administrator names it; a merchant invites into the own one")


class MembersQuery(PageQuery):
    """Whose members to list."""

    shop: Shop | None = Field(default=None, description="an administrator names it; a merchant's is the own one")


class Member(Answer):
    """A vendor or merchant of a shop."""

    id: str
    email: str
    display_name: str | None
    role: Role
    disabled: bool
    created_at: str


class MemberList(Answer):
    """A page of members."""

    items: list[Member]
    continuation: str | None = None


class NewUser(Body):
    """An account that an administrator makes: its address and phone number count as confirmed."""

    email: Email
    password: Password
    role: Literal["shopper", "vendor", "merchant"] = "shopper"
    shop: Shop | None = Field(None, description="which a vendor or merchant becomes a member of; required for them")
    display_name: Name | None = None
    phone: Phone | None = None


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
    email_confirmed: bool = Field(description="without it nothing is done that a provider charges for")
    display_name: str | None
    phone: str | None
    phone_confirmed: bool = Field(description="without it no SMS is sent but the code that confirms it")
    language: str | None
    role: Role
    requested_role: Role | None = Field(
        default=None, description="seller role that an administrator has yet to approve"
    )
    second_factor: bool = Field(description="signing in takes a code besides the password")
    shop: str = Field(description="the shop whose products the user finds, or sells in")
    created_at: str


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
