"""A user sees the open sessions of the account, and ends one of them by the password."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from http_calls import PASSWORD, Answered, App

from functions.auth import sessions
from shared.documents import Document, store

type List = Callable[[str], list[dict[str, Any]]]


@pytest.fixture
def listed(call: App) -> List:
    return lambda token: call("auth_sessions_list", token=token).body["items"]


def id_of(tokens: dict[str, Any]) -> str:
    return sessions.id_of(tokens["refreshToken"])


def test_open_sessions_are_listed_with_their_times(
    call: App, ada: dict[str, Any], login: Callable[..., Answered], listed: List
) -> None:
    here, there, gone = ada["tokens"], login().body, login().body
    call("auth_logout", token=gone["accessToken"])
    call("auth_refresh", {"refreshToken": there["refreshToken"]})
    items = {one["id"]: one for one in listed(here["accessToken"])}
    assert set(items) == {id_of(here), id_of(there)}
    assert [items[id_of(here)]["current"], items[id_of(there)]["current"]] == [True, False]
    assert items[id_of(here)]["refreshedAt"] is None
    assert items[id_of(there)]["createdAt"] <= items[id_of(there)]["refreshedAt"] < items[id_of(there)]["expiresAt"]
    assert "digest" not in str(items)


def test_a_session_is_ended_by_the_password(
    call: App,
    ada: dict[str, Any],
    login: Callable[..., Answered],
    listed: List,
    audit: Callable[..., list[Document]],
) -> None:
    here, there = ada["tokens"], login().body
    asked = {"ids": [id_of(there)], "password": PASSWORD}
    assert call("auth_sessions_end", asked, token=here["accessToken"]).status == 204
    assert call("auth_me", token=there["accessToken"]).code == "token_invalid"
    assert call("auth_refresh", {"refreshToken": there["refreshToken"]}).code == "refresh_invalid"
    assert [one["id"] for one in listed(here["accessToken"])] == [id_of(here)]
    assert call("auth_sessions_end", asked, token=here["accessToken"]).code == "not_found"
    assert [one["count"] for one in audit(ada["user"]["id"], "SESSIONS_ENDED")] == [1]


def test_a_stolen_token_ends_no_session_without_the_password(
    call: App, ada: dict[str, Any], login: Callable[..., Answered]
) -> None:
    here, there = ada["tokens"], login().body
    answer = call("auth_sessions_end", {"ids": [id_of(there)], "password": "a guess or two"}, token=here["accessToken"])
    assert (answer.status, answer.code) == (403, "wrong_password")
    assert call("auth_me", token=there["accessToken"]).status == 200


def test_no_session_of_another_account_is_listed_or_ended(
    call: App, ada: dict[str, Any], register: Callable[..., Answered], listed: List
) -> None:
    eve = register(email="eve@example.com").body["tokens"]
    assert [one["id"] for one in listed(eve["accessToken"])] == [id_of(eve)]
    asked = {"ids": [id_of(eve), id_of(ada["tokens"])], "password": PASSWORD}
    assert call("auth_sessions_end", asked, token=eve["accessToken"]).code == "not_found"
    for tokens in (eve, ada["tokens"]):
        assert call("auth_me", token=tokens["accessToken"]).status == 200


def test_sessions_from_before_a_new_password_are_gone(
    call: App, ada: dict[str, Any], login: Callable[..., Answered], listed: List
) -> None:
    login()
    id = ada["user"]["id"]
    store().patch("accounts", id, id, incr={"tokenVersion": 1})
    fresh = login().body
    assert [one["id"] for one in listed(fresh["accessToken"])] == [id_of(fresh)]


@pytest.mark.parametrize("ids", [[], ["x"], ["0" * 33], ["A" * 32], ["0" * 32] * 101])
def test_wrong_ids_are_refused(call: App, ada: dict[str, Any], ids: list[str]) -> None:
    answer = call("auth_sessions_end", {"ids": ids, "password": PASSWORD}, token=ada["tokens"]["accessToken"])
    assert answer.status == 422
    assert answer.body["field"].startswith("ids")
