"""An account that becomes an administrator's by command: who had it before, has no way in any more."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from accounts_world import PASSWORD, World
from http_calls import App
from pyotp.totp import TOTP

from functions.auth import outliving, service
from functions.auth.documents import SecondFactorId, second_factors
from shared import clock
from shared.accounts.documents import Role, accounts
from shared.webhooks.documents import WebhookStatus, webhooks

NEW = "another correct horse"


class Squatter:
    """An account at an address that is to be an administrator's, with everything that lets its holder in again."""

    def __init__(self, world: World, address: str) -> None:
        made = world.owner(address)
        self.id, self.access = made["user"]["id"], made["tokens"]["accessToken"]
        world.call("auth_me_change", {"phone": "+491701234567"}, token=self.access)
        key = {"name": "K", "scopes": ["tryon", "webhooks"]}
        self.key = App.of("keys")("api_keys_create", key, token=self.access).body["key"]
        hook = {"url": "http://127.0.0.1:9/", "events": ["job.completed"]}
        assert App.of("webhooks")("webhooks_create", hook, token=self.access).status == 201
        begun = world.call("auth_second_factor_begin", {"password": PASSWORD}, token=self.access).body
        code = TOTP(begun["secret"]).at(int(clock.now()))
        assert world.call("auth_second_factor_confirm", {"code": code}, token=self.access).status == 200
        world.call("auth_password_forgot", {"email": address})
        self.reset = world.link(address)


@pytest.fixture
def squatter(world: World, address: str, change: Callable[..., None]) -> Squatter:
    change(WEBHOOK_ALLOW_HOSTS='["127.0.0.1:*"]')
    return Squatter(world, address)


def check_nothing_is_left(world: World, squatter: Squatter, address: str) -> None:
    id = SecondFactorId.of(squatter.id)
    assert second_factors.find(id, id) is None
    assert world.call("auth_me", token=squatter.access).status == 401
    assert App.of("webhooks")("webhooks_list", token=squatter.key).status == 401
    assert [hook.status for hook in webhooks.iterate(partition=squatter.id)] == [WebhookStatus.DISABLED]
    body = {"token": squatter.reset, "password": "a password of the squatter"}
    assert world.call("auth_password_reset", body).code == "link_invalid"
    account = accounts.get(squatter.id, squatter.id)
    assert (account.role, account.phone, account.second_factor) == (Role.ADMIN, None, False)
    assert world.login(address, NEW).body["user"]["role"] == "admin"


def test_nothing_of_its_previous_holder_lets_them_in(world: World, squatter: Squatter, address: str) -> None:
    assert service.ensure_admin(address, NEW) == squatter.id
    check_nothing_is_left(world, squatter, address)


def test_a_promotion_that_breaks_off_is_done_whole_when_it_is_repeated(
    world: World, squatter: Squatter, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(user_id: str, ip: str) -> None:
        raise RuntimeError("the process dies")

    with monkeypatch.context() as broken:
        broken.setattr(outliving, "end_all", crash)
        with pytest.raises(RuntimeError):
            service.ensure_admin(address, NEW)
    assert accounts.get(squatter.id, squatter.id).role is not Role.ADMIN
    assert world.login(address, PASSWORD).status == 401
    service.ensure_admin(address, NEW)
    check_nothing_is_left(world, squatter, address)


def test_an_administrators_own_second_factor_and_keys_stay_when_the_command_is_repeated(
    world: World, address: str
) -> None:
    service.ensure_admin(address, NEW)
    access = world.login(address, NEW).body["accessToken"]
    key = App.of("keys")("api_keys_create", {"name": "K", "scopes": ["tryon"]}, token=access).body["id"]
    service.ensure_admin(address, NEW)
    assert [one["id"] for one in App.of("keys")("api_keys_list", token=access).body["items"]] == [key]
