"""Several instances: replacement, graceful stop, time limit, outage of the storage."""

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests
from quick import eventually

from emulators.azurite import Azurite

pytestmark = pytest.mark.processes


def _pids(url: str) -> set[int]:
    """Instances that answer; new connections are spread over them by the kernel."""
    found: set[int] = set()
    for _ in range(30):
        try:
            answer = requests.get(
                f"{url}/admin/host/status", headers={"Connection": "close", "x-functions-key": "master"}, timeout=5
            )
        except requests.ConnectionError:
            continue
        found.add(answer.json()["pid"])
    return found


def test_killed_instance_is_replaced(start_host: Callable[..., Any]) -> None:
    host = start_host(workers=2)
    first = set(host.report["pids"])
    assert len(first) == 2
    eventually(lambda: _pids(host.url) == first, "both answer")
    victim = min(first)
    os.kill(victim, signal.SIGKILL)
    eventually(lambda: len(now := _pids(host.url)) == 2 and victim not in now, "the replacement")
    assert "takes its place" in host.log
    last = _pids(host.url)
    assert host.stop() == 0
    for pid in first | last:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_stop_finishes_what_runs(start_host: Callable[..., Any], storage: Any) -> None:
    host = start_host()
    storage.queue("long").send_message("1.5")
    eventually(lambda: host.ledger("long"), "the message")
    answers: list[int] = []
    call = threading.Thread(
        target=lambda: answers.append(requests.get(f"{host.url}/api/slow/15", timeout=10).status_code)
    )
    call.start()
    time.sleep(0.3)
    assert host.stop() == 0
    call.join()
    assert answers == [200]
    assert [run["state"] for run in host.ledger("long")] == ["begins", "ends"]
    assert storage.queue("long").get_queue_properties().approximate_message_count == 0


def test_instances_end_with_their_supervisor(start_host: Callable[..., Any]) -> None:
    host = start_host()
    (pid,) = host.report["pids"]
    assert host.stop(signal.SIGKILL) == -signal.SIGKILL

    def gone() -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        return False

    eventually(gone, "the end of the instance")


def test_run_over_the_time_limit_costs_the_instance(start_host: Callable[..., Any]) -> None:
    host = start_host("--grace", "1", AzureFunctionsJobHost__functionTimeout="00:00:01")
    (before,) = host.report["pids"]
    assert requests.get(f"{host.url}/api/slow/200", timeout=10).status_code == 500
    eventually(lambda: (now := _pids(host.url)) and before not in now, "the replacement")
    assert "Timeout value of 1 s exceeded" in host.log


def test_outage_of_the_storage_is_waited_out(start_host: Callable[..., Any], tmp_path: Any) -> None:
    azurite = Azurite(tmp_path).start()
    try:
        host = start_host(AzureWebJobsStorage=azurite.connection_string)
        eventually(lambda: host.ledger("onStart"), "the start")
        azurite.stop()
        assert requests.post(f"{host.url}/api/orders", data=b"{}", timeout=30).status_code == 500
        eventually(lambda: "trying on" in host.log, "the outage")
        assert requests.get(f"{host.url}/api/text", timeout=10).status_code == 200
        azurite.start()
        assert requests.post(f"{host.url}/api/orders", data=b'{"late": 1}', timeout=30).status_code == 202
        eventually(lambda: host.ledger("pack"), "the message")
        assert host.process.poll() is None
        host.stop()
    finally:
        azurite.stop()
