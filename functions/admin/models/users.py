"""Requests and answers about accounts."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from functions.admin.models.common import Reason
from shared.accounts.documents import Role
from shared.accounts.shops import ShopName
from shared.http.models import Answer, Body, example
from shared.http.page_query import PageQuery


class UsersQuery(PageQuery):
    """Which accounts to list, newest first."""

    role: Role | None = None
    requested_role: Role | None = Field(default=None, description="seller role asked for and not yet decided on")
    disabled: bool | None = None
    email: Annotated[str, StringConstraints(min_length=3, max_length=254)] | None = Field(
        default=None, description="the whole address"
    )


class UserSummary(Answer):
    """An account as an administrator sees it."""

    id: str
    email: str
    email_confirmed: bool
    display_name: str | None
    role: Role
    requested_role: Role | None
    shop: str
    disabled: bool
    created_at: str
    updated_at: str


class UserDetail(UserSummary):
    """An account and what it uses."""

    phone: str | None
    phone_confirmed: bool
    second_factor: bool
    language: str | None
    images: int
    image_bytes: int
    conversions_this_month: int
    closing: bool = Field(description="the owner has asked for its deletion")


class UserList(Answer):
    """A page of accounts."""

    items: list[UserSummary]
    continuation: str | None = None


class UserChange(Body):
    """A new role or shop, whether the account may be used, or the end of its second factor; what is left out stays."""

    model_config = example(disabled=True, reason="asked for by the customer")

    role: Annotated[Role, Field(strict=False)] | None = None
    shop: ShopName | None = Field(
        default=None, description="required with the role of a seller; a vendor's products move with them"
    )
    disabled: bool | None = None
    remove_second_factor: Literal[True] | None = Field(
        default=None, description="for an owner who has lost app and recovery codes, and has shown who they are"
    )
    reason: Reason

    @model_validator(mode="after")
    def something(self) -> Self:
        """A change changes something."""
        changes = (self.role, self.shop, self.disabled, self.remove_second_factor)
        if all(change is None for change in changes):
            raise ValueError("name a `role`, a `shop`, `disabled` or `removeSecondFactor`")
        return self
