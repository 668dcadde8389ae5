"""Tests that run on both document stores, and the store of a running stack."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from shared.documents import DocumentStore

COSMOS = pytest.param("cosmos", marks=pytest.mark.processes)

both_stores = pytest.mark.parametrize("documents", ["sqlite", COSMOS], indirect=True)
"""Runs a test that uses `local` on SQLite and on the Cosmos DB emulator."""
on_cosmos = pytest.mark.parametrize("documents", [COSMOS], indirect=True)
"""Runs a test that uses `local` on the Cosmos DB emulator only."""


def store_of(settings: Mapping[str, str]) -> DocumentStore:
    """The documents that an app with these settings uses."""
    kind, _, path = settings["DOCUMENTS"].partition(":")
    if kind == "sqlite":
        from shared.documents.sqlite import SqliteStore

        return SqliteStore(path)
    from shared.documents.cosmos import connect

    database = settings.get("COSMOS_DATABASE", "studio")
    return connect(settings["COSMOS_ENDPOINT"], settings["COSMOS_KEY"], database=database)
