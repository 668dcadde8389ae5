"""The shape of what a client defines: which properties are objects, arrays, texts or numbers."""

from __future__ import annotations

from collections.abc import Mapping
from types import UnionType
from typing import Any, Final

from emulators.cosmos.errors import BadRequest
from emulators.cosmos.json_types import is_array, is_object

type Shape = type | UnionType | Mapping[str, Shape] | list[Shape]
"""A type, the properties of an object (all optional, others may be there), or what all items of an array are."""

_PATHS: Final[list[Shape]] = [{"path": str}]
CONTAINER: Final[Mapping[str, Shape]] = {
    "id": str,
    "partitionKey": {"paths": [str], "kind": str, "version": int},
    "indexingPolicy": {
        "indexingMode": str,
        "automatic": bool,
        "includedPaths": _PATHS,
        "excludedPaths": _PATHS,
        "compositeIndexes": [[{"path": str, "order": str}]],
        "spatialIndexes": _PATHS,
        "vectorIndexes": [{"quantizationByteSize": int, "indexingSearchListSize": int}],
    },
    "defaultTtl": int,
    "uniqueKeyPolicy": {"uniqueKeys": [{"paths": [str]}]},
    "vectorEmbeddingPolicy": {"vectorEmbeddings": [{}]},
    "changeFeedPolicy": {},
    "fullTextPolicy": {},
    "conflictResolutionPolicy": {},
    "computedProperties": [{}],
}


def check(value: Any, shape: Shape, name: str) -> None:
    """Raises `BadRequest`: `value`, called `name` in the message, has another shape."""
    if isinstance(shape, Mapping):
        if not is_object(value):
            raise BadRequest(f"The property '{name}' must be an object.")
        for key, inner in shape.items():
            if key in value:
                check(value[key], inner, key)
    elif isinstance(shape, list):
        if not is_array(value):
            raise BadRequest(f"The property '{name}' must be an array.")
        for item in value:
            check(item, shape[0], name)
    elif not isinstance(value, shape) or (shape is int and isinstance(value, bool)):
        raise BadRequest(f"The property '{name}' has a value of the wrong type.")
