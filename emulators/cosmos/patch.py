"""Partial updates of an item: add, set, replace, remove, increment and move.

Source: learn.microsoft.com/cosmos-db/partial-document-update.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, Final

from emulators.cosmos.errors import BadRequest
from emulators.cosmos.json_types import is_array, is_object
from emulators.cosmos.sql.values import UNDEFINED, plain

MAX_OPERATIONS: Final = 10
SYSTEM: Final = ("_rid", "_self", "_etag", "_attachments", "_ts")


def apply(
    item: dict[str, Any], operations: Sequence[Mapping[str, Any]], keys: Sequence[Sequence[str]]
) -> dict[str, Any]:
    """The item after all operations, in order; the argument stays as it is.

    Args:
        keys: paths of the partition key, which can't be changed.

    Raises:
        BadRequest: an operation can't be made.
    """
    if not operations:
        raise BadRequest("The patch contains no operation.")
    if len(operations) > MAX_OPERATIONS:
        raise BadRequest(f"The number of patch operations can't exceed '{MAX_OPERATIONS}'.")
    made = copy.deepcopy(item)
    for operation in operations:
        if not is_object(operation):
            raise BadRequest("A patch operation must be an object.")
        path = _path(operation.get("path"), keys)
        match operation.get("op"):
            case "add":
                _add(made, path, _value(operation))
            case "set":
                _set(made, path, _value(operation))
            case "replace":
                _replace(made, path, _value(operation))
            case "remove":
                _remove(made, path)
            case "incr" | "increment":
                _increment(made, path, _value(operation))
            case "move":
                source = _path(operation.get("from"), keys)
                value = _get(made, source)
                _remove(made, source)
                _set(made, path, value)
            case other:
                raise BadRequest(f"The patch operation '{other}' is not supported.")
    return made


def _value(operation: Mapping[str, Any]) -> Any:
    if "value" not in operation:
        raise BadRequest(f"The patch operation '{operation.get('op')}' needs a value.")
    return copy.deepcopy(operation["value"])


def _path(path: object, keys: Sequence[Sequence[str]]) -> list[str]:
    if not isinstance(path, str) or not path.startswith("/") or path == "/":
        raise BadRequest("A patch path must start with '/' and name a property.")
    segments = [segment.replace("~1", "/").replace("~0", "~") for segment in path[1:].split("/")]
    if segments[0] in SYSTEM or segments == ["id"] or any(segments == list(key) for key in keys):
        raise BadRequest(
            f"The path '{path}' is a system property, the id or the partition key, which can't be changed."
        )
    return segments


def _parent(item: Any, path: list[str]) -> Any:
    for segment in path[:-1]:
        if is_array(item):
            item = item[_index(item, segment, len(item) - 1)]
        elif is_object(item) and segment in item:
            item = item[segment]
        else:
            raise BadRequest(f"The patch path '/{'/'.join(path)}' has a parent that does not exist.")
    if not (is_array(item) or is_object(item)):
        raise BadRequest(f"The patch path '/{'/'.join(path)}' has a parent that is neither object nor array.")
    return item


def _index(items: list[Any], segment: str, last: int) -> int:
    if not segment.isdecimal() or int(segment) > last:
        raise BadRequest(f"The array index '{segment}' is out of range.")
    return int(segment)


def _get(item: Any, path: list[str]) -> Any:
    parent = _parent(item, path)
    if is_array(parent):
        return parent[_index(parent, path[-1], len(parent) - 1)]
    if path[-1] not in parent:
        raise BadRequest(f"The patch path '/{'/'.join(path)}' does not exist.")
    return parent[path[-1]]


def _add(item: Any, path: list[str], value: Any) -> None:
    parent = _parent(item, path)
    if is_array(parent):
        if path[-1] == "-":
            parent.append(value)
        else:
            parent.insert(_index(parent, path[-1], len(parent)), value)
    else:
        parent[path[-1]] = value


def _set(item: Any, path: list[str], value: Any) -> None:
    parent = _parent(item, path)
    if is_array(parent):
        if path[-1] == "-" or (path[-1].isdecimal() and int(path[-1]) == len(parent)):
            parent.append(value)
        else:
            parent[_index(parent, path[-1], len(parent) - 1)] = value
    else:
        parent[path[-1]] = value


def _replace(item: Any, path: list[str], value: Any) -> None:
    _get(item, path)
    _set(item, path, value)


def _remove(item: Any, path: list[str]) -> None:
    _get(item, path)
    parent = _parent(item, path)
    if is_array(parent):
        del parent[int(path[-1])]
    else:
        del parent[path[-1]]


def _increment(item: Any, path: list[str], value: Any) -> None:
    parent = _parent(item, path)
    if type(value) not in (int, float):
        raise BadRequest("The value of an increment must be a number.")
    if is_object(parent) and path[-1] not in parent:
        parent[path[-1]] = value
        return
    old = _get(item, path)
    if type(old) not in (int, float):
        raise BadRequest("Only a number can be incremented.")
    made = plain(old + value)
    if made is UNDEFINED:
        raise BadRequest("The sum is beyond the largest number.")
    _set(item, path, made)
