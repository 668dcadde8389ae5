"""Built-in functions of arrays, objects and vectors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from emulators.cosmos.json_types import is_array, is_object
from emulators.cosmos.sql.functions import define, is_number
from emulators.cosmos.sql.values import UNDEFINED, equal, whole

# Arrays and objects


def _partial(item: Any, wanted: Any) -> bool:
    if is_object(item) and is_object(wanted):
        return all(key in item and _partial(item[key], value) for key, value in wanted.items())
    return equal(item, wanted)


@define("ARRAY_CONTAINS", 2, 3)
def _array_contains(items: Any, wanted: Any, partial: Any = False) -> Any:
    if not is_array(items) or wanted is UNDEFINED:
        return UNDEFINED
    match = _partial if partial is True else equal
    return any(match(item, wanted) for item in items)


@define("ARRAY_CONTAINS_ANY", 2, 10_000)
def _array_contains_any(items: Any, *wanted: Any) -> Any:
    if not is_array(items):
        return UNDEFINED
    return any(equal(item, one) for item in items for one in wanted)


@define("ARRAY_CONTAINS_ALL", 2, 10_000)
def _array_contains_all(items: Any, *wanted: Any) -> Any:
    if not is_array(items):
        return UNDEFINED
    return all(any(equal(item, one) for item in items) for one in wanted)


@define("ARRAY_LENGTH", 1)
def _array_length(items: Any) -> Any:
    return len(items) if is_array(items) else UNDEFINED


@define("ARRAY_CONCAT", 2, 10_000)
def _array_concat(*arrays: Any) -> Any:
    return [item for array in arrays for item in array] if all(is_array(a) for a in arrays) else UNDEFINED


@define("ARRAY_SLICE", 2, 3)
def _array_slice(items: Any, start: Any, length: Any = None) -> Any:
    if not is_array(items) or not is_number(start) or not (length is None or is_number(length)):
        return UNDEFINED
    first = whole(start) if start >= 0 else max(0, len(items) + whole(start))
    return items[first:] if length is None else items[first : first + max(0, whole(length))]


@define("SETINTERSECT", 2)
def _set_intersect(left: Any, right: Any) -> Any:
    if not (is_array(left) and is_array(right)):
        return UNDEFINED
    return _distinct([item for item in left if any(equal(item, other) for other in right)])


@define("SETUNION", 2)
def _set_union(left: Any, right: Any) -> Any:
    return _distinct([*left, *right]) if is_array(left) and is_array(right) else UNDEFINED


def _distinct(items: list[Any]) -> list[Any]:
    kept: list[Any] = []
    for item in items:
        if not any(equal(item, other) for other in kept):
            kept.append(item)
    return kept


@define("OBJECTTOARRAY", 1)
def _object_to_array(value: Any) -> Any:
    return [{"k": key, "v": item} for key, item in value.items()] if is_object(value) else UNDEFINED


@define("CHOOSE", 2, 10_000)
def _choose(index: Any, *options: Any) -> Any:
    return options[int(index) - 1] if is_number(index) and 1 <= index <= len(options) else UNDEFINED


@define("IIF", 3)
def _iif(test: Any, then: Any, otherwise: Any) -> Any:
    return then if test is True else otherwise


# Vectors


@define("VECTORDISTANCE", 2, 4)
def vector_distance(left: Any, right: Any, exact: Any = False, options: Any = None) -> Any:
    """The distance or similarity of two vectors, by `distanceFunction` of the options: cosine by default."""
    if not (_vector(left) and _vector(right)) or len(left) != len(right):
        return UNDEFINED
    settings: Mapping[str, Any] = options if is_object(options) else {}
    named = {key.lower(): value for key, value in settings.items()}
    kind = str(named.get("distancefunction", "cosine")).lower()
    if kind == "euclidean":
        return math.dist(left, right)
    dot = math.sumprod(left, right)
    if kind == "dotproduct":
        return dot
    norms = math.sqrt(math.sumprod(left, left) * math.sumprod(right, right))
    return dot / norms if norms else 0.0


def _vector(value: Any) -> bool:
    return is_array(value) and bool(value) and all(is_number(item) for item in value)
