"""The developer's loop: a change is live immediately, a broken one leaves the app running; a port has one host."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from quick import eventually

pytestmark = pytest.mark.processes
APP = Path(__file__).parent / "foreign_app"


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """A copy of the foreign app that may be changed."""
    return shutil.copytree(APP, tmp_path / "app", ignore=shutil.ignore_patterns("__pycache__"))


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_a_change_is_live_with_no_request_refused_and_a_broken_one_is_reported_and_changes_nothing(
    app: Path, start_host: Callable[..., Any]
) -> None:
    host = start_host("--watch", str(app), app=app)
    assert requests.get(f"{host.url}/admin/host/ping", timeout=10).status_code == 200

    edit(app / "shop.py", "grüezi", "salut")
    answers = {requests.get(f"{host.url}/api/text", timeout=30).text}
    while "salut" not in answers:
        answers.add(requests.get(f"{host.url}/api/text", timeout=30).text)
    assert answers <= {"grüezi", "salut"}, "a request was refused while the app restarted"
    assert [host.event()["event"] for _ in range(2)] == ["restarting", "restarted"]

    edit(app / "shop.py", "import hashlib", "import no_such_module")
    assert host.event()["changed"] == ["shop.py"]
    failed = host.event()
    assert failed["event"] == "restart_failed"
    assert "no_such_module" in failed["error"]
    assert requests.get(f"{host.url}/api/text", timeout=10).text == "salut"

    edit(app / "shop.py", "import no_such_module", "import hashlib")
    edit(app / "shop.py", "salut", "ciao")
    eventually(lambda: requests.get(f"{host.url}/api/text", timeout=10).text == "ciao", "the repaired app")
    assert host.stop() == 0


@pytest.mark.parametrize("holder", ["host", "program"])
def test_a_port_in_use_is_one_line_that_says_what_to_do(holder: str, start_host: Callable[..., Any]) -> None:
    with socket.socket() as taken:
        if holder == "host":
            held = start_host()
            port = int(held.url.rpartition(":")[2])
        else:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
        refused = start_host("--port", str(port))
        assert refused.process.wait() == 2
        (line,) = refused.log.strip().splitlines()
        assert f"port {port}" in line
        assert "--port" in line
        assert ("another local Functions host" in line) == (holder == "host")


def test_an_app_that_can_not_be_indexed_says_why(app: Path, start_host: Callable[..., Any]) -> None:
    edit(app / "shop.py", "import hashlib", "import no_such_module")
    host = start_host(app=app)
    assert host.process.wait() == 1
    assert host.report == {}
    assert "Traceback (most recent call last)" in host.log
    (*_, line) = host.log.strip().splitlines()
    assert line == "functions_host: ModuleNotFoundError: No module named 'no_such_module' (shop.py, line 3)"


def test_every_scaling_group_of_flex_consumption_is_a_process(start_host: Callable[..., Any], storage: Any) -> None:
    left_out = ("breaks", "brokenPoison", "long", "tick", "yearly", "flaky")
    disabled = {f"AzureWebJobs.{name}.Disabled": "true" for name in left_out}
    host = start_host("--flex", "--watch", str(APP), ORDERS_QUEUE="flex-orders", **disabled)
    # HTTP, blobs, two queue functions, a timer
    assert len(host.report["pids"]) == 5
    assert requests.post(f"{host.url}/api/orders", data=b'{"parcels": 1}', timeout=30).status_code == 202
    eventually(lambda: host.ledger("ship"), "the parcel")
    eventually(lambda: host.ledger("onStart"), "the timer")
    storage.upload("inbox", "flex/shirt.txt", b"flex")
    eventually(lambda: any(run["name"].endswith("flex/shirt.txt") for run in host.ledger("scan")), "the blob")
    places = {name: {run["pid"] for run in host.ledger(name)} for name in ("pack", "ship", "onStart", "scan")}
    assert all(len(pids) == 1 for pids in places.values()), places
    assert len(set.union(*places.values())) == 4
    assert host.stop() == 0
