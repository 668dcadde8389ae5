"""An engine over a fresh shop."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator

import index_shelf as shelf
import pytest

from functions.search.engine.items import Model
from functions.search.engine.local import LocalIndex


@pytest.fixture
def shop(change: Callable[..., None], tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a shop that is not used yet; every search looks for news."""
    from functions.search.engine import versions

    change(INDEX_CACHE_DIR=str(tmp_path_factory.mktemp("indexes")), INDEX_POLL_S="0")
    versions._root.cache_clear()
    return f"shop-{secrets.token_hex(4)}"


@pytest.fixture
def index(shop: str) -> Iterator[LocalIndex]:
    yield LocalIndex(lambda: shelf.MODEL)


@pytest.fixture
def worker(shop: str) -> Callable[..., LocalIndex]:
    """Makes further workers of the same shop: `worker(model)`."""

    def make(model: Model = shelf.MODEL, **options: int) -> LocalIndex:
        return LocalIndex(lambda: model, **options)

    return make
