"""Tokens of the identity platform: signed by it, for our audience, of the configured tenant and an allowed identity."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from shared import settings
from shared.errors import Forbidden, StudioError, Unauthorized, Unavailable
from vto_container import access

TENANT = "11111111-2222-3333-4444-555555555555"
APP = "99999999-2222-3333-4444-555555555555"
KEY, FOREIGN = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))


@pytest.fixture(scope="module")
def authority() -> Iterator[str]:
    """The identity platform's key set."""
    public = json.loads(RSAAlgorithm.to_jwk(KEY.public_key()))
    keys = json.dumps({"keys": [{**public, "kid": "k1", "use": "sig", "alg": "RS256"}]}).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.path == f"/{TENANT}/discovery/v2.0/keys"
            self.send_response(200 if known else 404)
            self.end_headers()
            self.wfile.write(keys if known else b"")

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch, authority: str) -> Iterator[Callable[..., None]]:
    def forget() -> None:
        settings.forget()
        access._keys.cache_clear()

    def set_to(**values: str) -> None:
        given = {
            "ENVIRONMENT": "development", "Storage": "UseDevelopmentStorage=true",
            "VTO_TENANT": TENANT, "VTO_AUDIENCE": "api://vto", "VTO_CLIENTS": json.dumps([APP]),
            "VTO_AUTHORITY": authority, **values,
        }  # fmt: skip
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        forget()

    yield set_to
    monkeypatch.undo()
    forget()


def token(key: Any = KEY, kid: str = "k1", algorithm: str = "RS256", authority: str = "", **claims: Any) -> str:
    now = int(time.time())
    facts = {
        "iss": f"{authority}/{TENANT}/v2.0", "aud": "api://vto", "oid": APP, "tid": TENANT, "iat": now, "nbf": now,
        "exp": now + 300, **claims,
    }  # fmt: skip
    facts = {name: value for name, value in facts.items() if value is not None}
    return f"Bearer {jwt.encode(facts, key, algorithm=algorithm, headers={'kid': kid})}"


def test_an_identity_that_may_call_passes(configure: Callable[..., None], authority: str) -> None:
    configure()
    access.authorize(token(authority=authority))
    access.authorize(token(authority=authority, aud="vto"))
    access.authorize(token(iss=f"https://sts.windows.net/{TENANT}/"))


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"key": FOREIGN}, Unauthorized),
        ({"kid": "another"}, Unauthorized),
        ({"key": "a" * 40, "algorithm": "HS256"}, Unauthorized),
        ({"key": None, "algorithm": "none"}, Unauthorized),
        ({"aud": "api://another"}, Unauthorized),
        ({"iss": "https://sts.windows.net/another/"}, Unauthorized),
        ({"tid": "another"}, Unauthorized),
        ({"oid": None}, Unauthorized),
        ({"exp": None}, Unauthorized),
        ({"exp": 1}, Unauthorized),
        ({"nbf": 4102444800}, Unauthorized),
        ({"oid": "another"}, Forbidden),
    ],
)
def test_any_other_token_is_refused(
    configure: Callable[..., None], authority: str, change: dict[str, Any], kind: type[StudioError]
) -> None:
    configure()
    with pytest.raises(kind):
        access.authorize(token(authority=authority, **change))


def test_the_shared_token_also_works_and_nothing_without_a_setting(
    configure: Callable[..., None], authority: str
) -> None:
    configure(VTO_TOKEN="s" * 40)
    access.authorize("Bearer " + "s" * 40)
    access.authorize(token(authority=authority))
    for wrong in (None, "", "Bearer", "Bearer ", "s" * 40, "Bearer " + "s" * 39, "Bearer é", "Bearer " + "s" * 9000):
        with pytest.raises(Unauthorized):
            access.authorize(wrong)


def test_without_the_platforms_keys_every_token_is_refused(configure: Callable[..., None]) -> None:
    configure(VTO_AUTHORITY="http://127.0.0.1:9")
    with pytest.raises(Unavailable):
        access.authorize(token())
