"""Rate limits while Cosmos DB throttles, is slow or is gone: reads go on, what must be counted is refused with 503."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from http_calls import App
from http_shop import Shop
from stores import on_cosmos

from emulators.launch import launch
from shared.documents import store
from shared.documents.cosmos import connect
from shared.http import limits

pytestmark = pytest.mark.processes
FOREVER = 10**9
FAULTS: dict[str, dict[str, Any]] = {
    "throttled": {"mode": "429", "retryDelay": 60},
    "slow": {"mode": "slow", "seconds": 2},
    "silent": {"mode": "hang"},
    "cut": {"mode": "disconnect"},
    "broken": {"mode": "503"},
}
"""What every request to the counters meets."""
CALLS = 8
"""More than the fortieth of the limit that a process gives without asking."""


@pytest.fixture
def counters_fail(cosmos: dict[str, Any]) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Posts a fault for everything that is asked of the counters of this test."""
    control = f"{cosmos['url']}/_emulator/faults"

    def fail(fault: dict[str, Any]) -> None:
        posted = {**fault, "times": None, "match": "/colls/rate_limits/docs"}
        requests.post(control, json=posted, timeout=10).raise_for_status()

    yield fail
    requests.delete(control, timeout=10).raise_for_status()


def events(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [json.loads(record.message)["event"] for record in caplog.records if record.name == "studio"]


def check(call: App, shop: Shop, token: str | None, caplog: pytest.LogCaptureFixture) -> None:
    """Reads are answered and logged once; what is counted call by call is refused, and does nothing."""
    read = "search" if token else "plain"
    with caplog.at_level(logging.ERROR, "studio"):
        assert [call(read, token=token).status for _ in range(CALLS)] == [200] * CALLS
        refused = call("open_order", {"item": "hat"})
    assert (refused.status, refused.code, refused.body["retryable"]) == (503, "limit_unknown", True)
    assert int(refused.headers["Retry-After"]) > 0
    assert shop.runs == []
    assert events(caplog).count("limits.store_away") == 1


@on_cosmos
@pytest.mark.parametrize("name", FAULTS)
def test_reads_go_on_and_the_rest_is_refused(
    name: str,
    call: App,
    shop: Shop,
    token: Callable[..., str],
    change_settings: Callable[..., None],
    counters_fail: Callable[[dict[str, Any]], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    # No request to the counters is ever answered, so a call that waited without end would end the test by its timeout.
    change_settings(RATE_LIMIT_SCALE="1", RATE_LIMIT_WAIT_S="1", RATE_LIMITS=f'{{"default": [200, {FOREVER}]}}')
    ada = token("ada")
    counters_fail(FAULTS[name])
    check(call, shop, ada, caplog)


@on_cosmos
def test_what_was_given_meanwhile_is_counted_when_the_store_is_back(
    documents: dict[str, str],
    change_settings: Callable[..., None],
    counters_fail: Callable[[dict[str, Any]], None],
    cosmos: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    change_settings(RATE_LIMIT_SCALE="1", RATE_LIMIT_WAIT_S="1", RATE_LIMITS=f'{{"default": [200, {FOREVER}]}}')
    counters_fail(FAULTS["throttled"])
    for _ in range(CALLS):
        limits.take("user:ada", "default")
    requests.delete(f"{cosmos['url']}/_emulator/faults", timeout=10).raise_for_status()
    change_settings(RATE_LIMIT_WAIT_S="60")
    monkeypatch.setattr(limits, "_away_until", 0.0)
    limits.take("user:ada", "default")
    (counter,) = store().query("rate_limits").items
    assert counter["n"] >= CALLS + 1


def test_an_account_that_refuses_connections(
    call: App, shop: Shop, change_settings: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    with launch("cosmos", "--throughput", "0") as gone:
        connect(gone["endpoint"], gone["key"], database="studio", create=True).close()
        change_settings(
            DOCUMENTS="cosmos", COSMOS_ENDPOINT=gone["endpoint"], COSMOS_KEY=gone["key"], RATE_LIMIT_SCALE="1",
            RATE_LIMIT_WAIT_S="1", RATE_LIMITS=f'{{"default": [200, {FOREVER}]}}',
        )  # fmt: skip
        store.cache_clear()
        assert call("plain").status == 200
        store()
    check(call, shop, None, caplog)
