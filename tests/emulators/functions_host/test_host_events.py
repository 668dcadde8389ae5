"""What the storage announces wakes the listeners; without announcements they poll."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from quick import eventually

from emulators.azurite import Azurite
from emulators.functions_host.storage_events import IDLE_POLL_S

pytestmark = pytest.mark.processes

ROUNDS = 6
NEVER = "24:00:00"


@pytest.fixture(scope="module")
def host(start_module_host: Callable[..., Any], storage: Any) -> Any:
    """A host that would poll once a day."""
    settings = {
        "AzureFunctionsJobHost__extensions__queues__maxPollingInterval": NEVER,
        "ORDERS_QUEUE": "announced",
        "LONG_QUEUE": "announced-long",
    }
    return start_module_host("--blob-poll", "86400", "--storage-events", storage.events, **settings)


def test_messages_and_blobs_are_seen_when_they_come(host: Any, storage: Any) -> None:
    orders = storage.queue("announced")
    before = len(host.ledger("pack"))
    started = time.monotonic()
    for number in range(ROUNDS):
        orders.send_message(json.dumps({"id": f"announced-{number}"}))
        storage.upload("inbox", f"announced/{number}.txt", b"x")
        eventually(lambda n=number: len(host.ledger("pack")) > before + n and len(host.ledger("scan")) > n, "both")
    assert time.monotonic() - started < ROUNDS * IDLE_POLL_S


def test_a_delayed_message_is_seen_when_it_becomes_visible(host: Any, storage: Any) -> None:
    orders = storage.queue("announced")
    eventually(lambda: not list(orders.peek_messages()), "an idle queue")
    before = len(host.ledger("pack"))
    started = time.monotonic()
    orders.send_message("{}", visibility_timeout=2)
    eventually(lambda: len(host.ledger("pack")) > before, "the message")
    assert 2 <= time.monotonic() - started < IDLE_POLL_S


def test_where_nothing_is_announced_the_host_polls(start_host: Callable[..., Any], storage: Any) -> None:
    host = start_host("--storage-events", "127.0.0.1:9", ORDERS_QUEUE="unannounced")
    storage.queue("unannounced").send_message("{}")
    eventually(lambda: host.ledger("pack"), "the message")


def test_a_host_outlives_the_end_of_the_announcements(start_host: Callable[..., Any], storage: Any) -> None:
    with Azurite() as announcer:
        host = start_host("--storage-events", announcer.events, ORDERS_QUEUE="outlived")
        eventually(lambda: host.ledger("onStart"), "the start")
    eventually(lambda: "listeners poll" in host.log, "the end of the announcements")
    storage.queue("outlived").send_message("{}")
    eventually(lambda: host.ledger("pack"), "the message")
