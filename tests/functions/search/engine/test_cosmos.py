"""The engine on Cosmos DB, to the wire: containers, statements and writes as sent, answers against the definition."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import index_shelf as shelf
import pytest
import requests
from azure.cosmos import ContainerProxy, CosmosClient, DatabaseProxy
from index_oracle import Oracle

from functions.search.engine import cosmos_sql
from functions.search.engine.cosmos import TOMBSTONE_S, CosmosIndex
from functions.search.engine.errors import IndexModelMismatch, VersionNotFound
from functions.search.engine.items import Removal
from functions.search.engine.query import Filters, Match, Negative, VectorQuery, Weights
from shared import clock

pytestmark = pytest.mark.processes

IMAGE, TEXT = shelf.query_vectors()
ITEMS = shelf.items(150)

type Filled = tuple[CosmosIndex, str]


@pytest.fixture
def database(cosmos: dict[str, Any]) -> Iterator[DatabaseProxy]:
    client = CosmosClient(cosmos["endpoint"], cosmos["key"])
    database = client.create_database(f"search-{secrets.token_hex(4)}")
    yield database
    client.delete_database(database)
    client.close()


@pytest.fixture
def container(database: DatabaseProxy) -> ContainerProxy:
    """Where the engine keeps the vectors of its model."""
    return database.get_container_client(cosmos_sql.container_name(shelf.MODEL.id))


@pytest.fixture
def filled(database: DatabaseProxy, container: ContainerProxy, shop: str) -> Filled:
    index = CosmosIndex(database, lambda: shelf.MODEL)
    index._container(shelf.MODEL)
    for start in range(0, len(ITEMS), 50):
        products = ITEMS[start : start + 50]
        container.execute_item_batch([("create", (cosmos_sql.document(shop, item),)) for item in products], shop)
    return index, shop


def test_a_container_is_made_for_the_model_with_its_vectors_by_diskann(database: DatabaseProxy, shop: str) -> None:
    CosmosIndex(database, lambda: shelf.MODEL).upsert(shop, ITEMS[:1])
    (made,) = database.list_containers()
    assert made["id"] == "vectors-fashion-aaaaaaaaaaaa"
    assert made["partitionKey"]["paths"] == ["/shop"]
    assert made["vectorEmbeddingPolicy"]["vectorEmbeddings"] == [
        {"path": "/vector", "dataType": "float32", "distanceFunction": "cosine", "dimensions": shelf.DIM}
    ]
    policy = made["indexingPolicy"]
    assert policy["vectorIndexes"] == [{"path": "/vector", "type": "diskANN", "vectorIndexShardKey": ["/shop"]}]
    assert {"path": "/vector/*"} in policy["excludedPaths"]


def test_pages_are_those_of_the_definition(filled: Filled) -> None:
    index, shop = filled
    oracle = Oracle(shelf.MODEL, ITEMS)
    for asked in (
        {"image": IMAGE},
        {"text": TEXT, "weights": Weights(0, 1)},
        {"image": IMAGE, "text": TEXT, "weights": Weights(0.4, 0.6)},
        {"image": IMAGE, "negatives": (Negative(TEXT),), "minus": ("red",), "exclude": frozenset({"p00003"})},
        {"image": IMAGE, "fold": True},
        {"image": IMAGE, "per_vendor": 2},
        {"image": IMAGE, "filters": Filters(categories=("dress", "bag"), colours=("red", "blue"), tags=("sale",))},
        {"image": IMAGE, "filters": Filters(vendors=("ada",), price_min=900, price_max=9000, currency="EUR")},
    ):
        fields = ("category", "colours", "vendor", "tags")
        query = VectorQuery(shop, k=8, facets=fields, **asked)
        page = index.search(query)
        expected = oracle.ranked(query)[:8]
        assert [hit.id for hit in page.hits] == [id for id, _ in expected]
        assert [hit.score for hit in page.hits] == pytest.approx([score for _, score in expected], abs=1e-6)
        for hit in page.hits:
            assert hit.parts.image + hit.parts.text == pytest.approx(hit.score, abs=1e-6)
        assert page.total == sum(oracle.passes(item.id, query) for item in ITEMS)
        assert {name: dict(page.facets[name]) for name in fields} == {n: oracle.facets(query, n) for n in fields}


def test_words_are_ranked_as_the_definition_ranks_them(filled: Filled) -> None:
    index, shop = filled
    oracle = Oracle(shelf.MODEL, ITEMS, [])
    for words in ("silk", "silk dress", "zanzibar", "the", "waterproof"):
        query = VectorQuery(shop, words=words, weights=Weights(0, 0, 1), facets=("category",), k=8)
        page, expected = index.search(query), oracle.ranked(query)
        assert [hit.id for hit in page.hits] == [id for id, _ in expected[:8]]
        assert [hit.score for hit in page.hits] == pytest.approx([score for _, score in expected[:8]], abs=1e-6)
        assert page.total == len(expected)
        assert dict(page.facets["category"]) == oracle.facets(query, "category")
    query = VectorQuery(shop, words="silk dress", weights=Weights(0, 0, 1), k=3)
    first = index.search(query)
    following = index.search(replace(query, cursor=first.next))
    assert [hit.id for hit in (*first.hits, *following.hits)] == [id for id, _ in oracle.ranked(query)[:6]]


MATCHED = (
    {"words": "red silk dress", "weights": Weights(0, 0, 1), "match": Match()},
    {"words": "red silkk dresses", "weights": Weights(0, 0, 1), "match": Match()},
    {"words": "zanzibar", "weights": Weights(0, 0, 1), "match": Match()},
    {"text": TEXT, "words": "green shoes", "weights": Weights.hybrid(0), "match": Match(floor=0.7)},
    {"image": IMAGE, "match": Match(by_words=False, floor=0.5)},
    {"image": IMAGE, "text": TEXT, "words": "linen", "weights": Weights.hybrid(0.5), "match": Match(floor=1.0)},
    {"image": IMAGE, "minus": ("silk dresses", "red"), "phrases": ("black",)},
    {"image": IMAGE, "phrases": ("silk shirts",)},
)


def test_what_is_no_result_is_neither_shown_nor_counted(filled: Filled) -> None:
    index, shop = filled
    oracle = Oracle(shelf.MODEL, ITEMS, ITEMS)
    build = index.begin(shop)
    build.add(ITEMS)
    index.publish(build)
    for asked in MATCHED:
        for filters in (Filters(), Filters(colours=("red", "black")), Filters(categories=("dress",), price_min=3000)):
            query = VectorQuery(shop, k=100, filters=filters, facets=("tags",), **asked)
            page, expected = index.search(query), oracle.ranked(query)
            assert [hit.id for hit in page.hits] == [id for id, _ in expected[:100]]
            assert [hit.score for hit in page.hits] == pytest.approx([score for _, score in expected[:100]], abs=1e-6)
            assert page.total == len(expected)
            assert dict(page.facets["tags"]) == oracle.facets(query, "tags")
    misspelt = VectorQuery(shop, words="zebbrano dresd", weights=Weights(0, 0, 1), match=Match())
    assert index.search(misspelt).suggestion == "zebrano dress"


def test_an_article_number_comes_first(filled: Filled) -> None:
    index, shop = filled
    index.upsert(shop, [replace(ITEMS[7], revision=2, sku="TS-1001"), replace(ITEMS[8], revision=2, sku="TS-1002")])
    for weights, vectors in ((Weights(0, 0, 1), {}), (Weights.hybrid(0.5), {"image": IMAGE, "text": TEXT})):
        page = index.search(VectorQuery(shop, words="ts 1001", weights=weights, match=Match(), **vectors))
        assert page.hits[0].id == ITEMS[7].id
        assert sum(page.hits[0].parts) == pytest.approx(page.hits[0].score, abs=1e-6)


def test_the_statement_is_parameterised_and_names_its_limit(filled: Filled, cosmos: dict[str, Any]) -> None:
    index, shop = filled
    page = index.search(VectorQuery(shop, image=IMAGE, filters=Filters(colours=("red' OR 1=1",)), k=5))
    assert list(page.hits) == [] and page.total == 0
    answer = requests.get(f"{cosmos['url']}/_emulator/queries", params={"match": "ORDER BY VectorDistance"}, timeout=10)
    asked = answer.json()["queries"][-1]
    assert asked["query"] == (
        "SELECT TOP 6 c.id, c.vector, c.vendor, c.phash FROM c WHERE c.deleted = false AND "
        "(ARRAY_CONTAINS(c.colours, @p1)) ORDER BY VectorDistance(c.vector, @p0)"
    )
    assert len(asked["parameters"]["@p0"]) == shelf.DIM
    assert asked["parameters"]["@p1"] == "red' OR 1=1"


def test_alpha_one_is_the_picture_and_alpha_zero_the_text(filled: Filled) -> None:
    index, shop = filled
    for alpha, pure in (
        (1.0, VectorQuery(shop, image=IMAGE)),
        (0.0, VectorQuery(shop, text=TEXT, weights=Weights(0, 1))),
    ):
        blended = index.search(VectorQuery(shop, image=IMAGE, text=TEXT, weights=Weights.hybrid(alpha, words=0))).hits
        alone = index.search(pure).hits
        assert [(hit.id, hit.score) for hit in blended] == [(hit.id, hit.score) for hit in alone]


def test_a_scan_shows_every_product_once_in_order(filled: Filled) -> None:
    index, shop = filled
    query = VectorQuery(shop, image=IMAGE, k=40)
    page = index.search(query)
    shown = [hit.id for hit in page.hits]
    while page.next:
        page = index.search(replace(query, cursor=page.next))
        shown += [hit.id for hit in page.hits]
    assert shown == [id for id, _ in Oracle(shelf.MODEL, ITEMS).ranked(query)]


def test_the_highest_revision_wins_and_a_deletion_stays(filled: Filled, container: ContainerProxy) -> None:
    index, shop = filled
    query = VectorQuery(shop, image=IMAGE, k=3)
    first = index.search(query).hits[0].id
    product = next(item for item in ITEMS if item.id == first)
    index.delete(shop, [Removal(first, 5)])
    for revision in (1, 5):
        index.upsert(shop, [replace(product, revision=revision)])
        assert first not in {hit.id for hit in index.search(query).hits}
    index.upsert(shop, [replace(product, revision=6)])
    assert index.search(query).hits[0].id == first
    assert container.read_item(first, shop)["revision"] == 6


def test_a_rebuild_marks_a_version_removes_what_was_not_given_and_refuses_another_model(
    filled: Filled, database: DatabaseProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    index, shop = filled
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + TOMBSTONE_S + 60)
    assert index.stats(shop).rebuild_due == "first"
    build = index.begin(shop)
    build.add(ITEMS[:100])
    made = index.publish(build)
    assert (made.engine, made.count) == ("cosmos", 100)
    page = index.search(VectorQuery(shop, image=IMAGE))
    assert (page.index_version, page.total) == (made.version, 100)
    assert index.merge(shop).parent == made.version
    with pytest.raises(VersionNotFound):
        index.rollback(shop, made.version)
    other = CosmosIndex(database, lambda: shelf.OTHER)
    with pytest.raises(IndexModelMismatch):
        other.search(VectorQuery(shop, image=IMAGE))
    assert other.stats(shop).rebuild_due == "model"
    assert index.caps.words and not index.caps.pinned
