"""What the search index has of products: read from its documents, which the search writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shared.documents import store

CONTAINER = "embeddings"


def seqs(vendor: str, products: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """The journal number of each product whose present revision is in the index."""
    found: dict[str, int] = {}
    for product in products:
        entry = store().find(CONTAINER, product["id"], vendor)
        if entry is not None and entry["seq"] is not None and entry["revision"] == product["revision"]:
            found[product["id"]] = entry["seq"]
    return found
