"""Guessing passwords, and keeping an owner out by guessing."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from itertools import islice

import pytest
from accounts_world import OWNER, PASSWORD, STRANGER, World
from http_calls import Answered

from functions.auth import devices, messages, passwords
from shared import clock, turns
from shared.documents.containers import DAY
from shared.errors import Unprocessable


def guess(world: World, address: str, ip: str = STRANGER, **fields: str) -> Answered:
    return world.login(address, "not the password", ip=ip, **fields)


def test_strangers_slow_down_themselves_and_not_the_owner(world: World, address: str) -> None:
    world.owner(address)
    world.pass_time(0)
    answers = [guess(world, address) for _ in range(8)]
    assert [answer.status for answer in answers] == [401] * 5 + [429] * 3
    assert world.login(address, ip=OWNER).status == 200
    assert world.login(address, ip=STRANGER).code == "login_throttled"


def test_a_known_device_passes_from_the_attacker_s_own_network(world: World, address: str) -> None:
    device = world.owner(address)["tokens"]["deviceToken"]
    world.pass_time(0)
    for _ in range(6):
        guess(world, address)
    assert world.login(address, ip=STRANGER, deviceToken=device).status == 200


def test_a_botnet_uses_up_a_day_s_budget_and_the_owner_still_signs_in(
    world: World, address: str, change: Callable[..., None]
) -> None:
    change(LOGIN_GUESSES_A_DAY="12")
    device = world.owner(address)["tokens"]["deviceToken"]
    spent = [guess(world, address, f"198.18.{n}.1").status for n in range(16)]
    assert spent == [401] * 12 + [429] * 4
    assert guess(world, address, "198.18.99.1").code == "login_by_email"
    # On a device that is known; and on another one by e-mail.
    assert world.login(address, deviceToken=device).status == 200
    assert world.login(address).code == "login_by_email"
    assert "Someone tries to guess your password" in str(world.messages(address))
    world.call("auth_password_forgot", {"email": address})
    assert (
        world.call("auth_password_reset", {"token": world.link(address), "password": "another long one"}).status == 204
    )
    world.pass_time(DAY)
    assert world.login(address, "another long one").status == 200


def test_parallel_guesses_of_many_networks_do_not_outrun_the_budget(
    world: World, address: str, change: Callable[..., None]
) -> None:
    change(LOGIN_GUESSES_A_DAY="10")
    world.owner(address)
    with ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(lambda n: guess(world, address, f"198.18.{n}.1").status, range(32)))
    assert statuses.count(401) <= 10
    assert set(statuses) <= {401, 429, 503}


def test_addresses_of_one_ipv6_customer_are_one_network(world: World, address: str) -> None:
    world.owner(address)
    world.pass_time(0)
    statuses = [guess(world, address, f"2001:db8:1:2::{n:x}").status for n in range(1, 9)]
    assert statuses == [401] * 5 + [429] * 3


def test_who_signs_in_is_not_held_back_for_their_own_sign_ins(world: World, address: str) -> None:
    world.owner(address)
    for n in range(40):
        assert world.login(address, ip=f"192.0.2.{n}").status == 200


def test_a_stolen_device_token_gets_five_attempts_and_not_the_account(world: World, address: str) -> None:
    device = world.owner(address)["tokens"]["deviceToken"]
    world.pass_time(0)
    answers = [guess(world, address, f"198.18.{n}.1", deviceToken=device).status for n in range(8)]
    assert answers == [401] * 5 + [429] * 3
    assert world.call("auth_me", token=device).status == 401
    assert world.call("auth_refresh", {"refreshToken": device[:256]}).status == 401


def test_a_device_token_of_another_account_is_none(world: World, address: str) -> None:
    world.owner(address)
    eve = world.owner(f"eve.{address}")
    world.pass_time(0)
    for _ in range(6):
        guess(world, address)
    token = eve["tokens"]["deviceToken"]
    assert world.login(address, ip=STRANGER, deviceToken=token).code == "login_throttled"
    assert devices.identify(token, eve["user"]["id"]) is not None
    assert devices.identify(token[:-2], eve["user"]["id"]) is None
    assert devices.identify(eve["tokens"]["accessToken"], eve["user"]["id"]) is None


def test_a_change_of_password_is_not_held_back_by_strangers(world: World, address: str) -> None:
    access = world.owner(address)["tokens"]["accessToken"]
    world.pass_time(0)
    for n in range(30):
        guess(world, address, f"198.18.{n}.1")
    wanted = {"password": {"current": PASSWORD, "new": "another long one"}}
    assert world.call("auth_me_change", wanted, token=access).status == 200


def test_a_session_s_thief_has_five_guesses_at_the_password(world: World, address: str) -> None:
    access = world.owner(address)["tokens"]["accessToken"]
    world.pass_time(0)
    wanted = {"password": {"current": "wrong", "new": "another long one"}}
    codes = [world.call("auth_me_change", wanted, token=access).code for _ in range(7)]
    assert codes == ["wrong_password"] * 5 + ["login_throttled"] * 2
    begin = world.call("auth_second_factor_begin", {"password": PASSWORD}, token=access)
    assert begin.code == "login_throttled", "one count for all checks of the password in a session"


@pytest.mark.parametrize(
    "password",
    [
        "1234567890", "qwertyuiop", "password123", "Password123!", "sunshine2024", "iloveyou!!", "PASSWORD1234",
        "123dragon!", "passwordpassword", "football99", "!!letmein!!", "QWERTYUIOP12",
    ],
)  # fmt: skip
def test_the_commonest_passwords_and_what_people_make_of_them_are_refused(password: str) -> None:
    with pytest.raises(Unprocessable, match="common"):
        passwords.check(password, "ada@example.com")


@pytest.mark.parametrize("password", ["correct horse battery", "a new password", "tr0mb0ne-quilt", "é" * 512, "x" * 11])
def test_other_passwords_are_taken_whatever_their_characters(password: str) -> None:
    passwords.check(password, "ada@example.com")


def test_the_list_holds_more_than_asvs_asks_for() -> None:
    """ASVS 5.0, 6.2.4: the 3,000 commonest that meet the rules for passwords; ours count with what is made of them."""
    assert len(passwords._common()) > 45_000
    assert sum(len(word) >= passwords.MIN_CHARACTERS - 4 for word in passwords._common()) > 30_000


def test_login_attempts_are_forgotten_after_a_day(world: World, address: str) -> None:
    from shared.documents import store

    world.owner(address)
    guess(world, address)
    kept = [
        item for item in store().query("rate_limits", limit=1000).items if item["id"].startswith(("login", "guess"))
    ]
    assert kept
    assert all(item["ttl"] <= 2 * DAY for item in kept)
    assert clock.now() > 0


def use_up_messages(world: World, address: str) -> None:
    """What strangers can have sent to any address."""
    made = world.owner(f"stranger.{address}")
    for n in range(12):
        assert world.register(address, f"a stranger's password {n}").status == 201
        body = {"email": address, "password": PASSWORD}
        world.call("auth_email_change", body, token=made["tokens"]["accessToken"], ip=STRANGER)


def test_registrations_by_strangers_do_not_use_up_the_owner_s_way_in(world: World, address: str) -> None:
    """With the guesses of the day used up, too, an owner on a new device would have no way in."""
    world.pass_time(0)
    world.owner(address)
    world.pass_time(3600)
    use_up_messages(world, address)
    world.call("auth_password_forgot", {"email": address}, ip=OWNER)
    assert "Reset your password" in [message["subject"] for message in world.messages(address)]
    assert world.call("auth_password_reset", {"token": world.link(address), "password": "x" * 20}).status == 204


def test_resets_asked_for_by_strangers_leave_the_owner_one_that_works(world: World, address: str) -> None:
    """Strangers ask for all that may be sent as soon as more may be: a link that came with them works, or the next
    request brings one."""
    world.owner(address)
    start = clock.now() // (30 * 60) * 30 * 60
    for minute in (60, 89, 91, 119):
        world.pass_time(start + 60 * minute - clock.now())
        for _ in range(12):
            world.call("auth_password_forgot", {"email": address}, ip=STRANGER)
        world.messages(address)
    world.call("auth_password_forgot", {"email": address}, ip=OWNER)
    assert world.call("auth_password_reset", {"token": world.link(address), "password": "x" * 20}).status == 204
    resets = [message for message in world.messages(address) if message["subject"] == "Reset your password"]
    assert len(resets) == 2 * messages.MAX_RESETS


def test_a_flood_of_sign_ins_leaves_threads_for_others(world: World, address: str) -> None:
    """From any number of networks: some wait for a core, and the rest are refused at once."""
    with ThreadPoolExecutor(32) as threads:
        with ExitStack() as others:
            for _ in range(turns.cpus()):
                others.enter_context(passwords._slot("hash"))
            sent = [threads.submit(world.login, address, ip=f"198.51.100.{n}") for n in range(32)]
            refused = [one.result() for one in islice(as_completed(sent), 32 - passwords.WAITING)]
        waited = [one.result().status for one in sent]
    assert {(one.status, one.code) for one in refused} == {(503, "busy")}
    assert all(int(one.headers["Retry-After"]) >= 1 for one in refused)
    assert waited.count(401) == passwords.WAITING
