"""Rate limits that are settled now and then: what they write, what several processes give, and a store that is away."""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager, suppress
from itertools import cycle
from typing import Any

import pytest
from http_calls import App
from http_shop import Shop

from shared import clock
from shared.documents import store
from shared.errors import TooManyRequests
from shared.http import limits
from shared.http.classes import CLASSES

FOREVER = 10**9
LIMIT = 600


@pytest.fixture(autouse=True)
def one_window(change_settings: Callable[..., None]) -> None:
    change_settings(RATE_LIMIT_SCALE="1", RATE_LIMITS=f'{{"default": [{LIMIT}, {FOREVER}], "auth": [30, {FOREVER}]}}')


@pytest.fixture
def writes(change_settings: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Writes of counters, as they come."""
    seen = list[str]()

    def watch(name: str) -> None:
        real: Callable[..., Any] = getattr(store(), name)

        def watched(container: str, *args: Any, **options: Any) -> Any:
            if container == "rate_limits":
                seen.append(name)
            return real(container, *args, **options)

        monkeypatch.setattr(store(), name, watched)

    for name in ("create", "patch", "replace", "upsert"):
        watch(name)
    return seen


class Instance:
    """A process of its own as far as limits go: what it remembers is its own, the store is everybody's."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self._windows = dict[str, Any]()

    def take(self, calls: int) -> int:
        """Ask for a number of calls; returns how many were given."""
        self._monkeypatch.setattr(limits, "_windows", self._windows)
        given = 0
        for _ in range(calls):
            try:
                limits.take("user:ada", "default")
            except TooManyRequests:
                continue
            given += 1
        return given


@pytest.mark.parametrize("users", [1, 2, 3, 4, 5, 6, 10, 20, 60])
def test_a_read_a_second_writes_a_tenth_of_a_document_at_most(
    users: int,
    call: App,
    token: Callable[..., str],
    writes: list[str],
    change_settings: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    change_settings(RATE_LIMITS='{"default": [600, 60]}')
    tokens = cycle([token(f"user-{n}") for n in range(users)])
    start = int(clock.now() // 60) * 60
    now = [0.0]
    monkeypatch.setattr(clock, "now", lambda: now[0])
    for second in range(60):
        now[0] = start + second
        assert call("search", token=next(tokens)).status == 200
    assert len(writes) <= 6


def test_writes_a_call_fall_with_load(writes: list[str]) -> None:
    shares = list[float]()
    for each in (20, 60, 200):
        writes.clear()
        for _ in range(each):
            limits.take(f"user:{each}", "default")
        shares.append(len(writes) / each)
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] <= 0.03


@pytest.mark.parametrize("instances", [2, 5, 10])
def test_instances_overshoot_by_what_each_gives_unasked(instances: int, monkeypatch: pytest.MonkeyPatch) -> None:
    all_of_them = [Instance(monkeypatch) for _ in range(instances)]
    given = sum(one.take(LIMIT // 40) for one in all_of_them)
    assert given == instances * (LIMIT // 40)
    given += sum(one.take(LIMIT) for one in all_of_them)
    assert LIMIT <= given <= LIMIT + (instances - 1) * (LIMIT // 40)


@pytest.mark.parametrize("used", [1, 15, 16, 40, 100, 300, 599])
def test_what_an_instance_leased_and_did_not_use_is_all_that_another_goes_without(
    used: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = Instance(monkeypatch), Instance(monkeypatch)
    given = one.take(used) + other.take(LIMIT)
    assert given >= LIMIT - min(used, LIMIT // 10)
    assert one.take(LIMIT) + given >= LIMIT


def test_one_instance_gives_exactly_the_limit_and_tells_what_is_left(call: App, token: Callable[..., str]) -> None:
    ada = token("ada")
    answers = [call("search", token=ada) for _ in range(LIMIT + 2)]
    assert [answer.status for answer in answers] == [200] * LIMIT + [429] * 2
    left = [int(answer.headers["RateLimit-Remaining"]) for answer in answers]
    assert left == [*range(LIMIT - 1, -1, -1), 0, 0]


def test_a_call_that_costs_more_takes_more(monkeypatch: pytest.MonkeyPatch) -> None:
    assert limits.take("user:ada", "auth", cost=12).remaining == 18
    assert limits.take("user:ada", "auth", cost=12).remaining == 6
    with pytest.raises(TooManyRequests):
        limits.take("user:ada", "auth", cost=12)
    assert limits.take("user:ada", "auth", cost=6).remaining == 0
    assert limits.take("user:eve", "auth", cost=1000).remaining == 0
    assert limits.take("user:ada", "default", cost=10).remaining == LIMIT - 10
    assert limits.take("user:ada", "default", cost=400).remaining == LIMIT - 410
    with pytest.raises(TooManyRequests):
        limits.take("user:ada", "default", cost=400)


@contextmanager
def held(documents: dict[str, str]) -> Generator[None]:
    """A store that reads and does not write: another connection holds the lock."""
    path = documents["DOCUMENTS"].removeprefix("sqlite:")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def test_reads_go_on_while_the_store_does_not_answer_and_the_rest_is_refused(
    call: App,
    shop: Shop,
    token: Callable[..., str],
    documents: dict[str, str],
    change_settings: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    change_settings(RATE_LIMITS=f'{{"default": [5, {FOREVER}], "auth": [30, {FOREVER}]}}')
    ada = token("ada")
    assert call("search", token=ada).status == 200
    change_settings(RATE_LIMIT_WAIT_S="0.5")
    with held(documents), caplog.at_level(logging.ERROR, "studio"):
        statuses = [call("search", token=ada).status for _ in range(5)]
        refused = call("open_order", {"item": "hat"})
    assert statuses == [200] * 4 + [429], "a process holds the limit by its own count"
    assert (refused.status, refused.code, refused.body["retryable"]) == (503, "limit_unknown", True)
    assert int(refused.headers["Retry-After"]) > 0
    assert shop.runs == []
    logged = [json.loads(record.message)["event"] for record in caplog.records]
    assert logged.count("limits.store_away") == 1
    change_settings(RATE_LIMIT_WAIT_S="60")
    assert call("open_order", {"item": "hat"}).status == 200


def test_what_was_given_while_the_store_was_away_is_counted_afterwards(
    documents: dict[str, str], change_settings: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    change_settings(RATE_LIMITS=f'{{"default": [20, {FOREVER}]}}')
    limits.take("user:ada", "default")
    change_settings(RATE_LIMIT_WAIT_S="0.5")
    with held(documents):
        for _ in range(9):
            limits.take("user:ada", "default")
    change_settings(RATE_LIMIT_WAIT_S="60")
    monkeypatch.setattr(limits, "_away_until", 0.0)
    limits.take("user:ada", "default")
    (counter,) = store().query("rate_limits").items
    assert 11 <= counter["n"] <= 12, "the first write that was not waited for may have been made after all"


def test_callers_in_parallel_wait_for_a_slow_store_once(
    documents: dict[str, str], change_settings: Callable[..., None]
) -> None:
    change_settings(RATE_LIMITS=f'{{"default": [50, {FOREVER}], "auth": [30, {FOREVER}]}}')
    limits.take("user:ada", "default")
    change_settings(RATE_LIMIT_WAIT_S="0.5")
    with held(documents):
        failed = list[str]()

        def ask(route_class: str) -> None:
            try:
                limits.take("user:ada", route_class)
            except Exception as error:
                failed.append(f"{route_class} {getattr(error, 'code', error)}")

        threads = [threading.Thread(target=ask, args=(name,)) for name in ("default", "auth") for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failed == ["auth limit_unknown"] * 20


def test_callers_beyond_those_remembered_are_forgotten_and_still_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    known = dict[str, Any]()
    monkeypatch.setattr(limits, "_windows", known)
    monkeypatch.setattr(limits, "REMEMBERED", 10)
    for n in range(30):
        limits.take(f"ip:192.0.2.{n}", "auth")
    assert len(known) <= 10
    assert limits.take("ip:192.0.2.0", "auth").remaining == 28


def test_what_guesses_spends_or_computes_is_counted_exactly() -> None:
    exact = {name for name, one in CLASSES.items() if one.exact}
    assert exact >= {"auth", "register", "refresh", "recovery", "paypal", "conversions"}
    assert exact >= {name for name, one in CLASSES.items() if one.costly}


@pytest.mark.processes
def test_a_forked_process_counts_on_its_own() -> None:
    limits.take("user:ada", "auth")  # starts the threads that a fork does not copy
    child = os.fork()
    if child == 0:
        with suppress(BaseException):
            limits.take("user:ada", "auth")
            os._exit(0)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert limits.take("user:ada", "auth").remaining == 30 - 3
