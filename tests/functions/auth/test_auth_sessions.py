"""Refresh tokens: of one use, and theft kills the family. Signing out: here, or everywhere."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from http_calls import Answered, App

from functions.auth import ending, service, sessions
from functions.auth.models import LogoutRequest
from shared import clock
from shared.documents import Document, store
from shared.errors import Conflict
from shared.http import auth

type Refresh = Callable[[str], Answered]


@pytest.fixture
def refresh(call: App) -> Refresh:
    return lambda token: call("auth_refresh", {"refreshToken": token})


@pytest.fixture
def token(ada: dict[str, Any]) -> str:
    return ada["tokens"]["refreshToken"]


def family(token: str) -> Document:
    id = token.partition(".")[0]
    return store().read("tokens", id, id)


def age(token: str, **fields: Any) -> None:
    """Move times of a family into the past."""
    id = family(token)["id"]
    store().patch("tokens", id, id, set=fields)


def grace_over(token: str) -> None:
    age(token, usedAt=family(token)["usedAt"] - sessions.GRACE_S)


def test_a_token_is_exchanged_for_a_pair(call: App, refresh: Refresh, token: str) -> None:
    for _ in range(3):
        answer = refresh(token)
        assert answer.status == 200
        assert answer.body["refreshToken"] != token
        assert call("auth_me", token=answer.body["accessToken"]).status == 200
        token = answer.body["refreshToken"]


def test_only_a_hash_is_stored(token: str) -> None:
    secret = token.partition(".")[2]
    assert secret not in str(family(token))
    assert family(token)["digest"] == hashlib.sha256(secret.encode()).hexdigest()
    assert len(secret) == 43


def test_a_token_used_again_kills_its_family_and_no_other(
    refresh: Refresh,
    ada: dict[str, Any],
    login: Callable[..., Answered],
    audit: Callable[..., list[Document]],
    token: str,
) -> None:
    other = login().body["refreshToken"]
    successor = refresh(token).body["refreshToken"]
    grace_over(token)
    answer = refresh(token)
    assert (answer.status, answer.code) == (401, "refresh_invalid")
    assert refresh(successor).code == "refresh_invalid"
    assert refresh(other).status == 200
    (entry,) = audit(ada["user"]["id"], "REFRESH_REUSED")
    assert entry["generation"] == 1


def test_a_token_older_than_the_last_kills_the_family_at_once(refresh: Refresh, token: str) -> None:
    second = refresh(token).body["refreshToken"]
    third = refresh(second).body["refreshToken"]
    assert refresh(token).code == "refresh_invalid"
    assert refresh(third).code == "refresh_invalid"


def test_a_token_just_used_gets_nothing_and_kills_nothing(
    refresh: Refresh, ada: dict[str, Any], audit: Callable[..., list[Document]], token: str
) -> None:
    successor = refresh(token).body["refreshToken"]
    answer = refresh(token)
    assert (answer.status, answer.code) == (409, "refresh_superseded")
    assert "refreshToken" not in answer.body
    assert len(audit(ada["user"]["id"], "REFRESH_RACED")) == 1
    assert refresh(successor).status == 200


def test_of_10_that_use_a_token_at_once_one_wins(refresh: Refresh, token: str) -> None:
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(refresh, [token] * 10))
    assert Counter(answer.status for answer in answers) == {200: 1, 409: 9}
    (winner,) = (answer for answer in answers if answer.status == 200)
    assert refresh(winner.body["refreshToken"]).status == 200


def test_two_that_found_a_token_good_do_not_both_use_it(token: str) -> None:
    at = clock.now()
    first, second = sessions.present(token, "ip", at), sessions.present(token, "ip", at)
    sessions.rotate(first, at)
    with pytest.raises(Conflict, match="another request"):
        sessions.rotate(second, at)


def test_a_token_found_good_is_not_used_after_its_family_was_revoked(refresh: Refresh, token: str) -> None:
    at = clock.now()
    session = sessions.present(token, "ip", at)
    sessions.revoke(session.id)
    with pytest.raises(Conflict):
        sessions.rotate(session, at)
    assert refresh(token).code == "refresh_invalid"


@pytest.mark.parametrize(
    "forge",
    [
        lambda token, access: access,
        lambda token, access: token[:-1],
        lambda token, access: token + "x",
        lambda token, access: token.upper(),
        lambda token, access: "0" * 32 + token[32:],
        lambda token, access: token.partition(".")[0],
        lambda token, access: f"../{token}",
        lambda token, access: f"{token}\n",
        lambda token, access: "é" * 43,
    ],
)  # fmt: skip
def test_what_is_no_refresh_token_is_refused(
    refresh: Refresh, ada: dict[str, Any], token: str, forge: Callable[[str, str], str]
) -> None:
    forged = forge(token, ada["tokens"]["accessToken"])[:256]
    answer = refresh(forged)
    assert (answer.status, answer.code) == (401, "refresh_invalid")
    assert refresh(token).status == 200


def test_a_family_ends_with_its_time(refresh: Refresh, token: str) -> None:
    age(token, expiresAt=0)
    assert refresh(token).code == "refresh_invalid"


def test_a_family_ends_with_its_account(refresh: Refresh, ada: dict[str, Any], token: str) -> None:
    id = ada["user"]["id"]
    store().patch("accounts", id, id, set={"disabled": True})
    assert refresh(token).code == "refresh_invalid"
    store().patch("accounts", id, id, set={"disabled": False}, incr={"tokenVersion": 1})
    assert refresh(token).code == "refresh_invalid"


def test_signing_out_ends_this_token_and_the_session_named(
    call: App,
    refresh: Refresh,
    ada: dict[str, Any],
    login: Callable[..., Answered],
    audit: Callable[..., list[Document]],
) -> None:
    here, there = ada["tokens"], login().body
    assert call("auth_me", token=here["accessToken"]).status == 200
    answer = call("auth_logout", {"refreshToken": here["refreshToken"]}, token=here["accessToken"])
    assert (answer.status, answer.raw) == (204, b"")
    assert call("auth_me", token=here["accessToken"]).code == "token_invalid"
    assert refresh(here["refreshToken"]).code == "refresh_invalid"
    assert call("auth_me", token=there["accessToken"]).status == 200
    assert refresh(there["refreshToken"]).status == 200
    assert audit(ada["user"]["id"], "LOGOUT")[0]["everywhere"] is False


def test_signing_out_everywhere_ends_all(
    call: App, refresh: Refresh, ada: dict[str, Any], login: Callable[..., Answered]
) -> None:
    here, there = ada["tokens"], login().body
    assert call("auth_logout", {"everywhere": True}, token=here["accessToken"]).status == 204
    for tokens in (here, there):
        assert call("auth_me", token=tokens["accessToken"]).code == "token_invalid"
        assert refresh(tokens["refreshToken"]).code == "refresh_invalid"
    assert call("auth_me", token=login().body["accessToken"]).status == 200


def test_no_one_ends_another_users_session(
    call: App, refresh: Refresh, register: Callable[..., Answered], token: str
) -> None:
    eve = register(email="eve@example.com").body["tokens"]["accessToken"]
    assert call("auth_logout", {"refreshToken": token}, token=eve).status == 204
    assert refresh(token).status == 200


def test_denied_tokens_are_forgotten_when_they_have_expired(call: App, ada: dict[str, Any]) -> None:
    id = ada["user"]["id"]
    store().patch("accounts", id, id, set={"revoked": [{"jti": "old", "exp": 1}]})
    call("auth_logout", {}, token=ada["tokens"]["accessToken"])
    (entry,) = store().read("accounts", id, id)["revoked"]
    assert entry["jti"] != "old"


def test_too_many_denied_tokens_end_all(ada: dict[str, Any]) -> None:
    id = ada["user"]["id"]
    denied = [{"jti": f"j{n}", "exp": 2**40} for n in range(ending.REVOKED_MAX)]
    store().patch("accounts", id, id, set={"revoked": denied})
    caller = auth.authenticate(f"Bearer {ada['tokens']['accessToken']}")
    service.logout(caller, LogoutRequest(), "203.0.113.7")
    account = store().read("accounts", id, id)
    assert (account["revoked"], account["tokenVersion"]) == ([], 2)


def test_the_family_in_a_token_can_t_be_guessed(ada: dict[str, Any], login: Callable[..., Answered]) -> None:
    tokens = [ada["tokens"]["refreshToken"], login().body["refreshToken"]]
    assert all(re.fullmatch(r"[0-9a-f]{32}\.[A-Za-z0-9_-]{43}", token) for token in tokens)
    assert tokens[0][:32] != tokens[1][:32]
