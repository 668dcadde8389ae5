"""One fixture, `store`: SQLite, Cosmos DB by its emulator, and any account named in `COSMOS_ENDPOINT`."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any
from uuid import uuid4

import pytest

from shared.documents import Container, DocumentStore

CONTAINERS = {
    c.name: c
    for c in (
        Container("studio"),
        Container("accounts", "id"),
        Container("brief", ttl=1, indexed=False),
        Container("keyed", unique=("email", "profile.handle")),
    )
}


@pytest.fixture(scope="session")
def emulator(cosmos: dict[str, Any]) -> Generator[DocumentStore]:
    """The Cosmos adapter on the emulator."""
    from shared.documents.cosmos import connect

    store = connect(cosmos["endpoint"], cosmos["key"], database="contract", create=True, containers=CONTAINERS)
    yield store
    store.close()


@pytest.fixture(scope="session")
def account() -> Generator[DocumentStore]:
    """The Cosmos adapter on a real account, in a separate database."""
    endpoint = os.environ["COSMOS_ENDPOINT"]
    from azure.cosmos import CosmosClient

    from shared.documents.cosmos import connect

    key = os.environ["COSMOS_KEY"]
    database = f"contract-{uuid4().hex[:12]}"
    store = connect(endpoint, key, database=database, create=True, containers=CONTAINERS)
    yield store
    store.close()
    with CosmosClient(endpoint, key) as client:
        client.delete_database(database)


EMULATOR = pytest.param("emulator", marks=pytest.mark.processes)
STORES = ["sqlite", EMULATOR, *(["account"] if os.environ.get("COSMOS_ENDPOINT") else [])]


@pytest.fixture(scope="session")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Generator[DocumentStore]:
    """SQLite in a file."""
    from shared.documents.sqlite import SqliteStore

    store = SqliteStore(tmp_path_factory.mktemp("contract") / "documents.db", containers=CONTAINERS)
    yield store
    store.close()


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> DocumentStore:
    """Each store in turn, with what other tests have left in other partitions."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def user() -> str:
    """A partition that no other test writes to."""
    return f"user-{uuid4().hex[:12]}"
