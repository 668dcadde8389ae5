"""Conversions on a Cosmos DB account whose request units are used up all the time: all done, nothing done twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from conversion_outcomes import check_each_once, count_completed, count_unfinished, picture
from quick import progress
from stores import store_of

from demo.accounts import create_account
from demo.client import Refused
from emulators.stack import Stack
from shared.documents.patience import patient

pytestmark = [pytest.mark.early, pytest.mark.processes]
JOBS, RU_PER_SECOND = 5, 80.0
"""One conversion costs more than a second's request units."""


@pytest.fixture
def starved(tmp_path: Path) -> Iterator[Stack]:
    with Stack(workers=2, documents="cosmos", log=tmp_path / "functions.log") as running:
        yield running


def limit(stack: Stack, ru_per_second: float) -> None:
    account = stack.providers["cosmos"]["url"]
    posted = {"ruPerSecond": ru_per_second}
    requests.post(f"{account}/_emulator/throughput", json=posted, timeout=10).raise_for_status()


def throttled(stack: Stack) -> int:
    """Requests that the account has refused with 429."""
    listed = requests.get(f"{stack.providers['cosmos']['url']}/_emulator/requests", timeout=10).json()["requests"]
    return sum(entry["status"] == 429 for entry in listed)


def until_accepted[T](act: Callable[[], T]) -> T:
    """As a client does: again while the answer says that it helps."""
    while True:
        try:
            return act()
        except Refused as refused:
            assert refused.problem["retryable"], refused
            time.sleep(0.3)


def test_a_store_that_throttles_everything_delays_and_neither_loses_nor_repeats(starved: Stack) -> None:
    client = create_account(starved, phone="+15550107777")
    wanted = {
        "personImageId": client.upload(picture("tan"), "me.jpg", "person")["id"],
        "garmentImageId": client.upload(picture("teal"), "shirt.jpg", "garment")["id"],
    }
    store, user = store_of(starved.settings), client.user["id"]
    limit(starved, RU_PER_SECOND)

    def ask(number: int) -> str:
        key = {"Idempotency-Key": f"slow-{number}"}
        return until_accepted(lambda: client.call("POST", "conversions", json=wanted, headers=key)["id"])

    with ThreadPoolExecutor(4) as pool:
        ids = set(pool.map(ask, range(JOBS)))
    with patient(60):
        for _ in progress(lambda: count_completed(store, user), JOBS):
            time.sleep(1)
        for _ in progress(lambda: -count_unfinished(store), 0):
            time.sleep(1)
    refused = throttled(starved)
    limit(starved, 0)
    assert len(ids) == JOBS
    check_each_once(starved, store, user, ids)
    assert refused > JOBS, "the account was not throttled"
    store.close()
