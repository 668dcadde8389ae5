"""A stolen session that wants to stay: by an API key made with it, by a WebSocket of a key, by deleting all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from accounts_world import World
from http_calls import Answered, App

from shared import clock
from shared.accounts.documents import accounts
from shared.accounts.roles import Scope
from shared.accounts.session_documents import SessionDocument, sessions
from shared.documents.fields import assign
from shared.http.auth import SCOPES

OLD_S = 3601
SECRET = {"name": "Server", "scopes": ["tryon"]}
PUBLISHABLE = {"name": "Page", "kind": "publishable", "scopes": ["tryon"], "origins": ["https://shop.example.com"]}


@pytest.fixture
def keys(world: World) -> App:
    return App.of("keys")


def an_hour_later(world: World, tokens: dict[str, Any]) -> str:
    """An access token of the same session an hour later, as a thief of its refresh token gets it."""
    id = tokens["refreshToken"].partition(".")[0]
    sessions.patch(id, id, assign(SessionDocument.created_at, clock.iso(clock.now() - OLD_S)))
    refreshed = world.call("auth_refresh", {"refreshToken": tokens["refreshToken"]})
    assert refreshed.status == 200, refreshed.raw
    return refreshed.body["accessToken"]


def test_what_outlives_a_session_or_destroys_needs_a_recent_sign_in(world: World, address: str, keys: App) -> None:
    tokens = world.owner(address)["tokens"]
    secret = keys("api_keys_create", SECRET, token=tokens["accessToken"]).body["id"]
    token = an_hour_later(world, tokens)
    privacy = App.of("privacy")
    acts: dict[str, Callable[[str], Answered]] = {
        "create a key": lambda token: keys("api_keys_create", SECRET, token=token),
        "create a publishable key": lambda token: keys("api_keys_create", PUBLISHABLE, token=token),
        "rotate a key": lambda token: keys("api_keys_rotate", token=token, route={"id": secret}),
        "delete the account": lambda token: privacy("delete_account", token=token),
    }
    for name, act in acts.items():
        refused = act(token)
        assert (refused.status, refused.code) == (403, "sign_in_again"), name
    recent = world.login(address).body["accessToken"]
    assert [act(recent).status for act in acts.values()] == [201, 201, 200, 202]


def test_ending_a_key_is_always_possible(world: World, address: str, keys: App) -> None:
    tokens = world.owner(address)["tokens"]
    made = keys("api_keys_create", SECRET, token=tokens["accessToken"]).body["id"]
    token = an_hour_later(world, tokens)
    assert keys("api_keys_delete", token=token, route={"id": made}).status == 204


def test_only_the_scope_that_is_looked_at_opens_websockets() -> None:
    assert SCOPES["notifications"] == {Scope.TRYON}


@pytest.mark.parametrize("act", ["api_keys_delete", "api_keys_rotate"])
@pytest.mark.parametrize(("key", "closes"), [(SECRET, 1), ({**SECRET, "scopes": ["search"]}, 0), (PUBLISHABLE, 0)])
def test_websockets_that_a_key_may_have_opened_end_with_it(
    world: World, address: str, keys: App, act: str, key: dict[str, Any], closes: int
) -> None:
    owner = world.owner(address)
    access, id = owner["tokens"]["accessToken"], owner["user"]["id"]
    made = keys("api_keys_create", key, token=access).body["id"]
    before = accounts.get(id, id).connection_version
    assert keys(act, token=access, route={"id": made}).status in (200, 204)
    assert accounts.get(id, id).connection_version == before + closes
