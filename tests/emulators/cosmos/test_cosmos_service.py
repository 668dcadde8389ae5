"""The Cosmos DB emulator as a service: keys, budget, faults, restarts, several processes on one file."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from azure.cosmos import CosmosClient, PartitionKey
from azure.cosmos.exceptions import CosmosHttpResponseError

from emulators.launch import launch

pytestmark = pytest.mark.processes

PATIENT = {"retry_total": 9}
HASTY: dict[str, Any] = {"retry_total": 0, "retry_throttle_total": 0}


def container(facts: dict[str, Any], **options: Any) -> Any:
    client = CosmosClient(facts["endpoint"], facts["key"], **options)
    database = client.create_database_if_not_exists("service")
    return database.create_container_if_not_exists("items", PartitionKey("/pk"))


@contextmanager
def budget(facts: dict[str, Any], ru: float) -> Generator[None]:
    """A budget of request units a second for each container, none again afterwards."""

    def change(to: float) -> None:
        requests.post(f"{facts['url']}/_emulator/throughput", json={"ruPerSecond": to}, timeout=10).raise_for_status()

    change(ru)
    try:
        yield
    finally:
        change(0)


def test_a_wrong_key_is_refused(account: dict[str, Any]) -> None:
    wrong = "A" * 86 + "=="
    with pytest.raises(CosmosHttpResponseError) as refused:
        CosmosClient(account["endpoint"], wrong).create_database("x")
    assert refused.value.status_code == 401
    assert requests.get(f"{account['endpoint']}/dbs", timeout=10).status_code == 401


def test_a_budget_throttles_and_the_sdk_gets_through(account: dict[str, Any]) -> None:
    items = container(account, **PATIENT)
    with budget(account, 30):
        for n in range(12):
            items.upsert_item({"id": str(n), "pk": "throttled"})
        answered = requests.get(f"{account['url']}/_emulator/requests", timeout=10).json()["requests"]
        assert any(entry["status"] == 429 for entry in answered)
        assert items.read_item("11", "throttled")["id"] == "11"


@pytest.mark.parametrize(("mode", "status"), [("429", 429), ("503", 503), ("408", 408)])
def test_planned_faults_reach_the_client(account: dict[str, Any], mode: str, status: int) -> None:
    items = container(account, **HASTY)
    items.upsert_item({"id": "a", "pk": "p"})
    posted = {"mode": mode, "on": "read", "times": None, "retryDelay": 0.01}
    requests.post(f"{account['url']}/_emulator/faults", json=posted, timeout=10).raise_for_status()
    try:
        with pytest.raises(CosmosHttpResponseError) as refused:
            items.read_item("a", "p")
        assert refused.value.status_code == status
    finally:
        requests.delete(f"{account['url']}/_emulator/faults", timeout=10)


def test_an_answer_cut_off_leaves_the_batch_done(account: dict[str, Any]) -> None:
    items = container(account)
    posted = {"mode": "cut-answer", "on": "batch"}
    requests.post(f"{account['url']}/_emulator/faults", json=posted, timeout=10).raise_for_status()
    with pytest.raises(Exception):  # noqa: B017 - the SDK has several names for a broken connection
        items.execute_item_batch([("create", ({"id": "cut", "pk": "p"},))], "p", retry_write=0)
    assert items.read_item("cut", "p")["id"] == "cut"


def test_data_survives_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "cosmos.sqlite"
    with launch("cosmos", "--data", str(path)) as facts:
        made = container(facts).create_item({"id": "a", "pk": "p", "n": 1})
    with launch("cosmos", "--data", str(path)) as facts:
        assert container(facts).read_item("a", "p")["_etag"] == made["_etag"]


def test_two_processes_share_one_file(tmp_path: Path) -> None:
    path = str(tmp_path / "cosmos.sqlite")
    with launch("cosmos", "--data", path) as first, launch("cosmos", "--data", path) as second:
        one, other = container(first), container(second)
        one.create_item({"id": "a", "pk": "p", "n": 0})
        for items in (one, other) * 10:
            items.patch_item("a", "p", [{"op": "incr", "path": "/n", "value": 1}])
        assert one.read_item("a", "p")["n"] == 20
        with pytest.raises(CosmosHttpResponseError) as taken:
            other.create_item({"id": "a", "pk": "p"})
        assert taken.value.status_code == 409


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_https_as_microsofts_emulator_serves_it() -> None:
    with launch("cosmos", "--throughput", "0", "--tls") as facts:
        assert facts["endpoint"].startswith("https://")
        trusted = {"verify": facts["certificate"], "timeout": 10}
        assert requests.get(f"{facts['url']}/_emulator/requests", **trusted).status_code == 200
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(f"{facts['url']}/_emulator/requests", timeout=10)
        by_name = facts["endpoint"].replace("127.0.0.1", "localhost")
        for endpoint, options in (
            (facts["endpoint"], {"connection_verify": facts["certificate"]}),
            (by_name, {"connection_verify": False}),
        ):
            items = container({**facts, "endpoint": endpoint}, **options)
            assert items.upsert_item({"id": "a", "pk": "p"})["id"] == "a"
        assert [path.name for path in Path(facts["certificate"]).parent.iterdir()] == ["certificate.pem"]
    assert not Path(facts["certificate"]).exists()


def test_the_throughput_can_be_changed_while_it_runs(account: dict[str, Any]) -> None:
    items = container(account, **HASTY)
    refused = requests.post(f"{account['url']}/_emulator/throughput", json={"ruPerSecond": "much"}, timeout=10)
    assert refused.status_code == 400 and "ruPerSecond" in refused.json()["error"]
    with budget(account, 1):
        items.upsert_item({"id": "a", "pk": "p"})
    for _ in range(5):
        items.upsert_item({"id": "a", "pk": "p"})


def test_queries_are_listed_with_their_charges(account: dict[str, Any]) -> None:
    items = container(account)
    items.upsert_item({"id": "a", "pk": "listed"})
    query = "SELECT VALUE c.id FROM c WHERE c.pk = @pk"
    found = items.query_items(query, parameters=[{"name": "@pk", "value": "listed"}], partition_key="listed")
    assert list(found) == ["a"]
    listed = requests.get(f"{account['url']}/_emulator/queries", params={"match": "c.pk"}, timeout=10).json()
    asked = listed["queries"][-1]
    assert (asked["container"], asked["query"], asked["parameters"]) == ("items", query, {"@pk": "listed"})
    assert asked["results"] == 1 and asked["ru"] > 2


def test_a_read_is_one_request(account: dict[str, Any]) -> None:
    """The SDK keeps the ranges of a container while answers name the range they come from."""
    items = container(account)
    for n in range(5):
        items.upsert_item({"id": str(n), "pk": str(n)})
    items.read_item("0", "0")
    last = requests.get(f"{account['url']}/_emulator/requests", timeout=10).json()["requests"][-1]["n"]
    for n in range(5):
        items.read_item(str(n), str(n))
    listed = requests.get(f"{account['url']}/_emulator/requests", timeout=10).json()["requests"]
    # A thread of each client of the SDK, also of those of other tests, reads the account (`/`) every few minutes.
    sent = [f"{entry['method']} {entry['path']}" for entry in listed if entry["n"] > last and entry["path"] != "/"]
    assert sent == [f"GET /dbs/service/colls/items/docs/{n}/" for n in range(5)]
