"""Queries of the Cosmos DB emulator, by the real SDK: over several physical partitions and in one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from azure.cosmos import ContainerProxy
from azure.cosmos.exceptions import CosmosHttpResponseError

pytestmark = pytest.mark.processes

ITEMS: list[dict[str, Any]] = [
    {"id": "1", "pk": "a", "n": 1, "name": "Anna", "tags": ["x", "y"], "o": {"k": 1}},
    {"id": "2", "pk": "b", "n": 2.5, "name": "bob", "tags": [], "flag": True},
    {"id": "3", "pk": "c", "n": 10, "name": "Cléa", "tags": ["x"], "none": None},
    {"id": "4", "pk": "d", "n": 10, "name": "dan", "flag": False},
    {"id": "5", "pk": "e", "name": "eve", "n": "text"},
    {"id": "6", "pk": "f", "name": "fay"},
]


@pytest.fixture(scope="module")
def filled(database: Any) -> ContainerProxy:
    from azure.cosmos import PartitionKey

    indexes = {"compositeIndexes": [[{"path": "/n", "order": "ascending"}, {"path": "/id", "order": "descending"}]]}
    container = database.create_container("queries", PartitionKey("/pk"), indexing_policy=indexes)
    for item in ITEMS:
        container.create_item(item)
    return container


def ask(container: ContainerProxy, query: str, **parameters: Any) -> list[Any]:
    named = [{"name": f"@{name}", "value": value} for name, value in parameters.items()]
    return list(container.query_items(query, parameters=named, enable_cross_partition_query=True))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT VALUE c.id FROM c WHERE c.n > 1 AND c.id != '4' ORDER BY c.n", ["2", "3"]),
        ("SELECT VALUE c.id FROM c WHERE c.n = 10 ORDER BY c.id DESC", ["4", "3"]),
        ("SELECT VALUE c.id FROM c WHERE IS_NUMBER(c.n) ORDER BY c.n ASC, c.id DESC", ["1", "2", "4", "3"]),
        ("SELECT TOP 2 VALUE c.id FROM c ORDER BY c.id DESC", ["6", "5"]),
        ("SELECT VALUE c.id FROM c ORDER BY c.id OFFSET 2 LIMIT 2", ["3", "4"]),
        ("SELECT DISTINCT VALUE c.n FROM c WHERE IS_NUMBER(c.n) ORDER BY c.n", [1, 2.5, 10]),
        ("SELECT VALUE COUNT(1) FROM c", [6]),
        ("SELECT VALUE SUM(c.n) FROM c WHERE IS_NUMBER(c.n)", [23.5]),
        ("SELECT VALUE AVG(c.n) FROM c WHERE IS_NUMBER(c.n)", [5.875]),
        ("SELECT VALUE MAX(c.n) FROM c WHERE IS_NUMBER(c.n)", [10]),
        ("SELECT VALUE MIN(c.name) FROM c", ["Anna"]),
        ("SELECT VALUE c.id FROM c WHERE c.flag != true ORDER BY c.id", ["4"]),
        ("SELECT VALUE c.id FROM c WHERE NOT c.flag ORDER BY c.id", ["4"]),
        ("SELECT VALUE c.id FROM c WHERE IS_NULL(c.none)", ["3"]),
        ("SELECT VALUE c.id FROM c WHERE NOT IS_DEFINED(c.n)", ["6"]),
        ("SELECT VALUE c.id FROM c WHERE c.n = '10'", []),
        ("SELECT VALUE c.id FROM c WHERE ARRAY_CONTAINS(c.tags, 'x') ORDER BY c.id", ["1", "3"]),
        ("SELECT VALUE c.id FROM c WHERE c.id IN ('2', '5') ORDER BY c.id", ["2", "5"]),
        ("SELECT VALUE c.id FROM c WHERE c.n BETWEEN 2 AND 9", ["2"]),
        ("SELECT VALUE c.id FROM c WHERE c.name LIKE '%a%' ORDER BY c.id", ["1", "3", "4", "6"]),
        ("SELECT VALUE c.id FROM c WHERE STARTSWITH(c.name, 'A', true)", ["1"]),
        ("SELECT VALUE t FROM c JOIN t IN c.tags WHERE c.id = '1'", ["x", "y"]),
        ("SELECT c.id, ARRAY_LENGTH(c.tags) AS size FROM c WHERE c.pk = 'a'", [{"id": "1", "size": 2}]),
        ("SELECT VALUE c.id FROM c WHERE EXISTS(SELECT VALUE t FROM t IN c.tags WHERE t = 'y')", ["1"]),
        ("SELECT VALUE {'k': c.o.k, 'lost': c.o.nothing} FROM c WHERE c.id = '1'", [{"k": 1}]),
        ("SELECT VALUE c.flag ?? 'unset' FROM c WHERE c.id IN ('2', '6') ORDER BY c.id", [True, "unset"]),
    ],
)
def test_results(filled: ContainerProxy, query: str, expected: list[Any]) -> None:
    assert ask(filled, query) == expected


def test_parameters_are_values_not_text(filled: ContainerProxy) -> None:
    assert ask(filled, "SELECT VALUE c.id FROM c WHERE c.name = @name", name="bob' OR true") == []
    assert ask(filled, "SELECT VALUE c.id FROM c WHERE c.name = @name", name="bob") == ["2"]


def test_groups_within_a_partition(make: Callable[..., ContainerProxy]) -> None:
    container = make()
    for n in range(6):
        container.create_item({"id": str(n), "pk": "p", "kind": "even" if n % 2 == 0 else "odd", "n": n})
    query = "SELECT c.kind, COUNT(1) AS count, SUM(c.n) AS total FROM c GROUP BY c.kind"
    groups = sorted(container.query_items(query, partition_key="p"), key=lambda group: group["kind"])
    assert groups == [{"kind": "even", "count": 3, "total": 6}, {"kind": "odd", "count": 3, "total": 9}]


def test_pages_give_every_item_once(make: Callable[..., ContainerProxy]) -> None:
    container = make()
    for n in range(45):
        container.create_item({"id": f"{n:02}", "pk": str(n % 11)})
    for query in ("SELECT * FROM c", "SELECT * FROM c ORDER BY c.id"):
        pages = container.query_items(query, enable_cross_partition_query=True, max_item_count=7).by_page()
        found = [item["id"] for page in pages for item in page]
        assert sorted(found) == [f"{n:02}" for n in range(45)]
    first = container.query_items("SELECT * FROM c", partition_key="3", max_item_count=2).by_page()
    ids = [item["id"] for item in next(first)]
    again = container.query_items("SELECT * FROM c", partition_key="3", max_item_count=9)
    rest = [item["id"] for page in again.by_page(first.continuation_token) for item in page]
    assert sorted(ids + rest) == ["03", "14", "25", "36"]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM c WHERE", "SELEC * FROM c", "SELECT * FROM c WHERE c.x = @missing", "SELECT d.id FROM c",
        "SELECT NOSUCH(c.id) FROM c", "SELECT * FROM c ORDER BY c.name, c.n", "SELECT c.id FROM c WHERE c.x = 'a",
        "SELECT * FROM c GROUP BY c.n",
    ],
)  # fmt: skip
def test_a_wrong_query_is_refused(filled: ContainerProxy, query: str) -> None:
    with pytest.raises(CosmosHttpResponseError) as refused:
        ask(filled, query)
    assert refused.value.status_code == 400


def test_a_query_over_all_partitions_must_be_allowed(filled: ContainerProxy) -> None:
    with pytest.raises(CosmosHttpResponseError) as refused:
        list(filled.query_items("SELECT * FROM c"))
    assert refused.value.status_code == 400


def test_the_nearest_vectors_come_first(database: Any) -> None:
    from azure.cosmos import PartitionKey

    policy = {
        "vectorEmbeddings": [
            {"path": "/v", "dataType": "float32", "distanceFunction": "cosine", "dimensions": 2},
        ]
    }
    container = database.create_container("vectors", PartitionKey("/pk"), vector_embedding_policy=policy)
    for id, vector in {"east": [1, 0], "north": [0, 1], "northeast": [1, 1], "west": [-1, 0]}.items():
        container.create_item({"id": id, "pk": id, "v": vector, "warm": id != "north"})
    query = "SELECT TOP 2 c.id, VectorDistance(c.v, @v) AS score FROM c WHERE c.warm ORDER BY VectorDistance(c.v, @v)"
    found = ask(container, query, v=[1.0, 0.1])
    assert [one["id"] for one in found] == ["east", "northeast"]
    assert found[0]["score"] == pytest.approx(0.99504, abs=1e-4)
