"""Items of the Cosmos DB emulator, by the real SDK: statuses, conditions, batches, TTL, unique keys."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core import MatchConditions
from azure.cosmos import ContainerProxy, PartitionKey
from azure.cosmos.exceptions import CosmosBatchOperationError, CosmosHttpResponseError
from quick import eventually

pytestmark = pytest.mark.processes

KEPT = {"_rid", "_self", "_etag", "_attachments", "_ts"}


def status(call: Callable[[], Any]) -> tuple[int, int]:
    """Status and sub-status that a call is refused with."""
    with pytest.raises(CosmosHttpResponseError) as refused:
        call()
    return refused.value.status_code or 0, refused.value.sub_status or 0


def test_an_item_has_system_properties_and_a_charge(container: ContainerProxy) -> None:
    made = container.create_item({"id": "a", "pk": "p", "n": 1})
    assert made.keys() >= KEPT
    read = container.read_item("a", "p")
    assert read == made
    assert float(read.get_response_headers()["x-ms-request-charge"]) == 1.0
    assert read.get_response_headers()["x-ms-session-token"].count("#") == 1


def test_refusals_have_the_status_of_the_service(container: ContainerProxy) -> None:
    made = container.create_item({"id": "a", "pk": "p"})
    stale = {"etag": '"another"', "match_condition": MatchConditions.IfNotModified}
    assert status(lambda: container.create_item({"id": "a", "pk": "p"}))[0] == 409
    assert status(lambda: container.read_item("b", "p"))[0] == 404
    assert status(lambda: container.read_item("a", "q"))[0] == 404
    assert status(lambda: container.replace_item("a", {"id": "a", "pk": "p"}, **stale))[0] == 412
    assert status(lambda: container.delete_item("a", "p", **stale))[0] == 412
    assert status(lambda: container.create_item({"id": "x", "pk": "p", "ttl": 0}))[0] == 400
    assert status(lambda: container.create_item({"id": "x", "pk": "p", "text": "x" * 2_200_000}))[0] == 413
    assert container.read_item("a", "p")["_etag"] == made["_etag"]


def test_a_patch_holds_its_condition_and_its_limits(container: ContainerProxy) -> None:
    container.create_item({"id": "a", "pk": "p", "n": 1, "tags": ["x"]})

    def patch(*operations: dict[str, Any], **more: Any) -> dict[str, Any]:
        return container.patch_item("a", "p", list(operations), **more)

    changed = patch({"op": "incr", "path": "/n", "value": 2}, {"op": "add", "path": "/tags/-", "value": "y"})
    assert (changed["n"], changed["tags"]) == (3, ["x", "y"])
    below = {"filter_predicate": "FROM c WHERE c.n < 3"}
    assert status(lambda: patch({"op": "incr", "path": "/n", "value": 1}, **below))[0] == 412
    assert status(lambda: patch(*[{"op": "set", "path": f"/f{i}", "value": i} for i in range(11)]))[0] == 400
    assert status(lambda: patch({"op": "remove", "path": "/missing"}))[0] == 400
    assert status(lambda: patch({"op": "set", "path": "/pk", "value": "q"}))[0] == 400
    assert status(lambda: patch({"op": "set", "path": "/a/b", "value": 1}))[0] == 400
    assert container.read_item("a", "p")["n"] == 3


def test_a_batch_is_all_or_nothing(container: ContainerProxy) -> None:
    container.create_item({"id": "a", "pk": "p", "n": 1})
    good = [("create", ({"id": "b", "pk": "p"},)), ("patch", ("a", [{"op": "incr", "path": "/n", "value": 1}]))]
    results = container.execute_item_batch(good, "p")
    assert [result["statusCode"] for result in results] == [201, 200]
    bad = [("create", ({"id": "c", "pk": "p"},)), ("create", ({"id": "a", "pk": "p"},)), ("delete", ("b",))]
    with pytest.raises(CosmosBatchOperationError) as refused:
        container.execute_item_batch(bad, "p")
    assert refused.value.error_index == 1
    assert [result["statusCode"] for result in refused.value.operation_responses] == [424, 409, 424]
    assert status(lambda: container.read_item("c", "p"))[0] == 404
    assert container.read_item("b", "p")["id"] == "b"
    assert status(lambda: container.execute_item_batch([("read", ("a",))] * 101, "p"))[0] == 400


def test_an_expired_item_is_gone_for_every_read(make: Callable[..., ContainerProxy]) -> None:
    container = make(default_ttl=-1)
    container.create_item({"id": "short", "pk": "p", "ttl": 1})
    container.create_item({"id": "kept", "pk": "p"})

    def ids() -> list[str]:
        return list(container.query_items("SELECT VALUE c.id FROM c", partition_key="p"))

    eventually(lambda: ids() == ["kept"], "the expiry")
    assert status(lambda: container.read_item("short", "p"))[0] == 404
    container.create_item({"id": "short", "pk": "p"})
    assert sorted(ids()) == ["kept", "short"]


def test_unique_keys_hold_within_a_partition(make: Callable[..., ContainerProxy]) -> None:
    container = make(unique_key_policy={"uniqueKeys": [{"paths": ["/email"]}]})
    container.create_item({"id": "a", "pk": "p", "email": "e"})
    assert status(lambda: container.create_item({"id": "b", "pk": "p", "email": "e"}))[0] == 409
    container.create_item({"id": "b", "pk": "q", "email": "e"})
    container.delete_item("a", "p")
    container.create_item({"id": "c", "pk": "p", "email": "e"})


def test_read_many_gives_what_exists(container: ContainerProxy) -> None:
    for n in range(30):
        container.create_item({"id": str(n), "pk": str(n % 7)})
    wanted = [(str(n), str(n % 7)) for n in range(0, 30, 2)]
    found = container.read_items([*wanted, ("missing", "0")])
    assert sorted(item["id"] for item in found) == sorted(id for id, _ in wanted)


def test_the_change_feed_follows_writes(container: ContainerProxy) -> None:
    container.create_item({"id": "a", "pk": "p"})
    pages = container.query_items_change_feed(start_time="Beginning", max_item_count=10)
    assert [item["id"] for item in pages] == ["a"]
    token = container.client_connection.last_response_headers["etag"]
    container.upsert_item({"id": "b", "pk": "q"})
    later = container.query_items_change_feed(continuation=token)
    assert [item["id"] for item in later] == ["b"]


def test_the_change_feed_gives_all_changes_of_a_transaction_together(container: ContainerProxy) -> None:
    container.create_item({"id": "first", "pk": "p"})
    container.execute_item_batch([("create", ({"id": f"{n:02}", "pk": "p"},)) for n in range(12)], "p")
    pages = container.query_items_change_feed(start_time="Beginning", max_item_count=5, partition_key="p").by_page()
    found = [item["id"] for page in pages for item in page]
    assert found == ["first", *(f"{n:02}" for n in range(12))]


def test_the_change_feed_begins_at_a_moment(container: ContainerProxy) -> None:
    for n in range(8):
        container.create_item({"id": f"old{n}", "pk": "p"})
    written = max(int(item["_ts"]) for item in container.read_all_items())
    after = datetime.fromtimestamp(written + 2, UTC)
    eventually(lambda: datetime.now(UTC) > after, "the next second")
    container.create_item({"id": "new", "pk": "p"})

    def since(moment: datetime) -> list[str]:
        return [item["id"] for item in container.query_items_change_feed(start_time=moment, max_item_count=5)]

    assert since(after) == ["new"]
    assert since(after + timedelta(hours=1)) == []


def test_keys_of_version_1_place_items_where_the_sdk_looks_for_them(make: Callable[..., ContainerProxy]) -> None:
    container = make(version=1)
    keys = ["short", "long" * 100, 1000, 1.5, True]
    for n, key in enumerate(keys):
        container.create_item({"id": str(n), "pk": key})
    for n, key in enumerate(keys):
        changes = container.query_items_change_feed(start_time="Beginning", partition_key=key)
        assert [item["id"] for item in changes] == [str(n)]
    ranges = list(container.read_feed_ranges())
    assert sum(len(list(container.query_items("SELECT * FROM c", feed_range=one))) for one in ranges) == len(keys)


def test_a_logical_partition_is_deleted_whole(container: ContainerProxy) -> None:
    for n in range(4):
        container.create_item({"id": str(n), "pk": "p" if n % 2 else "q"})
    container.delete_all_items_by_partition_key("p")
    assert sorted(item["id"] for item in container.read_all_items()) == ["0", "2"]


def test_a_deleted_container_is_missing_and_its_name_free(make: Callable[..., ContainerProxy], database: Any) -> None:
    container = make()
    container.create_item({"id": "a", "pk": "p"})
    database.delete_container(container.id)
    assert status(lambda: container.read_item("a", "p"))[0] == 404
    again = database.create_container(container.id, PartitionKey("/pk"))
    assert status(lambda: again.read_item("a", "p"))[0] == 404
