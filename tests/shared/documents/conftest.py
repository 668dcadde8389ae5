"""One fixture, `store`: SQLite, Cosmos DB by its stand-in, and any account named in `COSMOS_ENDPOINT`."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from uuid import uuid4

import cosmos_stand_in
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
def stand_in() -> Generator[DocumentStore]:
    """The Cosmos adapter on the stand-in."""
    cli = cosmos_stand_in.installed()
    if cli is None:
        pytest.skip("the Cosmos DB stand-in is not installed: npm ci")
    from shared.documents.cosmos import connect

    with cosmos_stand_in.running(cli) as endpoint:
        store = connect(
            endpoint,
            cosmos_stand_in.KEY,
            database="studio",
            verify_tls=False,
            create=True,
            containers=CONTAINERS,
        )
        yield store
        store.close()


@pytest.fixture(scope="session")
def account() -> Generator[DocumentStore]:
    """The Cosmos adapter on a real account, in a database of its own."""
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


STORES = ["sqlite", "stand_in", *(["account"] if os.environ.get("COSMOS_ENDPOINT") else [])]


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[DocumentStore]:
    """Each store in turn; the stand-in's known deviations are strict expected failures."""
    if request.param != "sqlite":
        if request.param == "stand_in":
            name = request.node.originalname
            if name in cosmos_stand_in.DEVIATIONS:
                reason = cosmos_stand_in.DEVIATIONS[name]
                request.applymarker(pytest.mark.xfail(reason=reason, strict=True))
        yield request.getfixturevalue(request.param)
        return
    from shared.documents.sqlite import SqliteStore

    store = SqliteStore(tmp_path / "documents.db", containers=CONTAINERS)
    yield store
    store.close()


@pytest.fixture
def user() -> str:
    """A partition nobody else writes to."""
    return f"user-{uuid4().hex[:12]}"
