"""Receipts of writes: how a store knows, after a lost answer, whether its write was done.

One item of every write carries a fresh id under `_write`, which `CosmosStore` removes from results. A writer that finds
its own id there knows that the whole write was done, as a batch is done as a whole. Another id, or none, proves
nothing: the write may not have been done, still be under way, or have been followed by another.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from shared.documents.checks import MAX_PATCHES, RECEIPT
from shared.documents.store import Create, Delete, Operation, Patch, Replace, Upsert
from shared.documents.values import MAX_BYTES

RECEIPT_BYTES: Final = 40


@dataclass(frozen=True)
class Receipt:
    """The id of a write, and the id of the item that carries it."""

    write_id: str
    item_id: str

    def is_on(self, item: dict[str, Any]) -> bool:
        """Whether the last write of this item was the one of this receipt."""
        return item.get(RECEIPT) == self.write_id


def item_id(operation: Operation) -> str:
    """The id of the item that an operation writes."""
    match operation:
        case Create(item) | Upsert(item) | Replace(item):
            return str(item["id"])
        case Patch(id=id) | Delete(id=id):
            return id


def with_receipt(operations: Sequence[Operation], size: int) -> tuple[list[Operation], Receipt | None]:
    """The operations, the last one that can carry it with a receipt; None where none can.

    Args:
        size: bytes of JSON that they carry; at the limit of 2 MB there is no room.
    """
    made = list(operations)
    if size + RECEIPT_BYTES > MAX_BYTES:
        return made, None
    changed: set[str] = set()
    for index in range(len(made) - 1, -1, -1):
        operation, id = made[index], item_id(made[index])
        if id in changed:
            continue
        changed.add(id)
        write_id = secrets.token_urlsafe(16)
        match operation:
            case Create(item) | Upsert(item) | Replace(item):
                made[index] = operation._replace(item={**item, RECEIPT: write_id})
            case Patch() if _changes(operation) < MAX_PATCHES:
                made[index] = operation._replace(set={**(operation.set or {}), RECEIPT: write_id})
            case _:
                continue
        return made, Receipt(write_id, id)
    return made, None


def _changes(patch: Patch) -> int:
    return len(patch.set or {}) + len(patch.incr or {}) + len(patch.remove or ())
