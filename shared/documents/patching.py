"""A patch applied to an item, as Cosmos DB applies it."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, cast

from shared.documents.values import InvalidOperation

if TYPE_CHECKING:
    from shared.documents.store import Patch


def apply_patch(item: dict[str, Any], patch: Patch) -> dict[str, Any]:
    """The item after `set`, then `incr`, then `remove`; the argument itself is changed too.

    Raises:
        InvalidOperation: if a parent object or a field to remove is missing, or a field to add to is no
            number.
    """
    for field, value in (patch.set or {}).items():
        parent, name = _parent(item, field)
        parent[name] = copy.deepcopy(value)
    for field, amount in (patch.incr or {}).items():
        parent, name = _parent(item, field)
        old = parent.get(name, 0)
        if isinstance(old, bool) or not isinstance(old, int | float):
            raise InvalidOperation("incr needs a number", field=field)
        parent[name] = old + amount
    for field in patch.remove or ():
        parent, name = _parent(item, field)
        if name not in parent:
            raise InvalidOperation("nothing to remove", field=field)
        del parent[name]
    return item


def _parent(item: dict[str, Any], field: str) -> tuple[dict[str, Any], str]:
    *path, name = field.split(".")
    parent: object = item
    for segment in path:
        parent = parent.get(segment) if isinstance(parent, dict) else None
    if not isinstance(parent, dict):
        raise InvalidOperation("the parent object does not exist", field=field)
    return cast("dict[str, Any]", parent), name
