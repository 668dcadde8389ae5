"""A separate shop for every test of search."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from market import Market

from shared.jobs import queues


@pytest.fixture
def market(
    change: Callable[..., None], documents: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Market]:
    """A shop without products, in this process; every search looks for news. On Cosmos DB it searches there, too."""
    from functions.search import engine
    from functions.search.engine import versions

    where = "cosmos" if documents["DOCUMENTS"] == "cosmos" else "faiss"
    change(INDEX_CACHE_DIR=str(tmp_path_factory.mktemp("indexes")), INDEX_POLL_S="0", SEARCH_ENGINE=where)
    versions._root.cache_clear()
    engine.index.cache_clear()
    for queue in (queues.INDEX, queues.REBUILD):
        queues.client(queue).clear_messages()
    yield Market()
    engine.index.cache_clear()
    versions._root.cache_clear()
