"""Requests and answers of invitations, members of shops, and accounts that administrators create."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from functions.auth.field_types import Email, LinkToken, Name, Password, Phone
from shared.accounts.roles import Role
from shared.accounts.shops import ShopName
from shared.http.models import Answer, Body
from shared.http.page_query import PageQuery


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
    shop: ShopName | None = Field(None, description="an administrator names it; a merchant invites into the own one")


class MembersQuery(PageQuery):
    """Whose members to list."""

    shop: ShopName | None = Field(default=None, description="an administrator names it; a merchant's is the own one")


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
    shop: ShopName | None = Field(None, description="which a vendor or merchant becomes a member of; required for them")
    display_name: Name | None = None
    phone: Phone | None = None
