"""The documented limits of the service: what just fits is taken, and one more is refused.

learn.microsoft.com/azure/cosmos-db/concepts-limits: an item and a batch have 2 MB, an id 1,023 bytes, a partition key
2,048 bytes, a patch ten operations, a batch a hundred.
"""

from __future__ import annotations

from typing import Any

import pytest
from azure.cosmos import ContainerProxy
from azure.cosmos.exceptions import CosmosBatchOperationError, CosmosHttpResponseError

pytestmark = pytest.mark.processes

MB = 1024 * 1024


def status(act: Any) -> int:
    """The status of a refusal; 200 without one."""
    try:
        act()
    except (CosmosHttpResponseError, CosmosBatchOperationError) as refused:
        return refused.status_code
    return 200


def item(id: str, size: int) -> dict[str, Any]:
    """An item of about this many bytes with its system properties."""
    return {"id": id, "pk": "p", "text": "x" * size}


def test_an_item_has_two_megabytes(container: ContainerProxy) -> None:
    assert status(lambda: container.create_item(item("fits", 2 * MB - 500))) == 200
    assert status(lambda: container.create_item(item("large", 2 * MB + 1))) == 413
    assert status(lambda: container.replace_item("fits", item("fits", 2 * MB + 1))) == 413
    assert len(container.read_item("fits", "p")["text"]) == 2 * MB - 500


@pytest.mark.parametrize("letter", ["x", "é"])
def test_an_id_has_1023_bytes(container: ContainerProxy, letter: str) -> None:
    fits = 1023 // len(letter.encode())
    assert status(lambda: container.create_item({"id": letter * fits, "pk": "p"})) == 200
    assert container.read_item(letter * fits, "p")["id"] == letter * fits
    assert status(lambda: container.create_item({"id": letter * (fits + 1), "pk": "p"})) == 400


@pytest.mark.parametrize("character", ["/", "\\", "?", "#"])
def test_an_id_has_no_characters_of_addresses(container: ContainerProxy, character: str) -> None:
    for id in (character, f"a{character}", f"a{character}b"):
        # In a batch, because the SDK itself refuses such an item by itself.
        made = [("create", ({"id": id, "pk": "p"},))]
        assert status(lambda made=made: container.execute_item_batch(made, "p")) == 400


@pytest.mark.parametrize("id", ["a b", "ä", "\U0001f600", "a%2fb", "a+b", "a&b=c", "'\"", "a:b", "a|b", "..."])
def test_all_other_characters_come_back(container: ContainerProxy, id: str) -> None:
    container.create_item({"id": id, "pk": id})
    assert container.read_item(id, id)["id"] == id
    assert [one["id"] for one in container.query_items("SELECT * FROM c", partition_key=id)] == [id]
    container.delete_item(id, id)


def test_a_partition_key_has_2048_bytes(container: ContainerProxy) -> None:
    assert status(lambda: container.create_item({"id": "a", "pk": "x" * 2048})) == 200
    assert container.read_item("a", "x" * 2048)["pk"] == "x" * 2048
    assert status(lambda: container.create_item({"id": "b", "pk": "x" * 2100})) == 400


def test_a_patch_has_ten_operations(container: ContainerProxy) -> None:
    container.create_item({"id": "a", "pk": "p"})
    operations = [{"op": "set", "path": f"/f{number}", "value": number} for number in range(11)]
    assert status(lambda: container.patch_item("a", "p", operations[:10])) == 200
    assert status(lambda: container.patch_item("a", "p", operations)) == 400


def test_a_batch_has_a_hundred_operations_and_two_megabytes(container: ContainerProxy) -> None:
    hundred = [("create", ({"id": str(number), "pk": "p"},)) for number in range(100)]
    assert status(lambda: container.execute_item_batch([*hundred, ("read", ("0",))], "p")) == 400
    assert status(lambda: container.read_item("0", "p")) == 404
    assert status(lambda: container.execute_item_batch(hundred, "p")) == 200
    large = [("create", (item(f"large{number}", MB),)) for number in range(3)]
    assert status(lambda: container.execute_item_batch(large, "p")) == 413
    assert status(lambda: container.read_item("large0", "p")) == 404
