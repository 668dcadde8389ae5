"""The client of PayPal's API over real HTTP: one token for all, and three kinds of answers."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from paypal_shop import Shop

from shared import clock
from shared.commerce import paypal
from shared.commerce.paypal import PayPal, PayPalRefusedError, PayPalUnavailableError
from shared.errors import ConfigurationError
from shared.provider_errors import Blame


@pytest.fixture
def client(shop: Shop) -> PayPal:
    return paypal.client()


def connected(shop: Shop, timeout_s: float = 20) -> PayPal:
    """A client that has no token yet."""
    return PayPal(shop.facts["url"], shop.facts["clientId"], shop.facts["clientSecret"], timeout_s=timeout_s)


@pytest.fixture
def order(shop: Shop) -> str:
    return shop.user().order()


@pytest.fixture
def tokens(shop: Shop, order: str) -> Callable[[], int]:
    """Tokens minted since the order was made."""
    before = shop.control("state")["tokensIssued"]
    return lambda: shop.control("state")["tokensIssued"] - before


def test_threads_share_one_token(shop: Shop, order: str, tokens: Callable[[], int]) -> None:
    client = connected(shop)
    with ThreadPoolExecutor(16) as pool:
        assert {found.id for found in pool.map(lambda _: client.get_order(order), range(32))} == {order}
    assert tokens() == 1


def test_a_refused_token_is_dropped_once(client: PayPal, shop: Shop, order: str, tokens: Callable[[], int]) -> None:
    shop.control("settings", {"revoke": True})
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: client.get_order(order), range(16)))
    assert tokens() == 1
    shop.control("settings", {"tokenUses": 0, "revoke": True})
    with pytest.raises(PayPalRefusedError):
        client.get_order(order)
    assert tokens() == 2


def test_a_token_is_replaced_before_it_ends(
    shop: Shop, order: str, tokens: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.control("settings", {"tokenSeconds": 7200})
    client, start = connected(shop), clock.now()
    for seconds, minted in ((0, 1), (3600, 1), (7200 - 61, 1), (7200 - 59, 2), (7200, 2)):
        monkeypatch.setattr(clock, "now", lambda seconds=seconds: start + seconds)
        assert client.get_order(order).id == order
        assert tokens() == minted, seconds


def test_a_token_too_short_for_the_margin_is_used_for_half_its_life(
    shop: Shop, order: str, tokens: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.control("settings", {"tokenSeconds": 60})
    client, start = connected(shop), clock.now()
    for seconds, minted in ((0, 1), (29, 1), (31, 2)):
        monkeypatch.setattr(clock, "now", lambda seconds=seconds: start + seconds)
        client.get_order(order)
        assert tokens() == minted, seconds


@pytest.mark.parametrize("mode", ["500", "503", "html", "disconnect", "truncated", "empty", "huge", "redirect", "429"])
def test_no_usable_answer(client: PayPal, shop: Shop, order: str, mode: str) -> None:
    shop.fault(mode, "get", times=2)
    with pytest.raises(PayPalUnavailableError) as caught:
        client.get_order(order)
    assert caught.value.retryable and caught.value.status == 502


def test_a_silent_paypal_times_out(shop: Shop, order: str) -> None:
    client = connected(shop, timeout_s=2)
    shop.fault("hang", "get", times=2)
    with pytest.raises(PayPalUnavailableError):
        client.get_order(order)
    assert client.get_order(order).id == order


def test_paypal_says_how_long_to_wait(client: PayPal, shop: Shop, order: str) -> None:
    shop.fault("429", "get", retryDelay=17)
    with pytest.raises(PayPalUnavailableError) as caught:
        client.get_order(order)
    assert (caught.value.code, caught.value.retry_after) == ("paypal_rate_limited", 17)


@pytest.mark.parametrize("id", ["", "../captures/X", "A B", "A?b", "É" * 17, "A" * 65])
def test_an_id_never_becomes_a_path(client: PayPal, shop: Shop, id: str) -> None:
    before = len(shop.control("requests")["requests"])
    for request in (client.get_order, client.get_capture):
        with pytest.raises(PayPalRefusedError):
            request(id)
    assert len(shop.control("requests")["requests"]) == before


def test_wrong_credentials(shop: Shop) -> None:
    stranger = PayPal(shop.facts["url"], "unknown", "wrong", timeout_s=20)
    with pytest.raises(PayPalRefusedError) as caught:
        stranger.get_order("X")
    assert (caught.value.name, caught.value.issue.blame) == ("invalid_client", Blame.OPERATOR)


def test_without_credentials_there_is_no_client(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from shared.settings import forget

    monkeypatch.delenv("PAYPAL_CLIENT_SECRET")
    forget()
    paypal.client.cache_clear()
    with pytest.raises(ConfigurationError):
        paypal.client()


def test_an_action_has_one_request_id() -> None:
    assert paypal.request_id("capture:X") == paypal.request_id("capture:X") != paypal.request_id("capture:Y")
