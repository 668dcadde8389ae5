"""The Cosmos adapter's client, used by many threads at the same time as the app uses it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from azure.cosmos import ContainerProxy, CosmosClient, PartitionKey

from shared.documents.cosmos_client import make_client

pytestmark = pytest.mark.processes

THREADS = 24


@pytest.fixture
def client(cosmos: dict[str, Any]) -> Iterator[CosmosClient]:
    with make_client(cosmos["endpoint"], cosmos["key"]) as client:
        yield client


@pytest.fixture
def items(client: CosmosClient) -> ContainerProxy:
    database = client.create_database(f"d{uuid4().hex[:8]}")
    items = database.create_container("items", PartitionKey("/userId"))
    items.create_item({"id": "kept", "userId": "ada"})
    return items


def find(items: ContainerProxy) -> list[dict[str, Any]]:
    return list(items.query_items("SELECT * FROM c", partition_key="ada"))


def test_a_call_of_another_thread_leaves_the_headers_of_a_query_alone(
    client: CosmosClient, items: ContainerProxy
) -> None:
    """The SDK copies them at the end of a query. It kept those of one thread for all, and each call added to them."""
    assert find(items)
    headers = client.client_connection.last_response_headers
    before = dict(headers)
    with ThreadPoolExecutor(1) as other:
        other.submit(items.read_item, "kept", "ada").result()
        assert other.submit(lambda: client.client_connection.last_response_headers).result() is not headers
    assert client.client_connection.last_response_headers is headers
    assert dict(headers) == before


def test_connections_of_many_threads_are_kept(items: ContainerProxy, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "urllib3.connectionpool"), ThreadPoolExecutor(THREADS) as threads:
        found = list(threads.map(find, [items] * 10 * THREADS))
    assert len(found) == 10 * THREADS
    assert not caplog.messages
