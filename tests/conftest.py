"""What many rooms' tests stand on: storage, the product code in this process, and the whole stack."""

from __future__ import annotations

import gc
import os
import secrets
import socket
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from leaks import leaks
from quick import PATIENCE_S, QUICK
from storage_clients import forget_other_storage

from cli.suite.selection import ignored, may_need
from demo.accounts import administrator, create_account
from demo.client import Client
from emulators.azurite import Azurite
from emulators.launch import launch, launch_together
from emulators.stack import PROVIDERS, Stack

# A busy machine is no finding: neither how long an example takes nor how long it takes to make one.
hypothesis_settings.register_profile("studio", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("studio")

STARTED_BY_FIXTURES = {"azurite", "all_emulated", "cosmos", "stack"}
"""Fixtures that start processes; every test that uses one is marked."""
_may_start_processes = True
_environment = dict(os.environ)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Read no file whose tests are all left out, by a mark or by their names."""
    if collection_path.suffix != ".py" or not collection_path.name.startswith("test_"):
        return None
    return ignored(collection_path, config.option.markexpr, config.option.keyword) or None


def pytest_configure() -> None:
    """Fail tests that start a process and lack the mark: `./studio test --quick` would run them."""
    sys.addaudithook(_refuse_processes)


def _refuse_processes(event: str, _arguments: object) -> None:
    if event in ("subprocess.Popen", "os.fork") and not _may_start_processes:
        raise RuntimeError("this test starts a process: give it @pytest.mark.processes")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect without the garbage collector, and leave what has been collected out of its later rounds: nearly all of
    it stays until the end, and walking through it was a third of the collection's processor time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, object, object]:
    """Let marked tests, and what lies between tests, start processes; give no file the environment of another one."""
    global _may_start_processes
    _may_start_processes = item.get_closest_marker("processes") is not None
    try:
        return (yield)
    finally:
        _may_start_processes = True
        if nextitem is None or nextitem.path != item.path:
            _restore_environment()


def _restore_environment() -> None:
    """Undo what product code that was called here has set: the host's settings, those of a stack that runs. What
    configures libvips is set once, by the module that imports it."""
    for name in [*os.environ]:
        if name not in _environment and not name.startswith("VIPS_"):
            del os.environ[name]
    for name, value in _environment.items():
        os.environ[name] = value


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests that need processes; those on the shared stack are run by one test process."""
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if "stack" in fixtures and not may_need(item.path, "stack"):
            raise pytest.UsageError(f"{item.path}: cli/suite/selection.py does not see that it needs the stack")
        if fixtures & STARTED_BY_FIXTURES:
            item.add_marker(pytest.mark.processes)


def forget_factories() -> None:
    """Drop the cached clients and settings of the product code in this process; those of storage if it is another."""
    from functions.paypal_webhook import certificates, trust
    from functions.tryon import hosted
    from shared import blobs, settings
    from shared.accounts.api_keys import api_key_cache
    from shared.accounts.cache import account_cache
    from shared.commerce import paypal
    from shared.documents import store
    from shared.notifications.email_client import email_client
    from shared.notifications.push import hub
    from shared.vto import client as vto

    forget_other_storage()
    for cached in (store, blobs._delegation_key, email_client, vto.client, hub, paypal.client):
        cached.cache_clear()
    trust.forget()
    hosted.forget()
    settings.forget()
    account_cache.clear()
    api_key_cache.clear()
    certificates.forget()


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """Azurite, in memory, for the whole session."""
    with Azurite() as storage:
        yield storage


@pytest.fixture(scope="session")
def cosmos() -> Iterator[dict[str, Any]]:
    """The start-up facts of a Cosmos DB emulator without a budget of request units."""
    with launch("cosmos", "--throughput", "0") as facts:
        yield facts


@pytest.fixture(scope="session")
def all_emulated() -> Iterator[dict[str, dict[str, Any]]]:
    """The start-up facts of the emulators of all providers, by name."""
    with launch_together(dict.fromkeys(PROVIDERS, 0)) as facts:
        yield facts


@pytest.fixture(scope="module")
def emulated(all_emulated: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The emulators of all providers, empty and without faults when a file begins: a test process starts them once."""
    for facts in all_emulated.values():
        requests.post(f"{facts['url']}/_emulator/reset", timeout=PATIENCE_S).raise_for_status()
    return all_emulated


@pytest.fixture
def documents(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """Settings of a fresh document store: SQLite, or what `stores.both_stores` asks for."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return {"DOCUMENTS": f"sqlite:{tmp_path / 'documents.sqlite'}"}
    from shared.documents.cosmos import connect

    facts = request.getfixturevalue("cosmos")
    endpoint, key, database = facts["endpoint"], facts["key"], f"test-{secrets.token_hex(6)}"
    connect(endpoint, key, database=database, create=True).close()
    return {
        "DOCUMENTS": "cosmos",
        "COSMOS_ENDPOINT": endpoint,
        "COSMOS_KEY": key,
        "COSMOS_DATABASE": database,
    }


@pytest.fixture
def local(azurite: Azurite, documents: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """The product code in this process: a fresh document store, Azurite, short waits. Yields the settings."""
    settings = {
        **QUICK,
        "ENVIRONMENT": "development",
        "Storage": azurite.connection_string,
        **documents,
        "JWT_KEYS": '{"k1": "development-only-key-that-no-production-will-take"}',
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    forget_factories()
    yield settings
    forget_factories()


@pytest.fixture
def change(local: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Changes settings of the product code in this process: `change(READ_URL_MINUTES="7")`."""

    def change(**settings: str) -> None:
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        forget_factories()

    return change


@pytest.fixture(scope="session")
def page_port() -> int:
    """A free port for the studio page in front of the shared stack."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.fixture(scope="session")
def stack(page_port: int) -> Iterator[Stack]:
    """The whole system with two instances of the app, shared by all tests that talk to it over HTTP.

    Browsers may call it from one origin, as in Azure: that of `page_port` on this machine, where the studio page is.
    Whatever the tests did, nothing secret and no address of a person may be in its log at the end.
    """
    page = f"http://127.0.0.1:{page_port}"
    with Stack(workers=2, settings={**QUICK, "ALLOWED_ORIGINS": page, "APP_URL": page}) as running:
        yield running
        found = leaks(running.log.read_text(errors="replace"))
    assert not found, found[:5]


@pytest.fixture
def sign_up(stack: Stack, admin: Client) -> Callable[..., Client]:
    """Makes users of the shared stack whose address and phone number are confirmed: `sign_up(role="vendor", phone=...)`
    gives a signed-in client."""

    def register(role: str = "shopper", **fields: Any) -> Client:
        fields.setdefault("phone", f"+1555{secrets.randbelow(10**7):07d}")
        return create_account(stack, role, admin=admin, **fields)

    return register


@pytest.fixture(scope="session")
def admin(stack: Stack) -> Client:
    """An administrator of the shared stack."""
    return administrator(stack)


@pytest.fixture
def inside(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """The product code in this process, on the documents, blobs and queues of the shared stack."""
    import json

    from emulators.stack import ROOT

    common = json.loads((ROOT / "local.settings.example.json").read_text())["Values"]
    for name, value in {**common, **stack.settings}.items():
        monkeypatch.setenv(name, value)
    forget_factories()
    yield stack
    forget_factories()
