"""Requests and answers of API keys."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from shared.accounts.api_keys import KeyKind, Scope
from shared.http.models import Answer, Body
from shared.http.settings import read_origins
from shared.shown import Shown


def _distinct(scopes: list[Scope]) -> list[Scope]:
    if len(set(scopes)) != len(scopes):
        raise ValueError("each scope may be listed once")
    return scopes


def _origins(origins: list[str]) -> list[str]:
    return [*read_origins(",".join(origins))]


class ApiKeyRequest(Body):
    """A key to create."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80), Shown]
    kind: Annotated[KeyKind, Field(strict=False)] = KeyKind.SECRET
    scopes: Annotated[list[Annotated[Scope, Field(strict=False)]], AfterValidator(_distinct)] = Field(
        min_length=1, max_length=len(Scope), description="what the key may be used for"
    )
    origins: Annotated[list[str], AfterValidator(_origins)] = Field(
        default_factory=list[str], max_length=20, description="of a publishable key: `https://shop.example.com`"
    )
    tryons_a_day: int | None = Field(
        default=None, ge=0, le=1_000_000, description="of all visitors by a publishable key in a day (UTC); by default "
        "`WIDGET_TRYONS_A_DAY`",
    )  # fmt: skip
    expires_in_days: int | None = Field(default=None, ge=1, le=3650, description="days; without it the key lasts")

    @model_validator(mode="after")
    def check_origins(self) -> Self:
        """A publishable key names its pages, and no secret key does."""
        if (self.kind is KeyKind.PUBLISHABLE) != bool(self.origins):
            raise ValueError("origins: name the pages of a publishable key; a secret key has none")
        if self.kind is KeyKind.SECRET and self.tryons_a_day is not None:
            raise ValueError("tryonsADay: only a publishable key has a limit of its own")
        if "*" in self.origins:
            raise ValueError("origins: name each page; `*` is not taken")
        if self.kind is KeyKind.PUBLISHABLE and not set(self.scopes) <= {Scope.TRYON, Scope.SEARCH}:
            raise ValueError("scopes: a publishable key may have `tryon` and `search`")
        return self


class ApiKey(Answer):
    """An API key without its secret."""

    id: str
    name: str
    kind: KeyKind
    scopes: list[Scope]
    origins: list[str]
    tryons_a_day: int | None = Field(description="of all visitors by a publishable key; null: the deployment's default")
    hint: str = Field(description="the last characters of the key")
    expires_at: str | None
    last_used_at: str | None = Field(description="exact to an hour")
    created_at: str


class ApiKeyWithSecret(ApiKey):
    """An API key with its text, which no other answer contains."""

    key: str = Field(description="send a secret key as `Authorization: Bearer`; give a publishable one to the widget")


class ApiKeyList(Answer):
    """All API keys of the account."""

    items: list[ApiKey]
