"""Operations both adapters refuse before they talk to their database, so that they refuse the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shared.documents.containers import Container
from shared.documents.store import Delete, Operation, Patch
from shared.documents.values import (
    MAX_BYTES,
    DocumentTooLarge,
    InvalidOperation,
    check_field,
    check_partition,
    check_ttl,
    dump,
    kind,
    valid_id,
)
from shared.errors import BatchFailed, StoreError

MAX_PATCHES = 10
MAX_OPERATIONS = 100

RECEIPT = "_write"
"""The field of the receipt of a write (`cosmos_receipts`)."""
SYSTEM_FIELDS = frozenset({"_etag", "_ts", "_rid", "_self", "_attachments", "_lsn", "_metadata", RECEIPT})


def check_item(container: Container, item: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of the item without system fields, after checking id, partition key and ttl."""
    copy = {name: value for name, value in item.items() if name not in SYSTEM_FIELDS}
    id = copy.get("id")
    if not isinstance(id, str) or not valid_id(id):
        raise InvalidOperation("id must be a string without / \\ ? # and control characters", field="id")
    check_partition(copy.get(container.partition_key))
    check_ttl(copy)
    return copy


def check_patch(container: Container, patch: Patch) -> int:
    """Refuse a patch beyond the limits, or of the id or partition key; returns the bytes it sets."""
    fields = [*(patch.set or {}), *(patch.incr or {}), *(patch.remove or ())]
    if not 1 <= len(fields) <= MAX_PATCHES:
        raise InvalidOperation(f"a patch holds 1 to {MAX_PATCHES} changes, not {len(fields)}")
    for field in fields:
        if check_field(field)[0] in ("id", container.partition_key):
            raise InvalidOperation("the id and the partition key can't be changed", field=field)
    for field, value in (patch.incr or {}).items():
        if kind(value) != "number":
            raise InvalidOperation("incr takes a number", field=field)
    check_ttl(patch.set or {})
    return len(dump(patch.set or {}).encode())


def check_operations(
    container: Container, partition: str, operations: Sequence[Operation]
) -> tuple[list[Operation], int]:
    """The operations of a batch with their items freed of system fields, after checking each of them, and the bytes of
    JSON that they carry.

    Raises:
        InvalidOperation: if there are none or more than 100.
        BatchFailed: with the index of the first operation that can't be done, whatever is stored.
    """
    if not 1 <= len(operations) <= MAX_OPERATIONS:
        raise InvalidOperation(f"a batch holds 1 to {MAX_OPERATIONS} operations, not {len(operations)}")
    check_partition(partition)
    checked: list[Operation] = []
    size = 0
    for index, operation in enumerate(operations):
        try:
            clean, written = check_operation(container, partition, operation)
            size += written
            if size > MAX_BYTES:
                raise DocumentTooLarge(f"a batch holds at most {MAX_BYTES} bytes of JSON")
        except StoreError as error:
            raise BatchFailed(index, error) from error
        checked.append(clean)
    return checked, size


def check_operation(container: Container, partition: str | None, operation: Operation) -> tuple[Operation, int]:
    """The operation with its item freed of system fields, and the bytes of JSON it carries.

    Args:
        partition: the partition an item must belong to; None for any.
    """
    if isinstance(operation, Patch):
        return operation, check_patch(container, operation)
    if isinstance(operation, Delete):
        return operation, 0
    item = check_item(container, operation.item)
    if partition is not None and item[container.partition_key] != partition:
        raise InvalidOperation("the item belongs to another partition", field=container.partition_key)
    return operation._replace(item=item), len(dump(item).encode())
