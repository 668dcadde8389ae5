"""Rate limits: exact over all processes; and whose address a caller has."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from http_calls import App
from http_shop import Shop

from shared.documents import store
from shared.http.client_address import client_address

FOREVER = 10**9
"""A window that does not end while these tests run."""

WORKER = Path(__file__).parent / "limits_worker.py"
ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def few(change_settings: Callable[..., None]) -> None:
    change_settings(RATE_LIMIT_SCALE="1", RATE_LIMITS=f'{{"default": [3, {FOREVER}], "auth": [30, {FOREVER}]}}')


def ask_in_processes(count: int, *arguments: str) -> list[int]:
    """What was left, of each call given to any of the processes."""
    command = [sys.executable, str(WORKER), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    workers = [subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE) for _ in range(count)]
    given = [int(left) for worker in workers for left in worker.communicate()[0].split()]
    assert [worker.returncode for worker in workers] == [0] * count
    return given


@pytest.mark.processes
def test_threads_of_four_processes_are_given_exactly_the_limit() -> None:
    assert sorted(ask_in_processes(4, "auth", "13", "2")) == list(range(30))


@pytest.mark.processes
def test_four_processes_that_lease_overshoot_by_what_each_gives_unasked(change_settings: Callable[..., None]) -> None:
    change_settings(RATE_LIMITS=f'{{"default": [1000, {FOREVER}]}}')
    given = ask_in_processes(4, "default", "5", "250")
    assert 1000 <= len(given) <= 1000 + 3 * (1000 // 40)


def test_a_caller_sees_what_is_left(call: App) -> None:
    answers = [call("plain") for _ in range(4)]
    assert [answer.status for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["RateLimit-Remaining"] for answer in answers[:3]] == ["2", "1", "0"]
    assert answers[0].headers["RateLimit-Limit"] == "3"
    refused = answers[3]
    assert (refused.code, refused.body["retryable"]) == ("rate_limited", True)
    assert 0 < int(refused.headers["Retry-After"]) <= FOREVER + 10
    assert refused.body["details"]["limit"] == 3


def test_a_process_that_saw_the_end_of_a_window_refuses_without_the_store(
    call: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(4):
        call("plain")
    asked = list[str]()
    for name in ("patch", "create"):
        monkeypatch.setattr(store(), name, _counted(getattr(store(), name), name, asked))
    assert call("plain").status == 429
    assert asked == []
    assert call("plain", ip="203.0.113.8").status == 200
    assert len(asked) == 1


def _counted(real: Callable[..., Any], name: str, asked: list[str]) -> Callable[..., Any]:
    def counted(*args: Any, **options: Any) -> Any:
        asked.append(name)
        return real(*args, **options)

    return counted


def test_users_are_counted_apart_and_beside_addresses(call: App, token: Callable[..., str]) -> None:
    assert [call("search", token=token("ada")).status for _ in range(4)] == [200, 200, 200, 429]
    assert call("search", token=token("eve")).status == 200
    assert call("plain").status == 200


def test_classes_are_counted_apart(call: App, shop: Shop) -> None:
    assert [call("plain").status for _ in range(4)] == [200, 200, 200, 429]
    assert call("open_order", {"item": "hat"}).status == 200


def test_a_bad_request_counts_too(call: App, token: Callable[..., str]) -> None:
    assert [call("search", query={"limit": "x"}, token=token()).status for _ in range(4)] == [422, 422, 422, 429]


def test_one_setting_scales_all(call: App, change_settings: Callable[..., None]) -> None:
    change_settings(RATE_LIMIT_SCALE="0.5")
    assert [call("plain").status for _ in range(2)] == [200, 429]


@pytest.mark.parametrize(
    ("hops", "forwarded", "address"),
    [
        (0, "198.51.100.1", "unknown"),
        (1, None, "unknown"),
        (1, "", "unknown"),
        (1, " , ", "unknown"),
        (1, "198.51.100.1", "198.51.100.1"),
        (1, "198.51.100.1:50123", "198.51.100.1"),
        (1, "203.0.113.9, 198.51.100.1:50123", "198.51.100.1"),
        (1, "127.0.0.1,,198.51.100.1", "198.51.100.1"),
        (2, "203.0.113.9, 198.51.100.1, 192.0.2.1", "198.51.100.1"),
        (2, "198.51.100.1", "unknown"),
        (1, "2001:db8::1", "2001:db8::1"),
        (1, "[2001:db8::1]:50123", "2001:db8::1"),
        (1, "2001:0DB8:0:0::0001", "2001:db8::1"),
        (1, "[2001:db8::1", "2001:db8::1"),
        (1, "a/b?c#d", "unknown"),
        (1, "x" * 3000, "unknown"),
        (1, "198.51.100.256", "unknown"),
        (1, "198.51.100.1\n", "198.51.100.1"),
    ],
)
def test_only_our_own_proxies_are_believed(
    change_settings: Callable[..., None], hops: int, forwarded: str | None, address: str
) -> None:
    change_settings(TRUSTED_PROXY_HOPS=str(hops))
    assert client_address(forwarded) == address


def test_a_forged_address_does_not_make_a_new_caller(call: App) -> None:
    statuses = [call("plain", ip=f"203.0.113.{n}, 198.51.100.1").status for n in range(4)]
    assert statuses == [200, 200, 200, 429]
