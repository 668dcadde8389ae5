"""What both clients are tested with: a key made through the API, photos, and the clients themselves."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from demo.client import Client
from emulators.stack import ROOT


@pytest.fixture
def python_client(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The package as it is published, without its generated types: it works without them."""
    monkeypatch.syspath_prepend(str(ROOT / "clients/python/src"))
    yield importlib.import_module("ai_fashion_studio")
    for name in [name for name in sys.modules if name.partition(".")[0] == "ai_fashion_studio"]:
        del sys.modules[name]


@pytest.fixture
def key(sign_up: Callable[..., Client]) -> str:
    """A secret key for try-ons and webhooks, of a new user."""
    wanted = {"name": "shop server", "scopes": ["tryon", "webhooks"]}
    return sign_up().call("POST", "api-keys", json=wanted)["key"]


@pytest.fixture
def vendor(sign_up: Callable[..., Client]) -> Client:
    """A new vendor."""
    return sign_up("vendor")


@pytest.fixture
def vendor_key(vendor: Client) -> str:
    """A secret key of that vendor, for the catalogue."""
    return vendor.call("POST", "api-keys", json={"name": "shop server", "scopes": ["catalogue"]})["key"]


@pytest.fixture
def photos(tmp_path: Path) -> tuple[Path, Path]:
    """A drawn person and a drawn garment as files."""
    sys.path.insert(0, str(ROOT / "tests/web"))
    try:
        from pictures import garment_photo, person_photo
    finally:
        sys.path.pop(0)
    person, garment = tmp_path / "person.jpg", tmp_path / "garment.jpg"
    person.write_bytes(person_photo())
    garment.write_bytes(garment_photo())
    return person, garment
