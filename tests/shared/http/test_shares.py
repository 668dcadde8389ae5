"""A caller's share of a process: what goes beyond it is refused at once, and no other caller notices."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import azure.functions as func
import pytest
from http_calls import Answered, App

from shared.http import routes, shares
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
    change_settings(CALLS_AT_ONCE="3", COSTLY_CALLS_AT_ONCE="2")


class Crowd:
    """Calls in progress."""

    def __init__(self, app: App, gate: Gate) -> None:
        self._app, self._gate = app, gate
        self._pool = ThreadPoolExecutor(32)
        self._calls: list[object] = []

    def enter(self, name: str, token: str | None, count: int) -> None:
        """Let `count` calls reach their handlers."""
        for _ in range(count):
            self._calls.append(self._pool.submit(self._app, name, token=token))
            assert self._gate.inside.acquire(timeout=300)

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


def test_costly_calls_have_a_smaller_share_within_it(slow: App, crowd: Crowd, token: Callable[..., str]) -> None:
    ada = token()
    crowd.enter("costly", ada, 2)
    assert slow("costly", token=ada).code == "too_many_at_once"
    crowd.enter("cheap", ada, 1)
    assert slow("cheap", token=ada).code == "too_many_at_once"


def test_a_place_is_given_back_whatever_happens(slow: App, token: Callable[..., str]) -> None:
    ada = token()
    for _ in range(10):
        assert slow("failing", token=ada).status == 500


def test_visitors_share_a_few_costly_calls(
    slow: App, crowd: Crowd, token: Callable[..., str], change_settings: Callable[..., None]
) -> None:
    change_settings(VISITOR_COSTLY_CALLS_AT_ONCE="2")
    crowd.enter("anyone_costly", None, 2)
    answer = slow("anyone_costly", ip="198.51.100.9")
    assert (answer.status, answer.code, answer.headers["Retry-After"]) == (429, "too_many_at_once", "1")
    crowd.enter("costly", token(), 2)
    assert {one.status for one in crowd.leave()} == {204}


def test_cheap_public_routes_hold_nothing(crowd: Crowd) -> None:
    crowd.enter("anyone", None, 8)
    assert {one.status for one in crowd.leave()} == {204}
