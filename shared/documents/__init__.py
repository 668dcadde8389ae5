"""The document store: one port, SQLite on one machine, Cosmos DB in Azure."""

from __future__ import annotations

import threading

from shared import startup
from shared.documents.containers import CONTAINERS, Container
from shared.documents.store import (
    Create,
    Delete,
    Document,
    DocumentStore,
    Operation,
    Page,
    Patch,
    Replace,
    Upsert,
    Where,
)
from shared.documents.values import DocumentTooLarge, InvalidOperation
from shared.errors import ConfigurationError

__all__ = [
    "CONTAINERS",
    "Container",
    "Create",
    "Delete",
    "Document",
    "DocumentStore",
    "DocumentTooLarge",
    "InvalidOperation",
    "Operation",
    "Page",
    "Patch",
    "Replace",
    "Upsert",
    "Where",
    "store",
]


class _Store:
    """The store that the settings name, opened once, however many threads ask for it first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._opened: DocumentStore | None = None

    def __call__(self) -> DocumentStore:
        """The store, one per process.

        `documents` is `sqlite:PATH` or `cosmos`; the latter reads `cosmos_endpoint`, `cosmos_key` (without it:
        the identity of the machine), `cosmos_database`, `cosmos_verify_tls` and `cosmos_create`.

        Raises:
            ConfigurationError: if `documents` is neither, or the endpoint is missing.
        """
        opened = self._opened
        if opened is None:
            with self._lock, startup.importing("store"):
                opened = self._opened = self._opened or _open()
        return opened

    def cache_clear(self) -> None:
        """Forget the store: the next call opens another."""
        self._lock, self._opened = threading.Lock(), None


store = _Store()


def _open() -> DocumentStore:
    from shared.settings import settings

    configured = settings()
    kind, _, path = configured.documents.partition(":")
    if kind == "sqlite" and path:
        from shared.documents.sqlite import SqliteStore

        return SqliteStore(path)
    if configured.documents != "cosmos":
        raise ConfigurationError("DOCUMENTS must be sqlite:PATH or cosmos")
    if not configured.cosmos_endpoint:
        raise ConfigurationError("COSMOS_ENDPOINT is missing")
    from shared.documents.cosmos import connect

    key = configured.cosmos_key
    return connect(
        configured.cosmos_endpoint,
        key.get_secret_value() if key is not None else None,
        database=configured.cosmos_database,
        verify_tls=configured.cosmos_verify_tls,
        create=configured.cosmos_create,
    )
