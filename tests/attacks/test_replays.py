"""Calls to chosen addresses by replaying deliveries of webhooks: 60 a minute, of all deliveries together."""

from __future__ import annotations

from collections.abc import Callable

from accounts_world import OWNER, STRANGER, World
from http_calls import App

from shared.http.classes import CLASSES


def test_an_account_has_60_replays_a_minute(world: World, address: str, change: Callable[..., None]) -> None:
    world.pass_time(0)  # the minute does not end while the test runs
    access = world.owner(address)["tokens"]["accessToken"]
    other = world.owner(f"other.{address}")["tokens"]["accessToken"]
    change(RATE_LIMIT_SCALE="1")
    call = App.of("webhooks")

    def replay(n: int, token: str = access) -> int:
        # Two networks: an account has one limit wherever it calls from.
        ip = (OWNER, STRANGER)[n % 2]
        return call("webhooks_deliveries_replay", token=token, route={"id": f"delivery-{n}"}, ip=ip).status

    assert CLASSES["replays"].calls == 60
    assert [replay(n) for n in range(62)] == [404] * 60 + [429] * 2
    assert replay(62, other) == 404
    assert call("webhooks_deliveries_list", token=access).status == 200
