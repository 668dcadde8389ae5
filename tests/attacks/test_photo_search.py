"""Searches by photo without sign-in, from many addresses at once: visitors share a few decoders, users keep theirs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

import pytest
from accounts_world import OWNER, World
from http_calls import Answered, App

from shared.http import shares
from shared.http.classes import class_of
from shared.http.client_address import client_address, network_of

VISITORS = 2


@pytest.fixture
def visitor(world: World, change: Callable[..., None]) -> Callable[[int], Answered]:
    """A search by a visitor with an address of their own."""
    change(VISITOR_COSTLY_CALLS_AT_ONCE=str(VISITORS), COSTLY_CALLS_AT_ONCE="2", CALLS_AT_ONCE="4")
    call = App.of("search")
    headers = {"Content-Type": "image/jpeg"}
    return lambda n: call(
        "window_search_picture", b"no picture", headers=headers, route={"shop": "nowhere"}, ip=f"198.51.100.{n}"
    )


def test_a_botnet_holds_two_places_and_users_keep_their_own(
    world: World, address: str, visitor: Callable[[int], Answered]
) -> None:
    token = world.owner(address)["tokens"]["accessToken"]
    images = App.of("upload")
    with ExitStack() as botnet:
        for n in range(VISITORS):
            botnet.enter_context(shares.hold(None, f"203.0.113.{100 + n}", "window-picture"))
        refused = [visitor(n) for n in range(20)]
        assert {(one.status, one.code) for one in refused} == {(429, "too_many_at_once")}
        assert all(int(one.headers["Retry-After"]) >= 1 for one in refused)
        assert world.call("auth_me", token=token, ip=OWNER).status == 200
        uploaded = images("upload_image", b"", headers={"Content-Type": "image/jpeg"}, token=token, ip=OWNER)
        assert (uploaded.status, uploaded.code) == (400, "no_image")
    assert visitor(1).code == "shop_not_found"


def test_one_address_holds_half_of_them(visitor: Callable[[int], Answered]) -> None:
    with shares.hold(None, "198.51.100.7", "window-picture"):
        assert visitor(7).code == "too_many_at_once"
        assert visitor(8).code == "shop_not_found"


@pytest.mark.parametrize("route_class", ["window-picture", "widget-photo"])
def test_every_class_that_decodes_for_visitors_has_the_share(route_class: str) -> None:
    assert class_of(route_class).costly and class_of(route_class).exact


def test_addresses_of_ipv4_written_as_ipv6_are_networks_of_their_own(world: World) -> None:
    found = [
        client_address(written) for written in ("::ffff:198.51.100.7", "[::ffff:198.51.100.8]:443", "198.51.100.7")
    ]
    assert found == ["198.51.100.7", "198.51.100.8", "198.51.100.7"]
    assert network_of(found[0]) != network_of(found[1])
