"""Taking an address, or an account, before its owner does."""

from __future__ import annotations

from typing import Any

import pytest
from accounts_world import OWNER, PASSWORD, STRANGER, World

from shared.accounts.documents import accounts

MINE = "the owner's own password"


def test_an_address_registered_by_a_stranger_is_claimed_by_its_owner(world: World, address: str) -> None:
    stranger = world.register(address, "a stranger's password").body
    mine = world.register(address, MINE, ip=OWNER).body
    assert world.confirm(mine).body["emailConfirmed"] is True
    assert world.login(address, MINE).body["user"]["id"] == mine["user"]["id"]
    token = world.link(address)
    answer = world.call("auth_email_confirm", {"token": token}, token=stranger["tokens"]["accessToken"])
    assert (answer.status, answer.code) == (422, "link_invalid")
    assert accounts.get(stranger["user"]["id"], stranger["user"]["id"]).email_confirmed is False


def test_opening_the_link_of_a_stranger_s_registration_confirms_nothing(world: World, address: str) -> None:
    """The owner finds it in the mailbox; without the stranger's session it does nothing, and it is not the owner's."""
    world.register(address, "a stranger's password")
    link = world.link(address)
    mine = world.register(address, MINE, ip=OWNER).body
    answer = world.call("auth_email_confirm", {"token": link}, token=mine["tokens"]["accessToken"])
    assert (answer.status, answer.code) == (422, "link_invalid")


def test_two_that_confirm_one_address_do_not_both_get_it(world: World, address: str) -> None:
    first, second = world.register(address, MINE).body, world.register(address, PASSWORD).body
    tokens = [world.link(address)]
    assert world.call("auth_email_confirm", {"token": tokens[0]}, token=second["tokens"]["accessToken"]).status == 200
    world.call("auth_email_confirmation", token=first["tokens"]["accessToken"])
    assert "You have an account already" in str(world.messages(address)[-1])


def test_a_reset_of_an_unconfirmed_account_leaves_the_stranger_nothing(world: World, address: str) -> None:
    """Account pre-hijacking: who registered first must not come back after the owner's reset."""
    stranger = world.register(address, "a stranger's password", phone="+15551230000").body
    old = stranger["tokens"]
    world.call("auth_password_forgot", {"email": address})
    assert world.call("auth_password_reset", {"token": world.link(address), "password": MINE}).status == 204
    me = world.login(address, MINE).body["user"]
    assert (me["id"], me["emailConfirmed"], me["phone"]) == (stranger["user"]["id"], True, None)
    assert world.call("auth_me", token=old["accessToken"]).status == 401
    assert world.call("auth_refresh", {"refreshToken": old["refreshToken"]}).status == 401
    assert world.login(address, "a stranger's password", ip=STRANGER).status == 401


def test_a_reset_works_once_ends_sessions_and_informs(world: World, address: str) -> None:
    made = world.owner(address)
    world.call("auth_password_forgot", {"email": address})
    link = world.link(address)
    body = {"token": link, "password": MINE}
    assert world.call("auth_password_reset", body).status == 204
    assert world.call("auth_password_reset", body).code == "link_invalid"
    assert world.call("auth_me", token=made["tokens"]["accessToken"]).status == 401
    assert world.call("auth_refresh", {"refreshToken": made["tokens"]["refreshToken"]}).status == 401
    assert world.login(address).status == 401
    assert world.login(address, MINE).status == 200
    assert "Your password was changed" in str(world.messages(address)[-1])


def test_a_reset_voids_the_links_before_it(world: World, address: str) -> None:
    world.owner(address)
    links = []
    for _ in range(2):
        world.call("auth_password_forgot", {"email": address})
        links.append(world.link(address))
    assert world.call("auth_password_reset", {"token": links[1], "password": MINE}).status == 204
    assert world.call("auth_password_reset", {"token": links[0], "password": PASSWORD}).code == "link_invalid"


def test_a_reset_is_over_after_30_minutes(world: World, address: str) -> None:
    world.owner(address)
    world.call("auth_password_forgot", {"email": address})
    link = world.link(address)
    world.pass_time(30 * 60)
    assert world.call("auth_password_reset", {"token": link, "password": MINE}).code == "link_invalid"


@pytest.mark.parametrize(
    "forge",
    [
        lambda token: token[:-1] + ("A" if token[-1] != "A" else "B"),
        lambda token: token.partition(".")[0],
        lambda token: "x" + token,
        lambda token: token.replace(token.partition(".")[0], "0" * 26),
        lambda token: f"{token}\n",
        lambda token: "../" + token,
    ],
)
def test_a_forged_link_resets_nothing(world: World, address: str, forge: Any) -> None:
    world.owner(address)
    world.call("auth_password_forgot", {"email": address})
    answer = world.call("auth_password_reset", {"token": forge(world.link(address)), "password": MINE})
    assert (answer.status, answer.code) == (422, "link_invalid")
    assert world.login(address).status == 200


def test_a_link_of_one_purpose_is_none_of_another(world: World, address: str) -> None:
    made = world.register(address, ip=OWNER).body
    answer = world.call("auth_password_reset", {"token": world.link(address), "password": MINE})
    assert answer.code == "link_invalid"
    assert world.call("auth_invitation_accept", {"token": world.link(address), "password": MINE}).code == "link_invalid"
    assert world.confirm(made).status == 200


def test_what_is_stored_and_queued_does_not_hold_the_link(world: World, address: str) -> None:
    from shared.documents import CONTAINERS, store

    world.owner(address)
    world.call("auth_password_forgot", {"email": address})
    secret = world.link(address).partition(".")[2]
    for container in CONTAINERS:
        assert secret not in str(store().query(container, limit=1000).items), container


def test_an_address_is_changed_by_its_link_and_the_old_one_informed(world: World, address: str) -> None:
    made, new = world.owner(address), f"new.{address}"
    access = made["tokens"]["accessToken"]
    assert world.call("auth_email_change", {"email": new, "password": "wrong"}, token=access).code == "wrong_password"
    assert world.call("auth_email_change", {"email": new, "password": PASSWORD}, token=access).status == 202
    assert world.call("auth_me", token=access).body["email"] == address
    link = world.link(new)
    eve = world.owner(f"eve.{address}")["tokens"]["accessToken"]
    assert world.call("auth_email_confirm", {"token": link}, token=eve).code == "link_invalid"
    assert world.call("auth_email_confirm", {"token": link}, token=access).body["email"] == new
    assert "address of your account was changed" in str(world.messages(address)[-1])
    assert world.login(new).status == 200
    assert world.login(address).status == 401
    assert world.owner(address)["user"]["id"] != made["user"]["id"]
