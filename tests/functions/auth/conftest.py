"""The room on an empty store, and a user in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from http_calls import EMAIL, PASSWORD, Answered, App, fresh_store

from shared.documents import Document


@pytest.fixture(autouse=True)
def change_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """A separate store for each test; the value changes settings."""
    with fresh_store(tmp_path, monkeypatch) as change:
        yield change


@pytest.fixture(scope="session")
def call() -> App:
    """The functions of the room, called through the adapter."""
    return App.of("auth")


@pytest.fixture
def register(call: App) -> Callable[..., Answered]:
    """Registers `EMAIL` with `PASSWORD`, or as said."""

    def register(**fields: Any) -> Answered:
        return call("auth_register", {"email": EMAIL, "password": PASSWORD, **fields})

    return register


@pytest.fixture
def ada(register: Callable[..., Answered]) -> dict[str, Any]:
    """A registered user: {user, tokens}."""
    return register().body


@pytest.fixture
def login(call: App) -> Callable[..., Answered]:
    """Signs `EMAIL` in with `PASSWORD`, or as said."""

    def login(email: str = EMAIL, password: str = PASSWORD) -> Answered:
        return call("auth_login", {"email": email, "password": password})

    return login


@pytest.fixture
def audit() -> Callable[..., list[Document]]:
    """The audit entries of a user, oldest first: `audit(user_id)`, `audit(user_id, "LOGIN")`."""
    from shared.documents import Where, store

    def entries(user_id: str, action: str | None = None) -> list[Document]:
        where = [Where("action", "=", action)] if action else []
        return store().query("audit", *where, partition=user_id, order_by="id").items

    return entries
