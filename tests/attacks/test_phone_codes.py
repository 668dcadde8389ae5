"""Confirming a phone number that is someone else's, and spending SMS on it."""

from __future__ import annotations

from typing import Any

import pytest
from accounts_world import World

from functions.auth import contact, derived
from functions.auth.documents import PhoneCodeId, phone_codes
from shared.accounts.documents import accounts

PHONE = "+4915735980001"


@pytest.fixture
def made(world: World, address: str) -> dict[str, Any]:
    """An account with a confirmed address and a phone number that is not."""
    registered = world.register(address, phone=PHONE).body
    world.confirm(registered)
    return registered


def code_of(made: dict[str, Any]) -> str:
    """What the SMS says."""
    id = PhoneCodeId.of(made["user"]["id"])
    sent = phone_codes.get(id, id)
    digits = derived.digits(f"{sent.id}:{sent.nonce}:{sent.phone}", sent.kid)
    assert digits is not None
    return digits


def request(world: World, made: dict[str, Any]) -> int:
    return world.call("auth_phone_code", token=made["tokens"]["accessToken"]).status


def enter(world: World, made: dict[str, Any], code: str) -> Any:
    return world.call("auth_phone_confirm", {"code": code}, token=made["tokens"]["accessToken"])


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


def test_the_code_confirms_and_works_once(world: World, made: dict[str, Any]) -> None:
    assert request(world, made) == 202
    code = code_of(made)
    assert enter(world, made, code).body["phoneConfirmed"] is True
    assert enter(world, made, code).code == "code_wrong"


def test_five_attempts_and_the_code_is_over(world: World, made: dict[str, Any]) -> None:
    request(world, made)
    code = code_of(made)
    for _ in range(contact.CODE_ATTEMPTS):
        assert enter(world, made, wrong(code)).code == "code_wrong"
    assert enter(world, made, code).code == "code_wrong"
    assert accounts.get(made["user"]["id"], made["user"]["id"]).phone_confirmed is False


def test_a_code_is_over_after_ten_minutes(world: World, made: dict[str, Any]) -> None:
    request(world, made)
    code = code_of(made)
    world.pass_time(contact.CODE_LIFETIME_S)
    assert enter(world, made, code).code == "code_wrong"


def test_one_account_and_one_number_get_five_codes_an_hour(world: World, made: dict[str, Any], address: str) -> None:
    """Many accounts can name one number; and guessing needs codes."""
    assert [request(world, made) for _ in range(6)] == [202] * 5 + [429]
    other = world.register(f"other.{address}", phone=PHONE).body
    world.confirm(other)
    assert request(world, other) == 429


def test_a_code_for_one_number_confirms_no_other(world: World, made: dict[str, Any]) -> None:
    request(world, made)
    code = code_of(made)
    access = made["tokens"]["accessToken"]
    assert world.call("auth_me_change", {"phone": "+4915735980002"}, token=access).status == 200
    assert enter(world, made, code).code == "code_wrong"
    assert world.call("auth_me", token=access).body["phoneConfirmed"] is False


def test_a_confirmed_number_that_is_changed_is_not_confirmed(world: World, made: dict[str, Any]) -> None:
    request(world, made)
    access = made["tokens"]["accessToken"]
    assert enter(world, made, code_of(made)).status == 200
    assert world.call("auth_me_change", {"displayName": "Ada"}, token=access).body["phoneConfirmed"] is True
    assert world.call("auth_me_change", {"phone": "+4915735980002"}, token=access).body["phoneConfirmed"] is False


def test_a_code_of_one_account_confirms_nothing_in_another(world: World, made: dict[str, Any], address: str) -> None:
    request(world, made)
    other = world.register(f"other.{address}", phone=PHONE).body
    world.confirm(other)
    assert enter(world, other, code_of(made)).code == "code_wrong"
