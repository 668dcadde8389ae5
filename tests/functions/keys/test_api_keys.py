"""API keys: made once, stored as hashes, limited to scopes, revoked immediately."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest
from account_factory import add_account
from http_calls import KEYS, Answered, App, fresh_store
from routes import declared

from functions.keys.blueprint import bp
from shared import clock
from shared.accounts.api_keys import ApiKeyDocument, ApiKeyId, Scope, api_key_cache, api_keys
from shared.accounts.cache import account_cache
from shared.accounts.documents import AccountDocument, accounts
from shared.audit import audit_entries
from shared.documents.fields import assign
from shared.http import routes, tokens
from shared.http.auth import SCOPES, SIGNED_IN
from shared.http.endpoint import Call, endpoint
from shared.http.idempotency_documents import IdempotencyRecord, IdempotencyState, idempotency_records
from shared.http.models import Answer
from shared.settings import forget


class Caller(Answer):
    """Who called."""

    user: str
    role: str


@pytest.fixture(scope="module")
def probe() -> Iterator[App]:
    """Routes of several scopes that answer who called."""
    probes, before = func.Blueprint(), len(routes.ROUTES)

    @endpoint(probes, "GET", "conversions/who", access=SIGNED_IN, answer=Caller)
    def conversions_who(call: Call) -> Caller:
        return Caller(user=call.caller.user_id, role=call.caller.role)

    @endpoint(probes, "GET", "search/who", access=SIGNED_IN, answer=Caller)
    def search_who(call: Call) -> Caller:
        return Caller(user=call.caller.user_id, role=call.caller.role)

    @endpoint(probes, "GET", "auth/who", access=SIGNED_IN, answer=Caller)
    def auth_who(call: Call) -> Caller:
        return Caller(user=call.caller.user_id, role=call.caller.role)

    yield App(probes)
    del routes.ROUTES[before:]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    with fresh_store(tmp_path, monkeypatch):
        add_account("ada", "vendor")
        add_account("bob")
        yield App(bp)


@pytest.fixture
def ada(call: App) -> str:
    return tokens.issue("ada", "vendor", 1)[0]


def make(call: App, token: str, **fields: Any) -> dict[str, Any]:
    answer = call("api_keys_create", {"name": "Server", "scopes": ["tryon"], **fields}, token=token)
    assert answer.status == 201, answer.raw
    return answer.body


def test_a_key_acts_for_its_account_within_its_scopes(call: App, ada: str, probe: App) -> None:
    key = make(call, ada)["key"]
    assert probe("conversions_who", token=key).body == {"user": "ada", "role": "vendor"}
    assert probe("search_who", token=key).code == "scope"
    assert probe("auth_who", token=make(call, ada, scopes=list(Scope))["key"]).code == "scope"


def test_a_key_is_shown_once_and_stored_as_a_hash(call: App, ada: str) -> None:
    made = make(call, ada)
    key = made.pop("key")
    assert key.endswith(made["hint"])
    assert call("api_keys_list", token=ada).body["items"] == [made]
    stored = api_keys.get(ApiKeyId.of(made["id"]), "ada")
    assert key.rsplit("_", 1)[1] not in stored.model_dump_json()


def test_when_a_key_was_used_is_seen(call: App, ada: str, probe: App) -> None:
    key = make(call, ada)["key"]
    assert call("api_keys_list", token=ada).body["items"][0]["lastUsedAt"] is None
    probe("conversions_who", token=key)
    first = call("api_keys_list", token=ada).body["items"][0]["lastUsedAt"]
    assert first is not None
    api_key_cache.clear()
    probe("conversions_who", token=key)
    assert call("api_keys_list", token=ada).body["items"][0]["lastUsedAt"] == first


def test_a_repeated_creation_answers_the_same_key(call: App, ada: str, probe: App) -> None:
    again = {"Idempotency-Key": "one click"}
    wanted = {"name": "Server", "scopes": ["tryon"]}
    made, repeated = (call("api_keys_create", wanted, token=ada, headers=again) for _ in range(2))
    assert made.status == repeated.status == 201
    assert made.body == repeated.body
    assert repeated.headers["Idempotency-Replayed"] == "true"
    assert len(call("api_keys_list", token=ada).body["items"]) == 1
    assert probe("conversions_who", token=repeated.body["key"]).status == 200
    other = call("api_keys_create", wanted, token=ada, headers={"Idempotency-Key": "another click"})
    assert other.body["key"].rsplit("_", 1)[1] != made.body["key"].rsplit("_", 1)[1]
    call("api_keys_delete", token=ada, route={"id": made.body["id"]})
    assert call("api_keys_create", wanted, token=ada, headers=again).code == "key_not_found"
    assert len(call("api_keys_list", token=ada).body["items"]) == 1, "revoked is not made again"


def test_a_repeated_rotation_answers_the_same_text(call: App, ada: str, probe: App) -> None:
    made = make(call, ada)

    def rotate(click: str) -> Answered:
        return call("api_keys_rotate", token=ada, route={"id": made["id"]}, headers={"Idempotency-Key": click})

    first, repeated = rotate("one click"), rotate("one click")
    assert first.body == repeated.body
    assert first.body["key"] != made["key"]
    assert probe("conversions_who", token=repeated.body["key"]).status == 200
    assert [entry.action for entry in audit_entries.list(partition="ada").items].count("API_KEY_ROTATED") == 1
    assert rotate("another click").body["key"] != first.body["key"]
    late = rotate("one click")
    assert (late.status, late.code) == (409, "key_changed")
    assert first.body["key"] not in late.raw.decode()


def test_a_rotation_that_broke_off_is_finished_with_the_same_text(call: App, ada: str, probe: App) -> None:
    made = make(call, ada)
    click = {"Idempotency-Key": "one click"}
    lost = call("api_keys_rotate", token=ada, route={"id": made["id"]}, headers=click).body["key"]
    # As the record of a worker that ended between the rotation and its answer.
    (record,) = idempotency_records.iterate()
    unfinished = (
        assign(IdempotencyRecord.state, IdempotencyState.IN_PROGRESS),
        assign(IdempotencyRecord.expires_at, 0.0),
    )
    idempotency_records.patch(record.id, record.id, *unfinished)
    finished = call("api_keys_rotate", token=ada, route={"id": made["id"]}, headers=click)
    assert "Idempotency-Replayed" not in finished.headers
    assert finished.body["key"] == lost
    assert probe("conversions_who", token=lost).status == 200


def test_the_text_of_a_repeatable_request_is_nowhere_in_the_store(call: App, ada: str) -> None:
    click = {"Idempotency-Key": "one click"}
    key = call("api_keys_create", {"name": "Server", "scopes": ["tryon"]}, token=ada, headers=click).body["key"]
    (record,) = idempotency_records.iterate()
    stored = api_keys.list(partition="ada").items[0].model_dump_json() + record.model_dump_json()
    assert key.rsplit("_", 1)[1] not in stored
    assert click["Idempotency-Key"] not in stored, "with it and the signing key the text can be made"


def test_a_repetition_after_the_signing_key_changed(call: App, ada: str, monkeypatch: pytest.MonkeyPatch) -> None:
    click = {"Idempotency-Key": "one click"}
    wanted = {"name": "Server", "scopes": ["tryon"]}
    made = call("api_keys_create", wanted, token=ada, headers=click).body
    monkeypatch.setenv("JWT_ACTIVE_KID", "k0")
    forget()
    assert call("api_keys_create", wanted, token=ada, headers=click).body == made, "the key before still verifies"
    monkeypatch.setenv("JWT_KEYS", json.dumps({"k0": KEYS["k0"]}))
    forget()
    fresh = tokens.issue("ada", "vendor", 1)[0]
    assert call("api_keys_create", wanted, token=fresh, headers=click).code == "key_changed"


def test_a_rotated_key_replaces_the_one_before(call: App, ada: str, probe: App) -> None:
    made = make(call, ada)
    assert probe("conversions_who", token=made["key"]).status == 200
    rotated = call("api_keys_rotate", token=ada, route={"id": made["id"]}).body
    assert rotated["id"] == made["id"]
    assert probe("conversions_who", token=made["key"]).code == "key_invalid"
    assert probe("conversions_who", token=rotated["key"]).status == 200


def test_a_revoked_key_ends_at_once(call: App, ada: str, probe: App) -> None:
    made = make(call, ada)
    assert probe("conversions_who", token=made["key"]).status == 200
    assert call("api_keys_delete", token=ada, route={"id": made["id"]}).status == 204
    assert probe("conversions_who", token=made["key"]).code == "key_invalid"
    assert call("api_keys_delete", token=ada, route={"id": made["id"]}).status == 404


def test_a_key_ends_when_it_expires(call: App, ada: str, probe: App, monkeypatch: pytest.MonkeyPatch) -> None:
    key = make(call, ada, expiresInDays=1)["key"]
    assert probe("conversions_who", token=key).status == 200
    later = clock.now() + 24 * 3600 + 1
    monkeypatch.setattr(clock, "now", lambda: later)
    assert probe("conversions_who", token=key).code == "key_invalid"


def test_a_key_ends_with_its_account(call: App, ada: str, probe: App) -> None:
    key = make(call, ada)["key"]
    accounts.patch("ada", "ada", assign(AccountDocument.disabled, True))
    account_cache.clear()
    assert probe("conversions_who", token=key).code == "key_invalid"


@pytest.mark.parametrize(
    "forge",
    [
        lambda key: key[:-1] + ("0" if key[-1] != "0" else "1"),
        lambda key: key.replace("sk_ada", "sk_bob"),
        lambda key: "pk" + key[2:],
        lambda key: key + "00",
        lambda key: key.upper(),
        lambda key: "sk_",
        lambda key: "sk___",
        lambda key: "sk_" + "a" * 5000,
        lambda key: key.rsplit("_", 1)[0] + "_",
        lambda key: "sk_a/../b_c_d",
        lambda key: "sk_\x00_\x00_\x00",
    ],
)
def test_a_forged_key_is_refused(call: App, ada: str, probe: App, forge: Callable[[str], str]) -> None:
    answer = probe("conversions_who", token=forge(make(call, ada)["key"]))
    assert (answer.status, answer.code) in ((401, "key_invalid"), (401, "token_invalid"))


def test_a_publishable_key_is_no_secret_key(call: App, ada: str, probe: App) -> None:
    made = make(call, ada, kind="publishable", origins=["https://Shop.example.com/"])
    assert made["origins"] == ["https://shop.example.com"]
    assert probe("conversions_who", token=made["key"]).code == "key_invalid"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": ["tryon", "tryon"]}, "scopes"),
        ({"scopes": ["admin"]}, "scopes"),
        ({"name": " "}, "name"),
        ({"expiresInDays": 0}, "expiresInDays"),
        ({"origins": ["https://shop.example.com"]}, "origins"),
        ({"kind": "publishable"}, "origins"),
        ({"kind": "publishable", "origins": ["*"]}, "origins"),
        ({"kind": "publishable", "origins": ["shop.example.com"]}, "origins"),
        ({"kind": "publishable", "origins": ["https://a.example"], "scopes": ["catalogue"]}, "scopes"),
    ],
)
def test_what_is_wrong_in_a_request_is_named(call: App, ada: str, fields: dict[str, Any], field: str) -> None:
    answer = call("api_keys_create", {"name": "Server", "scopes": ["tryon"], **fields}, token=ada)
    assert answer.status == 422
    assert field in answer.raw.decode()


def test_another_account_does_not_reach_a_key(call: App, ada: str) -> None:
    made, bob = make(call, ada), tokens.issue("bob", "shopper", 1)[0]
    assert call("api_keys_list", token=bob).body["items"] == []
    assert call("api_keys_delete", token=bob, route={"id": made["id"]}).status == 404
    assert call("api_keys_rotate", token=bob, route={"id": made["id"]}).status == 404


def test_a_key_makes_no_keys(call: App, ada: str) -> None:
    key = make(call, ada, scopes=list(Scope))["key"]
    assert call("api_keys_create", {"name": "x", "scopes": ["tryon"]}, token=key).code == "scope"


def test_there_is_a_limit(call: App, ada: str) -> None:
    for number in range(50):
        api_keys.create(
            ApiKeyDocument(
                id=ApiKeyId.of(f"k{number}"), user_id="ada", kind="secret", name="x", scopes=(), secret_hash="",  # type: ignore[arg-type]
                hint="", created_at=clock.iso(),
            )
        )  # fmt: skip
    answer = call("api_keys_create", {"name": "x", "scopes": ["tryon"]}, token=ada)
    assert (answer.status, answer.code) == (409, "too_many_keys")


def test_no_key_opens_what_concerns_the_account_or_money() -> None:
    segments = {route.path.partition("/")[0] for route in declared() if not route.access.public}
    closed = {"admin", "auth", "paypal", "api-keys", "shop"}
    assert closed <= segments
    assert not closed & set(SCOPES)
    assert segments - closed == set(SCOPES) & segments, "say which scopes open a new route"
