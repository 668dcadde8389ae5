"""Signing in: the same answer and the same work for every failure, slower and slower, all of it on record."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import argon2
import bcrypt
import pytest
from http_calls import EMAIL, PASSWORD, Answered, App
from prometheus_client import REGISTRY

from functions.auth import passwords, service, throttle
from shared import clock, telemetry
from shared.accounts import email
from shared.accounts.documents import accounts
from shared.accounts.settings import SOUND_MEMORY_KIB
from shared.documents import Document, store
from shared.errors import TooManyRequests

DIGEST = email.hash_of(EMAIL)


def verified() -> float:
    """How many passwords this process has verified so far."""
    telemetry.flush()
    return REGISTRY.get_sample_value("studio_password_seconds_count", {"kind": "verify"}) or 0


def stored_hash(user_id: str) -> str:
    return store().read("accounts", user_id, user_id)["passwordHash"]


def set_hash(user_id: str, hashed: str) -> None:
    store().patch("accounts", user_id, user_id, set={"passwordHash": hashed})


def test_the_right_password_signs_in(
    call: App, ada: dict[str, Any], login: Callable[..., Answered], audit: Callable[..., list[Document]]
) -> None:
    answer = login()
    assert answer.status == 200
    assert answer.body["user"] == ada["user"]
    assert {k: answer.body[k] for k in ("tokenType", "expiresIn", "refreshExpiresIn")} == {
        "tokenType": "Bearer",
        "expiresIn": 900,
        "refreshExpiresIn": 30 * 86400,
    }
    assert call("auth_me", token=answer.body["accessToken"]).status == 200
    assert len(audit(ada["user"]["id"], "LOGIN")) == 1


def test_every_failure_answers_alike(
    register: Callable[..., Answered], login: Callable[..., Answered], audit: Callable[..., list[Document]]
) -> None:
    ids = {name: register(email=f"{name}@example.com").body["user"]["id"] for name in ("wrong", "disabled", "long")}
    store().patch("accounts", ids["disabled"], ids["disabled"], set={"disabled": True})
    set_hash(ids["long"], bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode())
    answers: list[tuple[Any, ...]] = []
    for name, password in (
        ("unknown", PASSWORD),
        ("wrong", "another password"),
        ("disabled", PASSWORD),
        ("disabled", "another password"),
        ("long", "x" * 73),
    ):
        before = verified()
        answer = login(email=f"{name}@example.com", password=password)
        body = {k: v for k, v in answer.body.items() if k != "requestId"}
        names = tuple(sorted(answer.headers))
        answers.append((answer.status, tuple(body.items()), names, verified() - before))
    assert len(set(answers)) == 1, answers
    assert answers[0][0] == 401
    assert answers[0][3] == 1
    causes = {name: [e["cause"] for e in audit(id, "LOGIN_FAILED")] for name, id in ids.items()}
    assert causes == {"wrong": ["password"], "disabled": ["disabled", "password"], "long": ["password"]}


def test_failures_of_unknown_users_are_on_record_without_the_address(
    login: Callable[..., Answered], audit: Callable[..., list[Document]]
) -> None:
    login()
    (entry,) = audit(f"anonymous:{clock.iso()[:7]}")
    assert (entry["action"], entry["cause"], entry["emailHash"]) == ("LOGIN_FAILED", "unknown", DIGEST)
    assert "@" not in str(entry)
    assert PASSWORD not in str(entry)


@pytest.mark.parametrize("kind", [b"2a", b"2b"])
def test_a_bcrypt_hash_is_replaced_at_login(ada: dict[str, Any], login: Callable[..., Answered], kind: bytes) -> None:
    id = ada["user"]["id"]
    set_hash(id, bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4, kind)).decode())
    assert login(password="another password").status == 401
    assert stored_hash(id).startswith("$2")
    assert login().status == 200
    assert stored_hash(id).startswith("$argon2id$")
    assert login().status == 200


def test_argon2_with_other_parameters_is_replaced_at_login(
    ada: dict[str, Any], login: Callable[..., Answered], change: Callable[..., None]
) -> None:
    from argon2 import PasswordHasher

    change(PASSWORD_MEMORY_KIB=str(SOUND_MEMORY_KIB))
    set_hash(ada["user"]["id"], PasswordHasher(1, 8192, 1).hash(PASSWORD))
    assert login().status == 200
    assert stored_hash(ada["user"]["id"]).startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    kept = stored_hash(ada["user"]["id"])
    assert login().status == 200
    assert stored_hash(ada["user"]["id"]) == kept


def test_a_replacement_that_loses_a_race_does_not_fail_the_login(ada: dict[str, Any]) -> None:
    id = ada["user"]["id"]
    set_hash(id, bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode())
    seen = accounts.get(id, id)
    chosen = passwords.hash("chosen meanwhile")
    set_hash(id, chosen)
    service._rehash(seen, PASSWORD)
    assert stored_hash(id) == chosen


@pytest.mark.parametrize("broken", ["", "$2b$", "$2b$12$short", "$argon2id$v=19$broken", "plain", "$1$old$hash"])
def test_a_broken_hash_matches_nothing(ada: dict[str, Any], login: Callable[..., Answered], broken: str) -> None:
    set_hash(ada["user"]["id"], broken)
    assert login().code == "login_failed"


def test_guessing_gets_slower_and_success_forgets(change_settings: Callable[..., None]) -> None:
    change_settings(LOGIN_DELAY_CAP_S="30")
    at, waits = 1_000_000.0, list[int]()
    for _ in range(4):
        throttle.reserve("subject", at)
    for _ in range(7):
        throttle.reserve("subject", at)
        with pytest.raises(TooManyRequests) as refused:
            throttle.reserve("subject", at)
        assert refused.value.retry_after is not None
        waits.append(round(refused.value.retry_after))
        at += refused.value.retry_after
    assert waits == [2, 4, 8, 16, 30, 30, 30]
    throttle.clear("subject")
    for _ in range(5):
        throttle.reserve("subject", at)


@pytest.mark.parametrize("known", [True, False])
def test_too_many_failures_get_a_retry_time(
    register: Callable[..., Answered],
    login: Callable[..., Answered],
    audit: Callable[..., list[Document]],
    monkeypatch: pytest.MonkeyPatch,
    known: bool,
) -> None:
    # Time stands still, so that a slow machine does not outlast the delay.
    at = clock.now()
    monkeypatch.setattr(clock, "now", lambda: at)
    user = register().body["user"]["id"] if known else f"anonymous:{clock.iso()[:7]}"
    assert [login(password="another password").status for _ in range(5)] == [401] * 5
    before = verified()
    answer = login()
    assert (answer.status, answer.code, answer.headers["Retry-After"]) == (429, "login_throttled", "2")
    assert answer.body["retryable"] is True
    assert verified() == before
    assert audit(user, "LOGIN_FAILED")[-1]["cause"] == "throttled"
    passed_by()
    assert login().status == (200 if known else 401)


def passed_by() -> None:
    """What time does to the throttle."""
    id = f"login:{DIGEST}:203.0.113.7"
    store().patch("rate_limits", id, id, set={"until": 0})


def test_success_gives_all_free_attempts_back(ada: dict[str, Any], login: Callable[..., Answered]) -> None:
    for _ in range(2):
        assert [login(password="another password").status for _ in range(4)] == [401] * 4
        assert login().status == 200


def test_parallel_guesses_do_not_outrun_the_count() -> None:
    start, at = threading.Barrier(16), 1_000_000.0

    def guess(n: int) -> bool:
        start.wait()
        try:
            throttle.reserve(DIGEST, at)
        except TooManyRequests:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(guess, range(16))) == 5
    id = f"login:{DIGEST}"
    assert store().read("rate_limits", id, id)["n"] == 5


def test_one_address_does_not_slow_another(register: Callable[..., Answered], login: Callable[..., Answered]) -> None:
    register()
    for _ in range(6):
        login(email="eve@example.com")
    assert login().status == 200


def test_one_caller_is_limited_over_all_addresses(call: App, change_settings: Callable[..., None]) -> None:
    change_settings(RATE_LIMIT_SCALE="1", RATE_LIMITS='{"default": [9, 60], "auth": [3, 1000000000]}')

    def attempt(n: int, ip: str) -> int:
        return call("auth_login", {"email": f"a{n}@example.com", "password": PASSWORD}, ip=ip).status

    assert [attempt(n, "198.51.100.1") for n in range(5)] == [401, 401, 401, 429, 429]
    assert attempt(5, "198.51.100.2") == 401


def test_sign_ins_registrations_and_refreshes_have_limits_apart(
    call: App, ada: dict[str, Any], change_settings: Callable[..., None]
) -> None:
    """Behind one address is an office: who uses one of them up keeps no one from the others."""
    long = 1_000_000_000
    limits = {"auth": [2, long], "register": [2, long], "refresh": [2, long]}
    change_settings(RATE_LIMIT_SCALE="1", RATE_LIMITS=json.dumps(limits))
    for _ in range(3):
        last = call("auth_login", {"email": "eve@example.com", "password": PASSWORD})
    assert last.status == 429
    made = [call("auth_register", {"email": f"{n}@example.com", "password": PASSWORD}).status for n in range(3)]
    assert made == [201, 201, 429]
    tokens, answers = ada["tokens"], list[int]()
    for _ in range(3):
        answer = call("auth_refresh", {"refreshToken": tokens["refreshToken"]})
        tokens = answer.body
        answers.append(answer.status)
    assert answers == [200, 200, 429]


def test_no_more_hashes_run_at_once_than_there_are_cores(
    ada: dict[str, Any], login: Callable[..., Answered], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "WAIT_S", 0.05)
    cores = os.process_cpu_count() or 1
    running, finish = threading.Semaphore(0), threading.Event()
    real = argon2.PasswordHasher.verify

    def slow(*args: Any) -> bool:
        running.release()
        finish.wait(60)
        return real(*args)

    monkeypatch.setattr(argon2.PasswordHasher, "verify", slow)
    stored = passwords.hash(PASSWORD)
    with ThreadPoolExecutor(cores) as pool:
        busy = [pool.submit(passwords.matches, PASSWORD, stored) for _ in range(cores)]
        for _ in range(cores):
            assert running.acquire(timeout=60)
        answer = login()
        finish.set()
        assert all(check.result() for check in busy)
    assert (answer.status, answer.code, answer.body["retryable"]) == (503, "busy", True)
    assert login().status == 200


def test_secrets_stay_out_of_the_log(
    ada: dict[str, Any], login: Callable[..., Answered], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    login()
    login(password="another password")
    assert PASSWORD not in caplog.text
    assert EMAIL not in caplog.text
    assert not re.search(r"eyJ|\$argon2", caplog.text)
