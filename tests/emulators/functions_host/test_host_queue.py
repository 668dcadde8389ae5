"""Queue triggers and outputs."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
import requests
from quick import eventually

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def host(start_module_host: Callable[..., Any]) -> Any:
    """The running app."""
    return start_module_host()


def test_from_http_through_two_queues(host: Any) -> None:
    order = json.dumps({"parcels": 3, "to": "Zürich <&>"})
    assert requests.post(f"{host.url}/api/orders", data=order.encode(), timeout=10).status_code == 202
    eventually(lambda: len(host.ledger("ship")) == 3, "three parcels")
    assert [run["body"] for run in host.ledger("pack")] == [order]
    assert sorted(run["body"] for run in host.ledger("ship")) == [f"{order} #{n}" for n in range(3)]
    packed = host.ledger("pack")[0]
    assert packed["dequeue"] == 1
    assert packed["inserted"].endswith("+00:00")


def test_id_in_a_json_message_replaces_the_message_id(host: Any, storage: Any) -> None:
    storage.queue("orders").send_message('{"id": "mine"}')
    eventually(lambda: any(run["id"] == "mine" for run in host.ledger("pack")), "the message")


def test_failing_message_is_tried_five_times_then_poisoned(host: Any, storage: Any) -> None:
    storage.queue("broken").send_message("nope")
    eventually(lambda: any(run["body"] == "nope" for run in host.ledger("brokenPoison")), "poison")
    assert [run["dequeue"] for run in host.ledger("breaks")] == [1, 2, 3, 4, 5]
    eventually(lambda: storage.queue("broken").get_queue_properties().approximate_message_count == 0)


def test_message_that_is_not_base64_goes_to_poison_unseen(host: Any, storage: Any) -> None:
    storage.queue("parcels")
    storage.queues.get_queue_client("parcels").send_message("plain & simple")
    poison = storage.queue("parcels-poison")
    (message,) = eventually(lambda: list(poison.receive_messages(visibility_timeout=1)), "poison")
    assert message.content == "plain & simple"
    assert all(run["body"] != "plain & simple" for run in host.ledger("ship"))


def test_bytes_that_are_no_text_arrive_whole(host: Any, storage: Any) -> None:
    raw = base64.b64encode(b"\xff\x00\xfe").decode()
    storage.queue("broken-poison")
    storage.queues.get_queue_client("broken-poison").send_message(raw)
    eventually(lambda: any(run["body"].startswith("�") for run in host.ledger("brokenPoison")), "the bytes")


def test_no_more_run_at_once_than_batch_and_threshold(start_host: Callable[..., Any], storage: Any) -> None:
    queue = storage.queue("crowded")
    for number in range(9):
        queue.send_message("0.3" if number % 2 else "0.8")
    host = start_host(
        LONG_QUEUE="crowded",
        AzureFunctionsJobHost__extensions__queues__batchSize="2",
        AzureFunctionsJobHost__extensions__queues__newBatchThreshold="1",
        PYTHON_THREADPOOL_THREAD_COUNT="16",
    )
    eventually(lambda: sum(run["state"] == "ends" for run in host.ledger("long")) == 9, "nine runs")
    running = peak = 0
    for run in host.ledger("long"):
        running += 1 if run["state"] == "begins" else -1
        peak = max(peak, running)
    assert 2 <= peak <= 3


def test_long_run_is_renewed_and_runs_once(start_host: Callable[..., Any], storage: Any) -> None:
    host = start_host(
        LONG_QUEUE="renewed",
        FUNCTIONS_HOST_QUEUE_TAKE_SECONDS="12",
        **{"AzureWebJobs.pack.Disabled": "true"},
    )
    assert "pack" not in [row["name"] for row in host.report["functions"]]
    storage.queue("renewed").send_message("12")  # ends while its second renewal is under way
    eventually(lambda: any(run["state"] == "ends" for run in host.ledger("long")), "the end")
    eventually(lambda: storage.queue("renewed").get_queue_properties().approximate_message_count == 0)
    assert [run["dequeue"] for run in host.ledger("long")] == [1, 1]


def test_failed_message_waits_for_the_visibility_timeout(start_host: Callable[..., Any], storage: Any) -> None:
    host = start_host(LONG_QUEUE="delayed", AzureFunctionsJobHost__extensions__queues__visibilityTimeout="01:00:00")
    queue = storage.queue("delayed")
    queue.send_message("not a number")
    eventually(lambda: "could not convert string to float" in host.log, "the failure")
    eventually(lambda: not list(queue.peek_messages()) and host.ledger("long"))
    host.stop()
    assert len(host.ledger("long")) == 1
    assert queue.get_queue_properties().approximate_message_count == 1
