"""Finding out who has an account: by registering, signing in, resetting, changing to an address."""

from __future__ import annotations

from typing import Any

from accounts_world import STRANGER, World
from http_calls import Answered
from prometheus_client import REGISTRY

from shared import telemetry
from shared.documents import store


def hashed() -> float:
    """How many passwords this process has hashed and verified so far."""
    telemetry.flush()
    kinds = ("hash", "verify")
    return sum(REGISTRY.get_sample_value("studio_password_seconds_count", {"kind": kind}) or 0 for kind in kinds)


def shape(answer: Answered) -> Any:
    """An answer without what differs between any two: ids, tokens, times."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(inner) for key, inner in value.items()}
        return type(value).__name__

    return answer.status, plain(answer.body), sorted(answer.headers)


def test_registering_a_taken_address_is_answered_and_worked_on_as_a_free_one(world: World, address: str) -> None:
    world.owner(address)
    seen = []
    for email in (address, f"free.{address}"):
        before, documents = hashed(), store().count("accounts") + store().count("tokens") + store().count("studio")
        answer = world.register(email)
        made = store().count("accounts") + store().count("tokens") + store().count("studio") - documents
        seen.append((shape(answer), answer.body["user"]["role"], hashed() - before, made))
    # A pointer for an address that was never named before is the only difference, and it is inside.
    assert seen[0][:3] == seen[1][:3]
    assert abs(seen[0][3] - seen[1][3]) <= 1


def test_signing_in_with_what_was_registered_works_whether_or_not_the_address_is_taken(
    world: World, address: str
) -> None:
    """Otherwise a registration followed by a sign-in would tell."""
    world.owner(address, "the owner's own password")
    taken = world.register(address, "a stranger's password").body["user"]["id"]
    free = world.register(f"free.{address}", "a stranger's password").body["user"]["id"]
    assert world.login(address, "a stranger's password", ip=STRANGER).body["user"]["id"] == taken
    assert world.login(f"free.{address}", "a stranger's password", ip=STRANGER).body["user"]["id"] == free


def test_a_wrong_password_costs_the_same_for_every_address(world: World, address: str) -> None:
    world.owner(address)
    world.register(f"pending.{address}")
    answers = []
    for email in (address, f"pending.{address}", f"unknown.{address}"):
        before = hashed()
        answers.append((shape(world.login(email, "not the password", ip=STRANGER)), hashed() - before))
    assert answers[0] == answers[1] == answers[2]
    assert answers[0][0][0] == 401


def test_a_reset_is_answered_alike_and_sends_to_the_owner_alone(world: World, address: str) -> None:
    world.owner(address)
    sent = len(world.messages(address))
    answers = [shape(world.call("auth_password_forgot", {"email": e})) for e in (address, f"unknown.{address}")]
    assert answers[0] == answers[1]
    assert answers[0][0] == 202
    assert len(world.messages(address)) == sent + 1
    assert world.messages(f"unknown.{address}") == []


def test_the_owner_of_a_taken_address_is_notified_and_gets_no_link(world: World, address: str) -> None:
    world.owner(address)
    before = len(world.messages(address))
    world.register(address)
    (notice,) = world.messages(address)[before:]
    assert "You have an account already" in str(notice)
    assert "#token=" not in str(notice)


def test_changing_to_a_taken_address_is_answered_alike(world: World, address: str) -> None:
    mine = world.owner(address)["tokens"]["accessToken"]
    world.owner(f"taken.{address}")
    wanted = [{"email": f"{name}.{address}", "password": "correct horse battery"} for name in ("taken", "free")]
    answers = [shape(world.call("auth_email_change", body, token=mine)) for body in wanted]
    assert answers[0] == answers[1]
    assert answers[0][0] == 202


def test_one_address_gets_five_links_an_hour_however_many_are_asked_for(world: World, address: str) -> None:
    world.owner(address)
    for _ in range(12):
        assert world.call("auth_password_forgot", {"email": address}).status == 202
    assert len(world.messages(address)) <= 5
