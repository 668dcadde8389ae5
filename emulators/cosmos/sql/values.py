"""Values of the query language: JSON, and `undefined`."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from math import isfinite
from typing import Any, Final


class Undefined(Enum):
    """The value of a property that is not there, and of an operation on operands of the wrong type."""

    UNDEFINED = "undefined"

    def __bool__(self) -> bool:
        return False


UNDEFINED: Final = Undefined.UNDEFINED

ORDER: Final = {"undefined": 0, "null": 1, "boolean": 2, "number": 3, "string": 4, "array": 5, "object": 6}
"""Values of different types sort by type, in this order."""


_NAMES: Final[Mapping[object, str]] = {
    Undefined: "undefined", type(None): "null", bool: "boolean", int: "number", float: "number", str: "string",
    list: "array",
}  # fmt: skip


def type_name(value: Any) -> str:
    """`undefined`, `null`, `boolean`, `number`, `string`, `array` or `object`."""
    return _NAMES.get(value.__class__, "object")


def compare(left: Any, right: Any) -> int:
    """-1, 0 or 1 in the order of ORDER BY; works for values of any type."""
    a, b = type_name(left), type_name(right)
    if a != b:
        return -1 if ORDER[a] < ORDER[b] else 1
    if a in ("undefined", "null"):
        return 0
    if a == "array":
        for one, other in zip(left, right, strict=False):
            if order := compare(one, other):
                return order
        return (len(left) > len(right)) - (len(left) < len(right))
    if a == "object":
        return 0 if equal(left, right) else -1 if repr(left) < repr(right) else 1
    return (left > right) - (left < right)


def equal(left: Any, right: Any) -> bool:
    """Whether two values are the same JSON, numbers by value."""
    a, b = type_name(left), type_name(right)
    if a != b:
        return False
    if a == "array":
        return len(left) == len(right) and all(map(equal, left, right))
    if a == "object":
        return left.keys() == right.keys() and all(equal(value, right[key]) for key, value in left.items())
    return bool(left == right)


LARGEST_INTEGER: Final = 2**63


def plain(number: float) -> int | float | Undefined:
    """A number as the service knows it: an integer of 64 bits, or a double, undefined where it has no value."""
    if isinstance(number, int):
        if -LARGEST_INTEGER <= number < LARGEST_INTEGER:
            return int(number)
        try:
            return float(number)
        except OverflowError:
            return UNDEFINED
    if not isfinite(number):
        return UNDEFINED
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def whole(number: float) -> int:
    """A number as an argument that counts, cut to what fits."""
    return int(max(-LARGEST_INTEGER, min(LARGEST_INTEGER - 1, number)))


def sort_key(value: Any) -> tuple[Any, ...]:
    """A key that sorts scalars as `compare` does."""
    kind = type_name(value)
    if kind in ("undefined", "null"):
        return (ORDER[kind],)
    if kind in ("array", "object"):
        return (ORDER[kind], repr(value))
    return (ORDER[kind], value)
