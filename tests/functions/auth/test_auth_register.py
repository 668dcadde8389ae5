"""Registering: one account per address, however it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from http_calls import EMAIL, PASSWORD, Answered, App
from quick import QUICK

from functions.auth import passwords
from shared.accounts import email, lifecycle
from shared.accounts.address_documents import EmailPointer, EmailPointerId, email_pointers
from shared.accounts.documents import Role
from shared.documents import Document, Where, store


def accounts_made() -> list[Document]:
    return store().query("accounts", Where("type", "=", "account")).items


def test_a_new_user_is_signed_in(
    call: App, register: Callable[..., Answered], audit: Callable[..., list[Document]]
) -> None:
    answer = register(displayName=" Ada 👩‍💻 ", phone="+15551234567", role="vendor")
    assert answer.status == 201
    user, tokens = answer.body["user"], answer.body["tokens"]
    assert user | {"id": 0, "createdAt": 0} == {
        "id": 0,
        "email": EMAIL,
        "displayName": "Ada 👩‍💻",
        "emailConfirmed": True,
        "phone": "+15551234567",
        "phoneConfirmed": False,
        "language": None,
        "role": "shopper",
        "requestedRole": "vendor",
        "secondFactor": False,
        "shop": "default",
        "createdAt": 0,
    }
    assert (tokens["tokenType"], tokens["expiresIn"], tokens["refreshExpiresIn"]) == ("Bearer", 900, 30 * 86400)
    assert call("auth_me", token=tokens["accessToken"]).body["id"] == user["id"]
    assert [entry["action"] for entry in audit(user["id"])] == ["REGISTERED"]
    assert audit(user["id"])[0]["ip"] == "203.0.113.7"


def test_the_document_holds_what_other_rooms_rely_on(ada: dict[str, Any]) -> None:
    account = store().read("accounts", ada["user"]["id"], ada["user"]["id"])
    hashed = account["passwordHash"]
    assert hashed.startswith(f"$argon2id$v=19$m={QUICK['PASSWORD_MEMORY_KIB']},t=2,p=1$")
    assert {k: account[k] for k in ("type", "email", "role", "tokenVersion", "disabled", "revoked")} == {
        "type": "account",
        "email": EMAIL,
        "role": "shopper",
        "tokenVersion": 1,
        "disabled": False,
        "revoked": [],
    }
    assert account["emailHash"] == email.hash_of(EMAIL)


@pytest.mark.parametrize("spelling", ["ADA@Example.COM", "Ada@example.com", "ada@ｅxample.com"])
def test_spellings_of_one_address_are_one_account(
    ada: dict[str, Any], register: Callable[..., Answered], login: Callable[..., Answered], spelling: str
) -> None:
    answer = register(email=spelling)
    assert (answer.status, answer.code) == (409, "email_taken")
    assert login(email=spelling).body["user"]["id"] == ada["user"]["id"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"email": "ada"}, "invalid_email"),
        ({"email": "ada@localhost"}, "invalid_email"),
        ({"email": "ada@example.com\n"}, "invalid_email"),
        ({"email": "Ada <ada@example.com>"}, "invalid_email"),
        ({"email": "a" * 250 + "@example.com"}, "invalid"),
        ({"email": None}, "invalid"),
        ({"password": "short pas"}, "weak_password"),
        ({"password": EMAIL.upper()}, "weak_password"),
        ({"password": "é" * 513}, "weak_password"),
        ({"password": "x" * 1025}, "invalid"),
        ({"password": 1234567890}, "invalid"),
        ({"phone": "05551234567"}, "invalid"),
        ({"phone": "+1555123456٧"}, "invalid"),
        ({"phone": "+15551234567\n"}, "invalid"),
        ({"displayName": "a\nb"}, "invalid"),
        ({"displayName": "a\u202eb"}, "invalid"),
        ({"displayName": "  "}, "invalid"),
        ({"role": "admin"}, "invalid"),
        ({"role": "ADMIN"}, "invalid"),
        ({"disabled": False}, "invalid"),
        ({"tokenVersion": 7}, "invalid"),
        ({"id": "mine"}, "invalid"),
        ({"userId": "mine"}, "invalid"),
        ({"password_hash": "x"}, "invalid"),
    ],
)
def test_what_may_not_be_asked_for_is_refused(
    register: Callable[..., Answered], fields: dict[str, Any], code: str
) -> None:
    answer = register(**fields)
    assert (answer.status, answer.code) == (422, code)
    assert answer.body["field"] == next(iter(fields))
    assert store().count("accounts") == 0


def test_a_password_of_1024_bytes_is_taken_whole(
    register: Callable[..., Answered], login: Callable[..., Answered]
) -> None:
    assert register(password="é" * 512).status == 201
    assert login(password="é" * 512).status == 200
    assert login(password="é" * 511 + "ee").status == 401


def test_of_20_at_once_one_gets_the_address(register: Callable[..., Answered]) -> None:
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda n: register(displayName=f"Ada {n}"), range(20)))
    winners = [answer for answer in answers if answer.status == 201]
    assert len(winners) == 1
    assert {answer.code for answer in answers if answer.status != 201} == {"email_taken"}
    (account,) = accounts_made()
    assert account["id"] == winners[0].body["user"]["id"]
    assert account["displayName"] == winners[0].body["user"]["displayName"]


def test_an_address_whose_registration_died_is_free(
    register: Callable[..., Answered], login: Callable[..., Answered]
) -> None:
    id = EmailPointerId.of(email.hash_of(EMAIL))
    email_pointers.create(EmailPointer(id=id, user_id="01died"))
    assert login().code == "login_failed"
    answer = register()
    assert (answer.status, answer.body["user"]["id"]) == (201, "01died")
    assert register().code == "email_taken"
    assert len(accounts_made()) == 1


def test_a_registration_that_wakes_up_late_does_not_overwrite(register: Callable[..., Answered]) -> None:
    id = EmailPointerId.of(email.hash_of(EMAIL))
    email_pointers.create(EmailPointer(id=id, user_id="01late"))
    register(displayName="first")
    with pytest.raises(Exception, match="sign in") as caught:
        lifecycle.create_account("01late", EMAIL, passwords.hash(PASSWORD), Role.SHOPPER, display_name="late")
    assert caught.value.code == "email_taken"
    assert [account["displayName"] for account in accounts_made()] == ["first"]
