"""Access tokens: whatever is wrong with one, the answer is the same 401."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from http_calls import KEYS, App

from shared.accounts.cache import account_cache
from shared.documents import store
from shared.http import auth, tokens

type Claims = dict[str, Any]


def signed(claims: Claims, *, key: str = KEYS["k1"], kid: Any = "k1", algorithm: str = "HS256", **headers: Any) -> str:
    return jwt.encode(claims, key, algorithm, headers={"kid": kid, **headers})


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def by_hand(header: str, payload: str) -> str:
    """A token with these JSON texts, signed with the right key."""
    start = f"{encoded(header.encode())}.{encoded(payload.encode())}"
    hmac = jwt.get_algorithm_by_name("HS256")
    return f"{start}.{encoded(hmac.sign(start.encode(), hmac.prepare_key(KEYS['k1'])))}"


def rsa_signed(claims: Claims) -> str:
    return jwt.encode(claims, rsa.generate_private_key(65537, 2048), "RS256", headers={"kid": "k1"})


def public_key_as_secret(claims: Claims) -> str:
    """HS256 keyed with a public RSA key, made by hand because PyJWT refuses to."""
    public = rsa.generate_private_key(65537, 2048).public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    start = f"{encoded(b'{"alg":"HS256","typ":"JWT","kid":"k1"}')}.{encoded(json.dumps(claims).encode())}"
    return f"{start}.{encoded(jwt.get_algorithm_by_name('HS256').sign(start.encode(), pem))}"


def forged_payload(claims: Claims) -> str:
    """Another role and version under the signature of the real claims."""
    head, _, tail = signed(claims).split(".")
    return f"{head}.{encoded(json.dumps({**claims, 'sub': 'someone', 'role': 'admin'}).encode())}.{tail}"


def twice(claims: Claims) -> str:
    """The claims named twice, the second time better, under the real signature."""
    head, payload, tail = signed(claims).split(".")
    text = base64.urlsafe_b64decode(payload + "==").decode()
    return f"{head}.{encoded((text[:-1] + ', "sub": "someone", "ver": 1}').encode())}.{tail}"


MUTATIONS: dict[str, Callable[[Claims], str]] = {
    "none": lambda c: jwt.encode(c, None, "none", headers={"kid": "k1"}),
    "None spelt otherwise": lambda c: by_hand('{"alg":"nOnE","kid":"k1"}', json.dumps(c)),
    "none with the signature left": lambda c: f"{encoded(b'{"alg":"none","kid":"k1"}')}.{signed(c).partition('.')[2]}",
    "algorithm named twice": lambda c: by_hand('{"alg":"HS256","kid":"k1","alg":"none"}', json.dumps(c)),
    "RS256": rsa_signed,
    "HS256 with a public key": public_key_as_secret,
    "HS512 with our key": lambda c: signed(c, algorithm="HS512"),
    "no kid": lambda c: jwt.encode(c, KEYS["k1"], "HS256"),
    "unknown kid": lambda c: signed(c, kid="k2"),
    "kid of another key": lambda c: signed(c, kid="k0"),
    "kid leads to a file": lambda c: signed(c, key="x" * 32, kid="../../../../dev/null"),
    "kid is a query": lambda c: signed(c, key="x" * 32, kid="k1' UNION SELECT 'x"),
    "kid is a list": lambda c: by_hand('{"alg":"HS256","kid":["k1"]}', json.dumps(c)),
    "key in the header": lambda c: signed(
        c, key="x" * 32, kid="x", jwk={"kty": "oct", "k": "eHh4"}, jku="https://example.com/keys"
    ),
    "unknown critical header": lambda c: signed(c, crit=["new"], new=1),
    "expired": lambda c: signed({**c, "exp": time.time() - tokens.LEEWAY_S - 5}),
    "not yet": lambda c: signed({**c, "nbf": time.time() + tokens.LEEWAY_S + 60}),
    "issued in the future": lambda c: signed({**c, "iat": time.time() + tokens.LEEWAY_S + 60}),
    "other issuer": lambda c: signed({**c, "iss": "someone"}),
    "other audience": lambda c: signed({**c, "aud": "someone"}),
    "subject is a number": lambda c: by_hand('{"alg":"HS256","kid":"k1"}', json.dumps({**c, "sub": 7})),
    "subject without an account": lambda c: signed({**c, "sub": "unknown"}),
    "refresh as access": lambda c: signed({**c, "typ": "refresh"}),
    "typ of another kind": lambda c: signed({**c, "typ": ["access"]}),
    "old version": lambda c: signed({**c, "ver": c["ver"] - 1}),
    "version to come": lambda c: signed({**c, "ver": c["ver"] + 1}),
    "truncated signature": lambda c: signed(c)[:-6],
    "no signature": lambda c: signed(c).rpartition(".")[0] + ".",
    "two parts": lambda c: signed(c).rpartition(".")[0],
    "forged payload": forged_payload,
    "claims named twice": twice,
    "not JSON": lambda c: by_hand('{"alg":"HS256","kid":"k1"}', "claims"),
    "a list": lambda c: by_hand('{"alg":"HS256","kid":"k1"}', "[]"),
    "nested header": lambda c: f"{encoded(b'[' * 2900)}.e30.x",
    "not base64": lambda c: "ü.ü.ü",
    "64 KiB": lambda c: signed({**c, "pad": "x" * 65536}),
    **{
        f"without {name}": lambda c, name=name: signed({k: v for k, v in c.items() if k != name})
        for name in ("iss", "aud", "sub", "exp", "iat", "nbf", "jti", "ver", "typ", "role")
    },
}


@pytest.fixture
def claims(ada: dict[str, Any]) -> Claims:
    """The claims of a token that holds."""
    return jwt.decode(ada["tokens"]["accessToken"], options={"verify_signature": False})


@pytest.mark.parametrize("mutation", MUTATIONS.values(), ids=MUTATIONS.keys())
def test_a_mutated_token_is_refused(call: App, claims: Claims, mutation: Callable[[Claims], str]) -> None:
    answer = call("auth_me", token=mutation(claims))
    assert (answer.status, answer.code) == (401, "token_invalid")
    assert answer.body["detail"] == call("auth_me", token="x").body["detail"]
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_the_same_claims_signed_right_are_accepted(call: App, claims: Claims) -> None:
    assert call("auth_me", token=signed(claims)).status == 200


def test_a_key_kept_for_verification_still_verifies(call: App, claims: Claims) -> None:
    assert call("auth_me", token=signed(claims, key=KEYS["k0"], kid="k0")).status == 200


def test_a_token_that_was_good_ends_when_it_does(call: App, claims: Claims, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "LEEWAY_S", 0)
    token = signed({**claims, "exp": (ends := int(time.time()) + 2)})
    assert call("auth_me", token=token).status == 200
    time.sleep(max(0.0, ends - time.time()))
    assert call("auth_me", token=token).code == "token_invalid"


def test_a_token_that_was_good_ends_with_its_key(
    call: App, claims: Claims, change_settings: Callable[..., None]
) -> None:
    token = signed(claims, key=KEYS["k0"], kid="k0")
    assert call("auth_me", token=token).status == 200
    change_settings(JWT_KEYS=json.dumps({"k1": KEYS["k1"]}))
    assert call("auth_me", token=token).code == "token_invalid"


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic YTpi", "bearer"])
def test_without_a_token_it_says_to_sign_in(call: App, header: str) -> None:
    answer = call("auth_me", headers={"Authorization": header})
    assert (answer.status, answer.code) == (401, "token_missing")


def test_a_token_that_holds_ends_with_its_account(call: App, ada: dict[str, Any]) -> None:
    token, id = ada["tokens"]["accessToken"], ada["user"]["id"]
    assert call("auth_me", token=token).status == 200
    store().patch("accounts", id, id, set={"disabled": True})
    account_cache.invalidate(id)
    assert call("auth_me", token=token).code == "token_invalid"


def test_a_denied_token_is_refused_and_others_are_not(call: App, ada: dict[str, Any], claims: Claims) -> None:
    id = ada["user"]["id"]
    denied = [{"jti": claims["jti"], "exp": claims["exp"]}]
    store().patch("accounts", id, id, set={"revoked": denied})
    assert call("auth_me", token=signed(claims)).code == "token_invalid"
    assert call("auth_me", token=signed({**claims, "jti": "another"})).status == 200


def test_the_role_is_the_account_s_not_the_token_s(call: App, claims: Claims) -> None:
    assert auth.authenticate(f"Bearer {signed({**claims, 'role': 'admin'})}").role == "shopper"


def test_what_was_read_before_a_change_is_not_kept_after_it(
    ada: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    id = ada["user"]["id"]
    account_cache.invalidate(id)
    real, changes = store().find, iter([True])

    def find_then_change(*args: str) -> Any:
        found = real(*args)
        if next(changes, False):
            store().patch("accounts", id, id, set={"disabled": True})
            account_cache.invalidate(id)
        return found

    monkeypatch.setattr(store(), "find", find_then_change)
    account_cache.find(id)
    account = account_cache.find(id)
    assert account is not None
    assert account.disabled
