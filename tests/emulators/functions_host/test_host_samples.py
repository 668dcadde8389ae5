"""The sample app: outputs that are not `$return`, underscores, failing poison handlers, timers without status."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from quick import eventually

pytestmark = pytest.mark.processes
APP = Path(__file__).parent / "sample_app"


@pytest.fixture(scope="module")
def host(start_module_host: Callable[..., Any]) -> Any:
    started = start_module_host(app=APP, AzureFunctionsWebHost__hostid="samples", FUNCTIONS_HOST_QUEUE_TAKE_SECONDS="6")
    assert started.report["errors"] == {}
    return started


def test_an_answer_may_be_an_output_binding(host: Any) -> None:
    answer = requests.post(f"{host.url}/api/put_queue_multiple_out", data=b"foo", timeout=10)
    assert (answer.status_code, answer.text) == (201, "HTTP response: foo")
    assert answer.headers["x-set"] == "yes"
    assert eventually(lambda: host.ledger("take_multiple_out"), "the message")[0]["body"] == "foo"


def test_a_failed_poison_handler_waits_for_the_end_of_its_take(host: Any, storage: Any) -> None:
    """As in Azure, where that takes ten minutes; here 6 s. `visibilityTimeout`, 1 s here, is for other queues."""
    queue = storage.queue("orders-poison")
    queue.send_message("dead")
    eventually(lambda: host.ledger("always_fails"), "the first run")
    (message,) = eventually(lambda: queue.peek_messages() or host.ledger("always_fails")[1:], "its return")[:1]
    eventually(lambda: len(host.ledger("always_fails")) >= 2, "the second run")
    assert [run["dequeue"] for run in host.ledger("always_fails")][:2] == [1, 2]
    assert message


def test_a_timer_without_a_monitor_keeps_no_status(host: Any, storage: Any) -> None:
    (run,) = eventually(lambda: host.ledger("unmonitored"), "the timer")
    assert not run["status"]
    eventually(lambda: host.ledger("monitored"), "the other timer")
    container = storage.blobs.get_container_client("azure-webjobs-hosts")

    def kept() -> list[str]:
        return [blob.name.split("/")[2] for blob in container.list_blobs(name_starts_with="timers/samples/")]

    assert eventually(kept, "the status") == ["Host.Functions.monitored"]


LARGE = 96 * 1024 * 1024


def peaks(pid: int) -> int:
    """Bytes of memory that a process and its children have had at most, added up."""
    status = Path(f"/proc/{pid}/status").read_text()
    own = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    return own * 1024 + sum(peaks(int(child)) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split())


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads the memory of processes from /proc")
def test_a_function_that_takes_a_reference_has_no_content_read(host: Any, storage: Any) -> None:
    storage.upload("large", "acme/small.bin", b"x")
    eventually(lambda: host.ledger("referred"), "the small blob")
    before = peaks(host.process.pid)
    storage.upload("large", "acme/large.bin", bytes(LARGE))
    (run,) = eventually(lambda: host.ledger("referred")[1:], "the large blob")
    assert run["kind"] == ["1.0", "AzureStorageBlobs", "application/json"]
    assert run["where"] == {"Connection": "AzureWebJobsStorage", "ContainerName": "large", "BlobName": "acme/large.bin"}
    assert peaks(host.process.pid) - before < LARGE / 2
