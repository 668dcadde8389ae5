"""Answers about the caller's account."""

from pydantic import Field

from shared.accounts.roles import Role
from shared.http.models import Answer


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


class Quota(Answer):
    """Conversions of this calendar month (UTC)."""

    used: int
    limit: int


class Profile(User):
    """An account with its quota and credits."""

    quota: Quota
    credits: int = Field(description="conversions bought beyond the quota; below zero after a refund of spent credits")
