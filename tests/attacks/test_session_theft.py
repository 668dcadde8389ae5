"""Stolen tokens: what ends them, and that a client that lost an answer is not taken for a thief."""

from __future__ import annotations

from typing import Any

import pytest
from accounts_world import PASSWORD, World
from http_calls import Answered

from functions.auth import sessions
from shared import clock


def refresh(world: World, token: str, device: str | None = None) -> Answered:
    body = {"refreshToken": token} if device is None else {"refreshToken": token, "deviceToken": device}
    return world.call("auth_refresh", body)


def alive(world: World, access: str) -> bool:
    return world.call("auth_me", token=access).status == 200


@pytest.fixture
def tokens(world: World, address: str) -> dict[str, Any]:
    return world.owner(address)["tokens"]


def test_reuse_of_a_refresh_token_ends_the_access_tokens_of_its_session_and_no_other(
    world: World, tokens: dict[str, Any], address: str
) -> None:
    other = world.login(address).body
    thief = refresh(world, tokens["refreshToken"]).body
    world.pass_time(sessions.REPEAT_S + 1)
    assert refresh(world, tokens["refreshToken"]).code == "refresh_invalid"
    assert not alive(world, thief["accessToken"])
    assert not alive(world, tokens["accessToken"])
    assert refresh(world, thief["refreshToken"]).code == "refresh_invalid"
    assert alive(world, other["accessToken"])
    assert refresh(world, other["refreshToken"]).status == 200


def test_a_lost_answer_is_repeated_to_the_device_that_signed_in(world: World, tokens: dict[str, Any]) -> None:
    lost = refresh(world, tokens["refreshToken"], tokens["deviceToken"]).body
    again = refresh(world, tokens["refreshToken"], tokens["deviceToken"])
    assert again.status == 200
    assert again.body["refreshToken"] == lost["refreshToken"]
    assert alive(world, again.body["accessToken"])
    assert refresh(world, again.body["refreshToken"], tokens["deviceToken"]).status == 200


def test_no_one_else_gets_a_lost_answer(world: World, tokens: dict[str, Any], address: str) -> None:
    eve = world.owner(f"eve.{address}")["tokens"]["deviceToken"]
    another = world.login(address).body["deviceToken"]
    refresh(world, tokens["refreshToken"], tokens["deviceToken"])
    for device in (None, eve, another, tokens["deviceToken"][:-3] + "abc", tokens["accessToken"]):
        assert refresh(world, tokens["refreshToken"], device).code == "refresh_superseded"


def test_a_lost_answer_is_not_repeated_once_it_was_used_or_a_minute_later(world: World, tokens: dict[str, Any]) -> None:
    device = tokens["deviceToken"]
    second = refresh(world, tokens["refreshToken"], device).body["refreshToken"]
    refresh(world, second, device)
    assert refresh(world, tokens["refreshToken"], device).code == "refresh_invalid"


def test_a_minute_later_it_is_reuse(world: World, tokens: dict[str, Any]) -> None:
    refresh(world, tokens["refreshToken"], tokens["deviceToken"])
    world.pass_time(sessions.REPEAT_S + 1)
    assert refresh(world, tokens["refreshToken"], tokens["deviceToken"]).code == "refresh_invalid"


@pytest.mark.parametrize("body", [None, {}])
def test_signing_out_without_a_body_ends_the_session(world: World, tokens: dict[str, Any], body: Any) -> None:
    newer = refresh(world, tokens["refreshToken"]).body
    assert world.call("auth_logout", body, token=newer["accessToken"]).status == 204
    for each in (tokens, newer):
        assert not alive(world, each["accessToken"])
        assert refresh(world, each["refreshToken"]).code == "refresh_invalid"


@pytest.mark.parametrize("act", ["logout", "everywhere", "password", "reset", "reuse", "disable", "erase"])
def test_every_end_of_a_session_outdates_its_websockets(
    world: World, tokens: dict[str, Any], address: str, act: str
) -> None:
    from http_calls import App

    from functions.admin import users
    from functions.admin.models.users import UserChange
    from functions.privacy.blueprint import bp as privacy
    from shared.accounts.documents import Role, accounts
    from shared.http.auth import Principal

    me = world.call("auth_me", token=tokens["accessToken"]).body["id"]
    before = accounts.get(me, me).connection_version
    access = tokens["accessToken"]
    if act in ("logout", "everywhere"):
        world.call("auth_logout", {"everywhere": act == "everywhere"}, token=access)
    elif act == "password":
        wanted = {"password": {"current": PASSWORD, "new": "another long one"}}
        assert world.call("auth_me_change", wanted, token=access).status == 200
    elif act == "reset":
        world.call("auth_password_forgot", {"email": address})
        world.call("auth_password_reset", {"token": world.link(address), "password": "another long one"})
    elif act == "reuse":
        refresh(world, tokens["refreshToken"])
        world.pass_time(sessions.REPEAT_S + 1)
        refresh(world, tokens["refreshToken"])
    elif act == "disable":
        admin = Principal("root", Role.ADMIN, "t", clock.now() + 60)
        users.update_user(admin, me, UserChange(disabled=True, reason="a test"))
    else:
        assert App(privacy)("delete_account", token=access).status == 202
    assert accounts.get(me, me).connection_version == before + 1


def test_a_session_ends_after_180_days_however_often_it_is_refreshed(world: World, tokens: dict[str, Any]) -> None:
    token = tokens["refreshToken"]
    for _ in range(9):
        answer = refresh(world, token)
        if answer.status != 200:
            break
        token = answer.body["refreshToken"]
        world.pass_time(25 * 86400)
    assert answer.code == "refresh_invalid"


def test_a_device_token_is_no_session(world: World, tokens: dict[str, Any]) -> None:
    assert not alive(world, tokens["deviceToken"])
    assert world.call("auth_logout", token=tokens["deviceToken"]).status == 401
