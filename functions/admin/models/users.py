"""Requests and answers about accounts."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from functions.admin.models.common import Reason
from shared.accounts.documents import Role
from shared.http.models import Answer, Body, PageQuery

Shop = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]


class UsersQuery(PageQuery):
    """Which accounts to list, newest first."""

    role: Role | None = None
    disabled: bool | None = None
    email: Annotated[str, StringConstraints(min_length=3, max_length=254)] | None = Field(
        default=None, description="the whole address"
    )


class UserSummary(Answer):
    """An account as an administrator sees it."""

    id: str
    email: str
    display_name: str | None
    role: Role
    shop: str
    disabled: bool
    created_at: str
    updated_at: str


class UserDetail(UserSummary):
    """An account and what it uses."""

    phone: str | None
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
    """A new role or shop, or whether the account may be used; what is left out stays."""

    role: Annotated[Role, Field(strict=False)] | None = None
    shop: Shop | None = Field(default=None, description="a vendor's products move with the vendor")
    disabled: bool | None = None
    reason: Reason

    @model_validator(mode="after")
    def something(self) -> Self:
        """A change changes something."""
        if self.role is None and self.shop is None and self.disabled is None:
            raise ValueError("name a `role`, a `shop`, or `disabled`")
        return self
