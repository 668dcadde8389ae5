"""Rate limits of a signed-in route: by user and by address, whichever ends first."""

from __future__ import annotations

from collections.abc import Callable

import azure.functions as func
import pytest
from http_calls import App
from http_shop import Seen

from shared.http import endpoint, routes
from shared.http.auth import PUBLIC
from shared.http.endpoint import Call

FOREVER = 10**9


@pytest.fixture(autouse=True)
def few(change_settings: Callable[..., None]) -> None:
    change_settings(RATE_LIMIT_SCALE="1", RATE_LIMITS=f'{{"default": [4, {FOREVER}]}}', RATE_LIMIT_IP_FACTOR="2")


def test_a_user_is_counted_wherever_they_are(call: App, token: Callable[..., str]) -> None:
    ada = token("ada")
    assert [call("search", token=ada, ip=f"203.0.113.{n}").status for n in range(6)] == [200] * 4 + [429] * 2


def test_an_address_is_counted_with_any_token(call: App, token: Callable[..., str]) -> None:
    assert [call("search", token=token(f"user-{n}")).status for n in range(10)] == [200] * 8 + [429] * 2


def test_who_guesses_tokens_is_stopped_before_they_are_looked_at(call: App) -> None:
    assert [call("search", token="guess").status for _ in range(10)] == [401] * 8 + [429] * 2


def test_neighbours_of_one_ipv6_network_are_one_address(call: App) -> None:
    assert [call("plain", ip=f"2001:db8::{n}").status for n in range(1, 7)] == [200] * 4 + [429] * 2
    assert call("plain", ip="2001:db8:0:1::1").status == 200


def test_the_headers_tell_of_the_limit_with_the_least_left(call: App, token: Callable[..., str]) -> None:
    for n in range(6):
        call("search", token=token(f"other-{n}"))
    answer = call("search", token=token("ada"))
    assert (answer.headers["RateLimit-Limit"], answer.headers["RateLimit-Remaining"]) == ("8", "1")


def test_a_refusal_carries_the_headers_too(call: App) -> None:
    refused = [call("plain") for _ in range(5)][-1]
    assert refused.code == "rate_limited"
    assert (refused.headers["RateLimit-Limit"], refused.headers["RateLimit-Remaining"]) == ("4", "0")
    assert refused.headers["RateLimit-Policy"] == f"4;w={FOREVER}"
    assert int(refused.headers["Retry-After"]) >= int(refused.headers["RateLimit-Reset"])


def test_those_who_were_refused_do_not_all_come_back_at_once(call: App) -> None:
    refused = [one for one in (call("plain") for _ in range(60)) if one.status == 429]
    later = {int(one.headers["Retry-After"]) - int(one.headers["RateLimit-Reset"]) for one in refused}
    assert len(later) > 3 and min(later) >= 0 and max(later) <= 10


def test_without_a_trusted_hop_signed_in_users_are_distinguished_by_their_token_alone(
    call: App, token: Callable[..., str], change_settings: Callable[..., None]
) -> None:
    change_settings(TRUSTED_PROXY_HOPS="0")
    assert [call("search", token=token(f"user-{n}")).status for n in range(10)] == [200] * 10


def test_a_route_without_a_class_is_not_counted() -> None:
    bp, before = func.Blueprint(), len(routes.ROUTES)

    @endpoint.endpoint(bp, "GET", "free", access=PUBLIC, limit=None, answer=Seen)
    def free(call: Call) -> Seen:
        return Seen(id="x", ip=call.ip)

    answers = [App(bp)("free") for _ in range(6)]
    del routes.ROUTES[before:]
    assert all(answer.status == 200 and "RateLimit-Limit" not in answer.headers for answer in answers)
