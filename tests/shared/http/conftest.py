"""An app of small handlers on an empty store, called through the adapter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import azure.functions as func
import pytest
from account_factory import add_account
from http_calls import App, fresh_store
from http_shop import Order, Search, Seen, Shop

from shared.accounts.documents import accounts
from shared.errors import Conflict, DocumentConflict
from shared.http import endpoint, routes, tokens
from shared.http.auth import ADMIN_ONLY, PUBLIC, SIGNED_IN
from shared.http.endpoint import Call, Reply


@pytest.fixture(scope="session")
def shop_and_app() -> Iterator[tuple[Shop, App]]:
    """The app; its routes leave the table of routes as they came."""
    bp, shop, before = func.Blueprint(), Shop(), len(routes.ROUTES)
    register = endpoint.endpoint

    @register(bp, "POST", "orders", access=SIGNED_IN, status=201, idempotent=True, body=Order, answer=Seen)
    def order(call: Call) -> Reply:
        return shop.handle(call)

    @register(bp, "POST", "orders/{id}/repeat", access=SIGNED_IN, idempotent=True, body=Order, answer=Seen)
    def repeat(call: Call) -> Reply:
        return shop.handle(call)

    @register(bp, "POST", "open", access=PUBLIC, limit="auth", body=Order, answer=Seen)
    def open_order(call: Call) -> Reply:
        return shop.handle(call)

    @register(bp, "GET", "orders", access=SIGNED_IN, query=Search, answer=Seen)
    def search(call: Call) -> Seen:
        return Seen(id=call.caller.user_id, limit=call.query.limit, ip=call.ip)

    @register(bp, "GET", "plain", access=PUBLIC, answer=Seen)
    def plain(call: Call) -> Seen:
        return Seen(id=call.request_id, ip=call.ip)

    @register(bp, "DELETE", "orders/{id}", access=SIGNED_IN)
    def nothing(call: Call) -> None:
        return None

    @register(bp, "GET", "admin", access=ADMIN_ONLY, answer=Seen)
    def admin(call: Call) -> Seen:
        return Seen(id=call.caller.user_id, ip=call.ip)

    @register(bp, "GET", "crash", access=PUBLIC)
    def crash(call: Call) -> None:
        raise RuntimeError("password=hunter2 of ada@example.com at /secret/path")

    @register(bp, "GET", "busy", access=PUBLIC)
    def busy(call: Call) -> None:
        raise Conflict("not now", code="busy_now", retryable=True, retry_after=2.1, details={"left": 3})

    yield shop, App(bp)
    del routes.ROUTES[before:]


@pytest.fixture
def call(shop_and_app: tuple[Shop, App]) -> App:
    """The app, called."""
    return shop_and_app[1]


@pytest.fixture
def shop(shop_and_app: tuple[Shop, App]) -> Shop:
    """What its handlers did and shall do."""
    shop = shop_and_app[0]
    shop.__init__()
    return shop


@pytest.fixture(autouse=True)
def change_settings(
    tmp_path: Path, documents: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., None]]:
    """A separate store for each test; the value changes settings."""
    with fresh_store(tmp_path, monkeypatch, **documents) as change:
        yield change


@pytest.fixture
def token(change_settings: Callable[..., None]) -> Callable[..., str]:
    """Tokens of users: `token("ada", role="admin")`."""

    def token(user_id: str = "ada", role: str = "shopper") -> str:
        try:
            add_account(user_id, role)
        except DocumentConflict:
            assert accounts.get(user_id, user_id).role == role
        return tokens.issue(user_id, role, 1)[0]

    return token
