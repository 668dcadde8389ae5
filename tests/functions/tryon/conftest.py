"""Try-on in this process, with its own storage and a real container with the tests' tiny engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shared.vto import client as vto
from tests.functions.tryon.tryon_shopper import TOKEN, Container, Shopper


@pytest.fixture(scope="session")
def container(azurite: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    """One container for all tests; a test that kills it starts it again."""
    running = Container(azurite.connection_string, tmp_path_factory.mktemp("vto") / "vto.log")
    yield running
    running.kill()


@pytest.fixture
def configure(change: Callable[..., None]) -> Callable[..., None]:
    """Changes settings, also of the container's client."""

    def configure(**settings: str) -> None:
        change(**settings)
        vto.client.cache_clear()

    return configure


@pytest.fixture
def shopper(container: Container, configure: Callable[..., None]) -> Iterator[Shopper]:
    """See `Shopper`."""
    container.start()
    configure(VTO_URL=container.url, VTO_TOKEN=TOKEN, TRYON_ENGINES='["tiny", "bare"]', VTO_PATIENCE_S="0")
    yield Shopper(container)
    vto.client.cache_clear()
