"""A caller's share of a process: what goes beyond it is refused at once, and no other caller notices."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import azure.functions as func
import pytest
from http_calls import Answered, App
from quick import eventually

from shared.documents import store
from shared.http import limits, routes, shares
from shared.http.auth import PUBLIC, SIGNED_IN
from shared.http.endpoint import Call, endpoint


class Gate:
    """Calls that wait until they are let go."""

    def __init__(self) -> None:
        self.inside = threading.Semaphore(0)
        self.open = threading.Event()

    def wait(self) -> None:
        self.inside.release()
        assert self.open.wait(300)


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def slow(gate: Gate) -> Iterator[App]:
    """Routes that wait at the gate: one that costs much, one that does not, a public one."""
    bp, before = func.Blueprint(), len(routes.ROUTES)

    @endpoint(bp, "POST", "costly", access=SIGNED_IN, limit="upload")
    def costly(call: Call) -> None:
        gate.wait()

    @endpoint(bp, "GET", "cheap", access=SIGNED_IN)
    def cheap(call: Call) -> None:
        gate.wait()

    @endpoint(bp, "GET", "failing", access=SIGNED_IN)
    def failing(call: Call) -> None:
        raise RuntimeError

    @endpoint(bp, "GET", "anyone", access=PUBLIC)
    def anyone(call: Call) -> None:
        gate.wait()

    @endpoint(bp, "POST", "anyone/costly", access=PUBLIC, limit="window-picture")
    def anyone_costly(call: Call) -> None:
        gate.wait()

    yield App(bp)
    del routes.ROUTES[before:]
    assert not shares._held, "every place is given back"


@pytest.fixture(autouse=True)
def small(change_settings: Callable[..., None]) -> None:
    shares._next.clear()
    change_settings(CALLS_AT_ONCE="3", COSTLY_CALLS_AT_ONCE="2")


class Crowd:
    """Calls in progress."""

    def __init__(self, app: App, gate: Gate) -> None:
        self._app, self._gate = app, gate
        self._pool = ThreadPoolExecutor(32)
        self._calls: list[object] = []

    def enter(self, name: str, token: str | None, count: int, ip: str = "203.0.113.9") -> None:
        """Let `count` calls reach their handlers."""
        for _ in range(count):
            self._calls.append(self._pool.submit(self._app, name, token=token, ip=ip))
            assert self._gate.inside.acquire(timeout=300)

    def open(self) -> None:
        """Let all go on, and those that come."""
        self._gate.open.set()

    def leave(self) -> list[Answered]:
        """Let all of them end."""
        self._gate.open.set()
        self._pool.shutdown(wait=True)
        return [call.result() for call in self._calls]  # type: ignore[attr-defined]


@pytest.fixture
def crowd(slow: App, gate: Gate) -> Iterator[Crowd]:
    made = Crowd(slow, gate)
    yield made
    made.leave()


def test_what_goes_beyond_a_share_is_refused_at_once(slow: App, crowd: Crowd, token: Callable[..., str]) -> None:
    ada, bob = token(), token("bob")
    crowd.enter("cheap", ada, 3)
    answer = slow("cheap", token=ada)
    assert (answer.status, answer.code) == (429, "too_many_at_once")
    assert answer.headers["Retry-After"] == "1"
    assert answer.body["retryable"] is True
    crowd.enter("cheap", bob, 3)
    assert [one.status for one in crowd.leave()] == [204] * 6


def test_many_refused_calls_come_back_one_after_another(
    slow: App, crowd: Crowd, token: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shares, "monotonic", lambda: 1_000_000.0)
    eve, bob = token("eve"), token("bob")
    crowd.enter("costly", eve, 2)
    crowd.enter("costly", bob, 2)
    waits = [int(slow("costly", token=eve).headers["Retry-After"]) for _ in range(80)]
    assert waits[:4] == [1, 1, 2, 2]
    assert waits[-1] == shares.LONGEST_RETRY_S
    assert slow("costly", token=bob).headers["Retry-After"] == "1"


def test_costly_calls_have_a_smaller_share_within_it(slow: App, crowd: Crowd, token: Callable[..., str]) -> None:
    ada = token()
    crowd.enter("costly", ada, 2)
    assert slow("costly", token=ada).code == "too_many_at_once"
    crowd.enter("cheap", ada, 1)
    assert slow("cheap", token=ada).code == "too_many_at_once"


def test_a_call_beyond_a_share_asks_nothing_of_the_store(
    slow: App, crowd: Crowd, token: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = token()
    crowd.enter("costly", ada, 2)
    asked: list[str] = []
    for name in ("create", "read", "find", "patch", "upsert", "replace", "batch", "query"):
        monkeypatch.setattr(store(), name, lambda *_, name=name, **__: asked.append(name))
    assert [slow("costly", token=ada).code for _ in range(20)] == ["too_many_at_once"] * 20
    assert asked == []


def test_few_calls_wait_for_one_count(slow: App, crowd: Crowd, change_settings: Callable[..., None]) -> None:
    change_settings(VISITOR_COSTLY_CALLS_AT_ONCE="100", RATE_LIMIT_WAIT_S="300")
    crowd.enter("anyone_costly", None, 1)
    (window,) = (one for key, one in limits._windows.items() if ":window-picture:" in key)
    window.lock.acquire()
    with ThreadPoolExecutor(limits.WAITING) as pool:
        waiting = [pool.submit(slow, "anyone_costly", ip="203.0.113.9") for _ in range(limits.WAITING)]
        eventually(lambda: window.waiting == limits.WAITING, "calls that wait")
        answer = slow("anyone_costly", ip="203.0.113.9")
        assert (answer.status, answer.code, answer.headers["Retry-After"]) == (429, "too_many_at_once", "1")
        crowd.open()
        window.lock.release()
    assert {one.result().status for one in waiting} <= {204, 429}


def test_a_place_is_given_back_whatever_happens(slow: App, token: Callable[..., str]) -> None:
    ada = token()
    for _ in range(10):
        assert slow("failing", token=ada).status == 500


def test_visitors_share_a_few_costly_calls(
    slow: App, crowd: Crowd, token: Callable[..., str], change_settings: Callable[..., None]
) -> None:
    change_settings(VISITOR_COSTLY_CALLS_AT_ONCE="2")
    crowd.enter("anyone_costly", None, 1)
    answer = slow("anyone_costly", ip="203.0.113.9")
    assert (answer.status, answer.code) == (429, "too_many_at_once"), "one address has half of them"
    crowd.enter("anyone_costly", None, 1, ip="203.0.113.10")
    answer = slow("anyone_costly", ip="198.51.100.9")
    assert (answer.status, answer.code, answer.headers["Retry-After"]) == (429, "too_many_at_once", "1")
    crowd.enter("costly", token(), 2)
    assert {one.status for one in crowd.leave()} == {204}


def test_cheap_public_routes_hold_nothing(crowd: Crowd) -> None:
    crowd.enter("anyone", None, 8)
    assert {one.status for one in crowd.leave()} == {204}
