"""An account of the emulator and a container in it, by the real SDK."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Any
from uuid import uuid4

import pytest
from azure.cosmos import ContainerProxy, CosmosClient, DatabaseProxy, PartitionKey


@pytest.fixture(scope="session")
def account(cosmos: dict[str, Any]) -> dict[str, Any]:
    """The facts of an emulator without a budget."""
    return cosmos


@pytest.fixture(scope="session")
def database(account: dict[str, Any]) -> Iterator[DatabaseProxy]:
    with CosmosClient(account["endpoint"], account["key"]) as client:
        yield client.create_database("tests")


@pytest.fixture
def make(database: DatabaseProxy) -> Generator[Callable[..., ContainerProxy]]:
    """Makes containers: `make(path="/pk", default_ttl=...)`; `version` is that of the partition key."""

    def create(path: str | list[str] = "/pk", version: int = 2, **options: Any) -> ContainerProxy:
        key = PartitionKey(path, version=version)
        return database.create_container(f"c-{uuid4().hex[:10]}", key, **options)

    return create


@pytest.fixture
def container(make: Callable[..., ContainerProxy]) -> ContainerProxy:
    return make()
