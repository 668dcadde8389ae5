"""The same attacks on two and on four processes that share one document store: what works once works once in all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pyotp
import pytest
from accounts_world import OWNER, PASSWORD, World
from app_processes import EACH, Apps
from quick import eventually
from stores import both_stores

from shared import clock

pytestmark = pytest.mark.processes


@pytest.fixture(params=[2, pytest.param(4, marks=pytest.mark.long)])
def apps(world: World, request: pytest.FixtureRequest) -> Iterator[Apps]:
    started = Apps(request.param)
    yield started
    started.close()


def auth(name: str, body: object = None, **more: Any) -> dict[str, Any]:
    return {"name": name, "body": body, "ip": OWNER, **more}


def alive(apps: Apps, access: str) -> set[int]:
    """What every process answers to a read with this token."""
    return {answer["status"] for answer in apps.call(auth("auth_me", token=access))}


@both_stores
def test_a_refresh_token_has_one_successor(apps: Apps, world: World, address: str) -> None:
    made = world.owner(address)["tokens"]
    for round in range(3):
        race = [auth("auth_refresh", {"refreshToken": made["refreshToken"]})] * EACH
        answers = apps.call(*race)
        won = [answer["body"] for answer in answers if answer["status"] == 200]
        assert len(won) == 1, Counter(answer["status"] for answer in answers)
        assert {answer["body"]["code"] for answer in answers if answer["status"] != 200} == {"refresh_superseded"}
        made = won[0]
        assert alive(apps, made["accessToken"]) == {200}, f"round {round}"


def test_a_lost_answer_is_the_same_from_every_process(apps: Apps, world: World, address: str) -> None:
    made = world.owner(address)["tokens"]
    known = {"refreshToken": made["refreshToken"], "deviceToken": made["deviceToken"]}
    answers = apps.call(*[auth("auth_refresh", known)] * EACH)
    assert {answer["status"] for answer in answers} == {200}
    assert len({answer["body"]["refreshToken"] for answer in answers}) == 1


def test_a_revoked_session_ends_in_every_process(apps: Apps, world: World, address: str) -> None:
    access = world.owner(address)["tokens"]["accessToken"]
    # Every process has the account in its cache now.
    assert alive(apps, access) == {200}
    assert apps.call(auth("auth_logout", {"everywhere": True}, token=access), of=0)[0]["status"] == 204
    assert apps.call(auth("auth_me", token=access), of=0)[0]["status"] == 401, "where it was revoked, immediately"
    eventually(lambda: alive(apps, access) == {401}, "the end of the caches")


def test_a_disabled_account_ends_in_every_process(apps: Apps, world: World, address: str) -> None:
    from shared.accounts.documents import AccountDocument, accounts
    from shared.documents.fields import assign

    made = world.owner(address)
    access, id = made["tokens"]["accessToken"], made["user"]["id"]
    assert alive(apps, access) == {200}
    accounts.patch(id, id, assign(AccountDocument.disabled, True))
    eventually(lambda: alive(apps, access) == {401}, "the end of the caches")
    refresh = auth("auth_refresh", {"refreshToken": made["tokens"]["refreshToken"]})
    assert {answer["status"] for answer in apps.call(refresh)} == {401}


def test_a_link_resets_a_password_once(apps: Apps, world: World, address: str) -> None:
    world.owner(address)
    world.call("auth_password_forgot", {"email": address})
    link = world.link(address)
    race = [auth("auth_password_reset", {"token": link, "password": f"another horse {n} battery"}) for n in range(EACH)]
    assert Counter(answer["status"] for answer in apps.call(*race))[204] == 1


def test_a_code_of_the_second_factor_signs_in_once(apps: Apps, world: World, address: str) -> None:
    access = world.owner(address)["tokens"]["accessToken"]
    secret = world.call("auth_second_factor_begin", {"password": PASSWORD}, token=access).body["secret"]
    totp = pyotp.TOTP(secret)
    confirmed = world.call("auth_second_factor_confirm", {"code": totp.now()}, token=access)
    assert confirmed.status == 200
    # The code of the next step, which is accepted early, because the present one has been used.
    code = totp.at(int(clock.now()) + 30)
    race = [auth("auth_login", {"email": address, "password": PASSWORD, "code": code})] * EACH
    assert Counter(answer["status"] for answer in apps.call(*race))[200] == 1


def test_guesses_are_counted_together(apps: Apps, world: World, address: str) -> None:
    world.owner(address)
    guess = [auth("auth_login", {"email": address, "password": "a wrong guess"}, ip="198.51.100.7")] * EACH
    answers = [answer["status"] for _ in range(4) for answer in apps.call(*guess)]
    # Five are free for one address and network, and a few may be in progress when the fifth is counted.
    assert Counter(answers)[401] <= 5 + EACH * 4
    assert {answer["status"] for answer in apps.call(*guess)} == {429}
    assert apps.call(auth("auth_login", {"email": address, "password": PASSWORD}), of=0)[0]["status"] == 200
