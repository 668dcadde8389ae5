"""The second factor: what a thief of the password can do, and of a code."""

from __future__ import annotations

from typing import Any

import pytest
from accounts_world import OWNER, PASSWORD, STRANGER, World
from pyotp.totp import TOTP

from shared import clock


class Factor:
    """An account with an authenticator app."""

    def __init__(self, world: World, address: str) -> None:
        self.world, self.address = world, address
        self.made = world.owner(address)
        self.access = self.made["tokens"]["accessToken"]
        begun = world.call("auth_second_factor_begin", {"password": PASSWORD}, token=self.access).body
        self.app = TOTP(begun["secret"])
        assert begun["uri"].startswith("otpauth://totp/")
        self.used = self.code()
        self.recovery = world.call("auth_second_factor_confirm", {"code": self.used}, token=self.access).body[
            "recoveryCodes"
        ]

    def code(self, steps: int = 0) -> str:
        return self.app.at(clock.now() + steps * 30)

    def next_code(self) -> str:
        self.world.pass_time(60)
        return self.code()


@pytest.fixture
def factor(world: World, address: str) -> Factor:
    world.pass_time(0)
    return Factor(world, address)


def test_the_password_alone_does_not_sign_in(world: World, factor: Factor) -> None:
    assert world.login(factor.address, ip=STRANGER).code == "second_factor_required"
    assert world.login(factor.address, "wrong", ip=STRANGER).code == "login_failed"
    assert world.login(factor.address, code=factor.next_code()).status == 200
    assert "Signing in takes a code now" in str(world.messages(factor.address))


def test_a_code_works_once(world: World, factor: Factor) -> None:
    assert world.login(factor.address, code=factor.used).code == "second_factor_wrong"
    code = factor.next_code()
    assert world.login(factor.address, code=code).status == 200
    assert world.login(factor.address, code=code).code == "second_factor_wrong"


@pytest.mark.parametrize(("steps", "right"), [(-3, False), (-2, False), (-1, True), (1, True), (2, False), (3, False)])
def test_codes_of_other_times_are_wrong(world: World, factor: Factor, steps: int, right: bool) -> None:
    world.pass_time(300)
    answer = world.login(factor.address, code=factor.code(steps))
    assert (answer.status == 200) is right


def test_a_recovery_code_works_once(world: World, factor: Factor) -> None:
    assert len(set(factor.recovery)) == 10
    assert world.login(factor.address, code=factor.recovery[0]).status == 200
    assert world.login(factor.address, code=factor.recovery[0]).code == "second_factor_wrong"
    assert world.login(factor.address, code=factor.recovery[1]).status == 200


def test_codes_can_not_be_tried_out(world: World, factor: Factor) -> None:
    answers = [world.login(factor.address, ip=STRANGER, code=f"{n:06d}").code for n in range(8)]
    assert answers == ["second_factor_wrong"] * 5 + ["login_throttled"] * 3


def test_a_reset_by_mail_does_not_remove_it(world: World, factor: Factor) -> None:
    world.call("auth_password_forgot", {"email": factor.address})
    world.call("auth_password_reset", {"token": world.link(factor.address), "password": "another long one"})
    assert world.login(factor.address, "another long one").code == "second_factor_required"


def test_a_session_s_thief_can_not_remove_or_replace_it(world: World, factor: Factor) -> None:
    def call(name: str, **body: Any) -> str:
        return world.call(name, body, token=factor.access).code

    assert call("auth_second_factor_begin", password=PASSWORD) == "second_factor_on"
    assert call("auth_second_factor_remove", password="wrong", code=factor.next_code()) == "wrong_password"
    assert call("auth_second_factor_remove", password=PASSWORD, code="000000") == "second_factor_wrong"
    answer = world.call(
        "auth_second_factor_remove", {"password": PASSWORD, "code": factor.next_code()}, token=factor.access
    )
    assert answer.status == 204
    assert world.login(factor.address, ip=OWNER).status == 200
    assert "Signing in takes no code any more" in str(world.messages(factor.address))


def test_a_thief_with_session_and_password_can_not_try_codes_out(world: World, factor: Factor) -> None:
    body = {"password": PASSWORD, "code": "000000"}
    answers = [world.call("auth_second_factor_remove", body, token=factor.access).code for _ in range(8)]
    assert answers == ["second_factor_wrong"] * 5 + ["login_throttled"] * 3


def test_it_counts_only_once_confirmed(world: World, address: str) -> None:
    made = world.owner(address)
    access = made["tokens"]["accessToken"]
    world.call("auth_second_factor_begin", {"password": PASSWORD}, token=access)
    assert world.login(address).status == 200
    assert world.call("auth_second_factor_confirm", {"code": "000000"}, token=access).code == "second_factor_wrong"
    assert world.call("auth_me", token=access).body["secondFactor"] is False


def test_recovery_codes_are_stored_as_hashes(world: World, factor: Factor) -> None:
    from shared.documents import CONTAINERS, store

    for container in CONTAINERS:
        text = str(store().query(container, limit=1000).items)
        assert not any(code in text for code in factor.recovery), container
