"""What a thief leaves behind: keys and webhooks go on without the session they were made in, so the owner learns of
them and ends them together with the sessions."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from accounts_world import LINK, PASSWORD, World
from http_calls import Answered, App
from test_roles_by_asking import person
from test_stolen_session_and_keys import SECRET, an_hour_later

from functions.auth import sessions as refreshed
from functions.jobs.sweeps import SWEEPS
from functions.keys import service as keys
from shared import clock
from shared.accounts import email as addresses
from shared.accounts.api_keys import ApiKeyDocument, ApiKeyId, api_keys
from shared.accounts.documents import Role, accounts
from shared.documents.fields import assign

HOOK = {"url": "http://127.0.0.1:9/", "events": ["job.completed"]}
NEW = "another correct horse"


class Account:
    """An account, what it has that outlives sessions, and the calls that make it."""

    def __init__(self, world: World, address: str) -> None:
        self.world, self.address = world, address
        made = world.owner(address)
        self.id: str = made["user"]["id"]
        self.tokens: dict[str, Any] = made["tokens"]
        self.keys, self.webhooks = App.of("keys"), App.of("webhooks")

    @property
    def access(self) -> str:
        return self.tokens["accessToken"]

    def session(self) -> dict[str, Any]:
        """Another session."""
        return self.world.login(self.address).body

    def make(self, token: str) -> tuple[str, str]:
        """A key and a webhook; their ids."""
        key = self.keys("api_keys_create", SECRET, token=token)
        hook = self.webhooks("webhooks_create", HOOK, token=token)
        assert (key.status, hook.status) == (201, 201), (key.raw, hook.raw)
        return key.body["id"], hook.body["id"]

    def left(self, token: str) -> tuple[set[str], set[str]]:
        """Ids of the keys, and of the webhooks that are delivered to."""
        keys = self.keys("api_keys_list", token=token).body["items"]
        hooks = self.webhooks("webhooks_list", token=token).body["items"]
        return {key["id"] for key in keys}, {hook["id"] for hook in hooks if hook["status"] == "active"}

    def subjects(self) -> list[str]:
        return [message["subject"] for message in self.world.messages(self.address)]


@pytest.fixture
def account(world: World, address: str, change: Callable[..., None]) -> Account:
    change(WEBHOOK_ALLOW_HOSTS='["127.0.0.1:*"]')
    return Account(world, address)


def test_its_owner_hears_of_whatever_could_stay(account: Account) -> None:
    key, hook = account.make(account.access)
    account.keys("api_keys_rotate", token=account.access, route={"id": key})
    account.webhooks("webhooks_rotate_secret", token=account.access, route={"id": hook})
    account.webhooks("webhooks_update", {"description": "mine"}, token=account.access, route={"id": hook})
    account.webhooks("webhooks_update", HOOK, token=account.access, route={"id": hook})
    account.world.call("auth_me_change", {"phone": "+491701234567"}, token=account.access)
    account.world.call("auth_me_change", {"phone": "+491701234567", "displayName": "A"}, token=account.access)
    account.world.call("auth_me_change", {"phone": None}, token=account.access)
    sent = account.subjects()
    assert sent.count("An API key of your account was made") == 2
    assert sent.count("A webhook of your account was added or changed") == 3
    assert sent.count("The phone number of your account was changed") == 2


def test_doing_it_again_and_again_spends_few_of_everyones_emails(account: Account) -> None:
    for _ in range(15):
        key = account.keys("api_keys_create", SECRET, token=account.access).body["id"]
        account.keys("api_keys_delete", token=account.access, route={"id": key})
    assert account.subjects().count("An API key of your account was made") == 10


def test_a_webhook_needs_a_recent_sign_in_where_it_opens_something(account: Account) -> None:
    hook = account.make(account.access)[1]
    token = an_hour_later(account.world, account.tokens)
    call = account.webhooks
    acts: dict[str, Callable[[str], Answered]] = {
        "create": lambda token: call("webhooks_create", HOOK, token=token),
        "another address": lambda token: call("webhooks_update", HOOK, token=token, route={"id": hook}),
        "enable": lambda token: call("webhooks_update", {"status": "active"}, token=token, route={"id": hook}),
        "rotate": lambda token: call("webhooks_rotate_secret", token=token, route={"id": hook}),
    }
    for name, act in acts.items():
        assert act(token).code == "sign_in_again", name
    assert call("webhooks_update", {"status": "disabled"}, token=token, route={"id": hook}).status == 200
    recent = account.session()["accessToken"]
    assert [act(recent).status for act in acts.values()] == [201, 200, 200, 200]


def test_a_session_that_has_ended_makes_nothing_that_stays(account: Account) -> None:
    """Other processes go on to know its account from their caches for a while."""
    from shared.accounts.recent import require_recent_sign_in
    from shared.errors import Forbidden

    ended = [account.session() for _ in range(2)]
    families = [one["refreshToken"].partition(".")[0] for one in ended]
    require_recent_sign_in(families[0])
    account.world.call("auth_logout", token=ended[0]["accessToken"])
    account.world.call("auth_logout", {"everywhere": True}, token=account.access)
    for family in families:
        with pytest.raises(Forbidden):
            require_recent_sign_in(family)


def test_ending_everything_ends_what_was_made_since(account: Account) -> None:
    """By signing out everywhere, by a new password and by a reset."""
    world = account.world

    def sign_out(since: str) -> None:
        body = {"everywhere": True, "revokeMadeSince": since}
        assert world.call("auth_logout", body, token=account.session()["accessToken"]).status == 204

    def change(since: str) -> None:
        password = {"current": PASSWORD, "new": NEW, "revokeMadeSince": since}
        answer = world.call("auth_me_change", {"password": password}, token=account.session()["accessToken"])
        assert answer.status == 200, answer.raw

    def reset(since: str) -> None:
        world.call("auth_password_forgot", {"email": account.address})
        token = world.link(account.address)
        body = {"token": token, "password": PASSWORD, "revokeMadeSince": since}
        assert world.call("auth_password_reset", body).status == 204

    old = account.make(account.access)
    password = PASSWORD
    for act in (sign_out, change, reset):
        world.pass_time(1)
        since = clock.iso()
        thief = world.login(account.address, password).body["accessToken"]
        account.make(thief)
        rotated = account.keys("api_keys_create", SECRET, token=thief).body["id"]
        act(since)
        password = NEW if act is change else PASSWORD
        found = account.left(world.login(account.address, password).body["accessToken"])
        assert found == ({old[0]}, {old[1]}), act.__name__
        assert rotated not in found[0]


def test_an_old_key_that_a_thief_gave_a_new_text_counts_as_new(account: Account) -> None:
    key, hook = account.make(account.access)
    account.world.pass_time(1)
    since = clock.iso()
    thief = account.session()["accessToken"]
    account.keys("api_keys_rotate", token=thief, route={"id": key})
    account.webhooks("webhooks_update", HOOK, token=thief, route={"id": hook})
    account.world.call("auth_logout", {"everywhere": True, "revokeMadeSince": since}, token=thief)
    assert account.left(account.session()["accessToken"]) == (set(), set())


def test_a_session_takes_with_it_what_was_made_in_it_and_with_its_keys(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = account.make(account.access)
    thief = account.session()
    key = account.keys("api_keys_create", {"name": "K", "scopes": ["webhooks"]}, token=thief["accessToken"]).body
    by_key = account.webhooks("webhooks_create", HOOK, token=key["key"])
    assert by_key.status == 201, by_key.raw
    theirs = account.make(thief["accessToken"])
    body = {"ids": [thief["refreshToken"].partition(".")[0]], "password": PASSWORD}
    other = account.session()
    assert (
        account.world.call("auth_sessions_end", {**body, "revokeMade": True}, token=other["accessToken"]).status == 204
    )
    assert account.left(other["accessToken"]) == ({mine[0]}, {mine[1]})
    assert theirs[0] != mine[0]


def test_what_stays_is_said_in_the_message(account: Account) -> None:
    account.make(account.access)
    account.make(account.access)
    account.world.call("auth_password_forgot", {"email": account.address})
    body = {"token": account.world.link(account.address), "password": NEW}
    assert account.world.call("auth_password_reset", body).status == 204
    last = account.world.messages(account.address)[-1]
    assert last["subject"] == "Your password was changed"
    for text in (last["plainText"], last["html"]):
        assert "2 API keys (the newest made at " in text
        assert "2 webhooks (changed last at " in text
    assert LINK.search(last["plainText"]) is None


def test_its_owner_hears_of_a_refresh_token_used_twice_once(account: Account) -> None:
    token = account.tokens["refreshToken"]
    assert account.world.call("auth_refresh", {"refreshToken": token}).status == 200
    account.world.pass_time(refreshed.REPEAT_S + 1)
    for _ in range(3):
        assert account.world.call("auth_refresh", {"refreshToken": token}).code == "refresh_invalid"
    assert account.subjects().count("A session of your account was ended") == 1


@pytest.mark.parametrize(("scopes", "closes"), [(["tryon"], 1), (["search"], 0)])
def test_websockets_end_when_the_key_that_opened_them_expires(account: Account, scopes: list[str], closes: int) -> None:
    body = {"name": "K", "scopes": scopes, "expiresInDays": 1}
    account.keys("api_keys_create", body, token=account.access)
    version = accounts.get(account.id, account.id).connection_version
    keys.close_expired()
    assert accounts.get(account.id, account.id).connection_version == version
    account.world.pass_time(keys.DAY_S + 1)
    for _ in range(2):
        keys.close_expired()
    assert accounts.get(account.id, account.id).connection_version == version + closes
    assert "functions.keys.service:close_expired" in {sweep.run for sweep in SWEEPS}


def test_keys_of_before_there_was_a_mark_are_looked_at_too(account: Account) -> None:
    made = account.keys("api_keys_create", SECRET, token=account.access).body["id"]
    api_keys.patch(ApiKeyId.of(made), account.id, assign(ApiKeyDocument.expires_at, clock.now() - 1))
    version = accounts.get(account.id, account.id).connection_version
    keys.close_expired()
    assert accounts.get(account.id, account.id).connection_version == version + 1


@pytest.mark.parametrize("what", ["keys", "webhooks"])
def test_many_at_once_are_not_more_than_one_after_another(
    account: Account, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "MAX_KEYS", 5)
    making = {
        "keys": lambda: account.keys("api_keys_create", SECRET, token=account.access),
        "webhooks": lambda: account.webhooks("webhooks_create", HOOK, token=account.access),
    }[what]
    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(lambda _: making().status, range(32)))
    assert set(made) <= {201, 409}
    assert made.count(201) == len(account.left(account.access)[what == "webhooks"]) <= 5


class Shop:
    """A merchant, and a thief of a session of theirs who invites someone."""

    def __init__(self, world: World, address: str) -> None:
        self.world, self.guest = world, f"guest.{address}"
        self.id, self.access = person(world, address, Role.MERCHANT, "lindenhof")
        self.thief = world.login(address).body

    def invite(self, token: str) -> Answered:
        return self.world.call("shop_invite", {"email": self.guest, "role": "merchant"}, token=token)

    def accept(self) -> Answered:
        body = {"token": self.world.link(self.guest), "password": PASSWORD}
        return self.world.call("auth_invitation_accept", body)


@pytest.mark.parametrize("everywhere", [True, False])
def test_an_invitation_ends_with_what_was_made_in_a_session(world: World, address: str, everywhere: bool) -> None:
    """Its reader becomes a merchant of the shop, who invites others."""
    shop = Shop(world, address)
    since = clock.iso()
    assert shop.invite(shop.thief["accessToken"]).status == 202
    if everywhere:
        body = {"everywhere": True, "revokeMadeSince": since}
        assert world.call("auth_logout", body, token=shop.access).status == 204
    else:
        ids = [shop.thief["refreshToken"].partition(".")[0]]
        body = {"ids": ids, "password": PASSWORD, "revokeMade": True}
        assert world.call("auth_sessions_end", body, token=shop.access).status == 204
    assert shop.accept().code == "link_invalid"


def test_an_invitation_takes_a_recent_sign_in_and_is_named_in_the_message(world: World, address: str) -> None:
    shop = Shop(world, address)
    assert shop.invite(shop.access).status == 202
    world.call("auth_me_change", {"password": {"current": PASSWORD, "new": NEW}}, token=shop.access)
    assert "1 open invitation (the newest made at " in world.messages(address)[-1]["plainText"]
    assert shop.invite(an_hour_later(world, world.login(address, NEW).body)).code == "sign_in_again"


def test_an_erased_merchant_leaves_no_invitation(world: World, address: str) -> None:
    from functions.privacy import personal_data
    from shared.documents import Where, store

    shop = Shop(world, address)
    assert shop.invite(shop.access).status == 202
    personal_data.delete_tokens(shop.id, addresses.hash_of(address))
    assert store().count("tokens", Where("invitedBy", "=", shop.id)) == 0
