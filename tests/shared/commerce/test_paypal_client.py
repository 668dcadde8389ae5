"""The client of PayPal's API over real HTTP: one token for all, and three kinds of answers."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from paypal_shop import Shop

from shared.commerce import paypal
from shared.commerce.paypal import PayPal, Refused, Unreachable
from shared.errors import ConfigurationError, UpstreamError


@pytest.fixture
def client(shop: Shop) -> PayPal:
    return paypal.client()


@pytest.fixture
def order(shop: Shop) -> str:
    return shop.user().order()


@pytest.fixture
def tokens(shop: Shop, order: str) -> Callable[[], int]:
    """Tokens minted since the order was made."""
    before = shop.control("state")["tokensIssued"]
    return lambda: shop.control("state")["tokensIssued"] - before


def test_threads_share_one_token(client: PayPal, shop: Shop, order: str, tokens: Callable[[], int]) -> None:
    shop.control("settings", {"revoke": True})
    client._token = None
    with ThreadPoolExecutor(16) as pool:
        assert {found["id"] for found in pool.map(lambda _: client.order(order), range(32))} == {order}
    assert tokens() == 1


def test_a_refused_token_is_dropped_once(client: PayPal, shop: Shop, order: str, tokens: Callable[[], int]) -> None:
    shop.control("settings", {"revoke": True})
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: client.order(order), range(16)))
    assert tokens() == 1
    shop.control("settings", {"tokenUses": 0, "revoke": True})
    with pytest.raises(Refused):
        client.order(order)
    assert tokens() == 2


def test_a_token_is_replaced_before_it_ends(client: PayPal, shop: Shop, order: str, tokens: Callable[[], int]) -> None:
    shop.control("settings", {"tokenSeconds": 0})
    client._token = None
    shop.control("settings", {"tokenSeconds": 3600})
    client.order(order)
    client.order(order)
    assert tokens() == 1 and client._token is not None
    client._token = (client._token[0], 0)
    client.order(order)
    assert tokens() == 2


@pytest.mark.parametrize("mode", ["500", "503", "html", "disconnect", "truncated", "empty", "huge", "redirect", "429"])
def test_no_usable_answer(client: PayPal, shop: Shop, order: str, mode: str) -> None:
    shop.fault(mode, "get", times=2)
    with pytest.raises(Unreachable) as caught:
        client.order(order)
    assert caught.value.retryable and caught.value.status == 502


def test_a_silent_paypal_is_given_up(shop: Shop, order: str) -> None:
    facts = shop.facts
    hasty = PayPal(facts["url"], facts["clientId"], facts["clientSecret"], timeout_s=0.2)
    shop.fault("hang", "get", times=2)
    with pytest.raises(Unreachable):
        hasty.order(order)
    assert hasty.order(order)["id"] == order


def test_paypal_says_how_long_to_wait(client: PayPal, shop: Shop, order: str) -> None:
    shop.fault("429", "get", retryDelay=17)
    with pytest.raises(Unreachable) as caught:
        client.order(order)
    assert (caught.value.code, caught.value.retry_after) == ("paypal_rate_limited", 17)


@pytest.mark.parametrize("id", ["", "../captures/X", "A B", "A?b", "É" * 17, "A" * 65])
def test_an_id_never_becomes_a_path(client: PayPal, shop: Shop, id: str) -> None:
    before = len(shop.control("requests")["requests"])
    for asked in (client.order, client.capture):
        with pytest.raises(Refused):
            asked(id)
    assert len(shop.control("requests")["requests"]) == before


def test_wrong_credentials(shop: Shop) -> None:
    stranger = PayPal(shop.facts["url"], "nobody", "nothing", timeout_s=2)
    with pytest.raises(UpstreamError) as caught:
        stranger.order("X")
    assert caught.value.code == "paypal_credentials"


def test_without_credentials_nothing_is_sold(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from shared.settings import forget

    monkeypatch.delenv("PAYPAL_CLIENT_SECRET")
    forget()
    paypal.client.cache_clear()
    with pytest.raises(ConfigurationError):
        paypal.client()


def test_an_act_has_one_request_id() -> None:
    assert paypal.request_id("capture:X") == paypal.request_id("capture:X") != paypal.request_id("capture:Y")
