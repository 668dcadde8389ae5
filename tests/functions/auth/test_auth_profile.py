"""The caller's account, and how an administrator is created."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from http_calls import EMAIL, PASSWORD, Answered, App

from functions.auth import service
from shared.accounts import lifecycle
from shared.accounts.documents import AccountDocument
from shared.commerce import quota
from shared.documents import Document, store
from shared.documents.fields import Change, assign
from shared.errors import Conflict, Unprocessable

NEW = "a new password"


@pytest.fixture
def access(ada: dict[str, Any]) -> str:
    return ada["tokens"]["accessToken"]


def test_me_shows_the_profile_and_the_quota(call: App, ada: dict[str, Any], access: str) -> None:
    month = quota.open_month(ada["user"]["id"])
    store().patch("studio", month, ada["user"]["id"], incr={"used": 3})
    answer = call("auth_me", token=access)
    assert answer.status == 200
    assert answer.body == {**ada["user"], "quota": {"used": 3, "limit": 50}, "credits": 0}


def test_fields_change_alone_and_null_removes(call: App, access: str) -> None:
    changed = call(
        "auth_me_change", {"displayName": "Ada", "language": "pt-BR", "phone": "+4915112345678"}, token=access
    )
    assert changed.status == 200
    assert changed.body["tokens"] is None
    assert [changed.body[k] for k in ("displayName", "language", "phone")] == ["Ada", "pt-BR", "+4915112345678"]
    changed = call("auth_me_change", {"phone": None}, token=access)
    assert [changed.body[k] for k in ("displayName", "language", "phone")] == ["Ada", "pt-BR", None]
    assert call("auth_me", token=access).body["displayName"] == "Ada"


@pytest.mark.parametrize(
    "fields",
    [
        {"role": "admin"},
        {"email": "other@example.com"},
        {"disabled": False},
        {"tokenVersion": 1},
        {"quota": {"used": 0, "limit": 10**6}},
        {"passwordHash": "x"},
        {"id": "x"},
        {"language": "german"},
        {"phone": "123"},
        {"displayName": 7},
        {"password": {"current": PASSWORD}},
        {"password": {"current": PASSWORD, "new": NEW, "force": True}},
    ],
)
def test_nothing_else_may_be_changed(call: App, ada: dict[str, Any], access: str, fields: dict[str, Any]) -> None:
    before = store().read("accounts", ada["user"]["id"], ada["user"]["id"])
    answer = call("auth_me_change", fields, token=access)
    assert (answer.status, answer.code) == (422, "invalid")
    assert store().read("accounts", ada["user"]["id"], ada["user"]["id"]) == before


def test_a_new_password_ends_every_session_but_the_one_it_begins(
    call: App,
    ada: dict[str, Any],
    access: str,
    login: Callable[..., Answered],
    audit: Callable[..., list[Document]],
) -> None:
    elsewhere = login().body
    answer = call("auth_me_change", {"password": {"current": PASSWORD, "new": NEW}}, token=access)
    assert answer.status == 200
    for old in (ada["tokens"], elsewhere):
        assert call("auth_me", token=old["accessToken"]).code == "token_invalid"
        assert call("auth_refresh", {"refreshToken": old["refreshToken"]}).code == "refresh_invalid"
    tokens = answer.body["tokens"]
    assert call("auth_me", token=tokens["accessToken"]).status == 200
    assert call("auth_refresh", {"refreshToken": tokens["refreshToken"]}).status == 200
    assert login().status == 401
    assert login(password=NEW).status == 200
    assert len(audit(ada["user"]["id"], "PASSWORD_CHANGED")) == 1


def test_a_new_password_needs_the_old_one(call: App, ada: dict[str, Any], access: str) -> None:
    wanted = {"displayName": "Eve", "password": {"current": "another password", "new": NEW}}
    answers = [call("auth_me_change", wanted, token=access) for _ in range(6)]
    assert [(answer.status, answer.code) for answer in answers] == [(403, "wrong_password")] * 5 + [
        (429, "login_throttled")
    ]
    assert call("auth_me", token=access).body["displayName"] is None


@pytest.mark.parametrize("new", ["short", EMAIL])
def test_a_new_password_must_be_a_good_one(call: App, access: str, new: str) -> None:
    answer = call("auth_me_change", {"password": {"current": PASSWORD, "new": new}}, token=access)
    assert (answer.status, answer.code, answer.body["field"]) == (422, "weak_password", "password.new")


def test_of_two_password_changes_at_once_one_wins(call: App, access: str) -> None:
    def change(new: str) -> Answered:
        return call("auth_me_change", {"password": {"current": PASSWORD, "new": new}}, token=access)

    with ThreadPoolExecutor(2) as pool:
        statuses = sorted(answer.status for answer in pool.map(change, ["first new one", "second new one"]))
    assert statuses[0] == 200
    # 429: concurrent checks of an account's password are held back like guesses
    assert statuses[1] in (401, 403, 409, 429)


def test_a_change_meanwhile_is_not_overwritten(ada: dict[str, Any]) -> None:
    id, meanwhile = ada["user"]["id"], iter([{"phone": "+15551234567"}])

    def rename(account: AccountDocument) -> list[Change]:
        for fields in meanwhile:
            store().patch("accounts", id, id, set=fields)
        return [assign(AccountDocument.display_name, "Ada")]

    lifecycle.update_account(id, rename)
    account = store().read("accounts", id, id)
    assert (account["displayName"], account["phone"]) == ("Ada", "+15551234567")


def test_a_change_gives_up_when_others_never_stop(ada: dict[str, Any]) -> None:
    id = ada["user"]["id"]

    def touch(account: AccountDocument) -> list[Change]:
        store().patch("accounts", id, id, incr={"touched": 1})
        return []

    with pytest.raises(Conflict) as refused:
        lifecycle.update_account(id, touch)
    assert (refused.value.code, refused.value.retryable) == ("account_busy", True)


def test_an_administrator_is_made_once(login: Callable[..., Answered], audit: Callable[..., list[Document]]) -> None:
    id = service.ensure_admin("Root@Example.com", PASSWORD)
    account = store().read("accounts", id, id)
    assert service.ensure_admin("root@example.com", PASSWORD) == id
    assert store().read("accounts", id, id) == account
    assert login(email="root@example.com").body["user"]["role"] == "admin"
    assert len(audit(id, "ADMIN_ENSURED")) == 1


def test_who_had_the_address_first_is_put_out(call: App, ada: dict[str, Any], login: Callable[..., Answered]) -> None:
    assert service.ensure_admin(EMAIL, NEW) == ada["user"]["id"]
    assert call("auth_me", token=ada["tokens"]["accessToken"]).code == "token_invalid"
    assert call("auth_refresh", {"refreshToken": ada["tokens"]["refreshToken"]}).code == "refresh_invalid"
    assert login().status == 401
    assert login(password=NEW).body["user"]["role"] == "admin"


def test_an_administrator_needs_a_good_password() -> None:
    with pytest.raises(Unprocessable):
        service.ensure_admin(EMAIL, "short")
