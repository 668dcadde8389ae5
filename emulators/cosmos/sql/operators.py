"""The operators of expressions, as functions of the names in scope; and sorting, grouping and counting of results."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from emulators.cosmos.json_types import is_array, is_object
from emulators.cosmos.sql.values import UNDEFINED, compare, equal, plain, sort_key, type_name

type Names = Mapping[str, Any]
type Evaluate = Callable[[Names], Any]


def sorted_rows(found: list[tuple[tuple[Any, ...], Any]], descending: list[bool]) -> list[tuple[tuple[Any, ...], Any]]:
    for index in reversed(range(len(descending))):
        found.sort(key=lambda pair: sort_key(pair[0][index]), reverse=descending[index])
    return found


def distinct_values(values: Iterable[Any]) -> Iterator[Any]:
    seen: set[str] = set()
    for value in values:
        key = json.dumps(_canonical(value), sort_keys=True)
        if key not in seen:
            seen.add(key)
            yield value


def group_key(value: Any) -> Any:
    return {"\0": "undefined"} if value is UNDEFINED else _canonical(value)


def _canonical(value: Any) -> Any:
    if type(value) is float and value.is_integer():
        return int(value)
    if is_array(value):
        return [_canonical(item) for item in value]
    if is_object(value):
        return {key: _canonical(item) for key, item in value.items()}
    return value


def aggregate_values(name: str, values: list[Any]) -> Any:
    defined = [value for value in values if value is not UNDEFINED]
    if name == "COUNT":
        return len(defined)
    if name == "COUNTIF":
        return sum(value is True for value in defined)
    if name in ("MIN", "MAX"):
        scalars = [value for value in defined if not isinstance(value, list | dict)]
        if not scalars:
            return UNDEFINED
        best = scalars[0]
        for value in scalars[1:]:
            order = compare(value, best)
            if (order < 0) if name == "MIN" else (order > 0):
                best = value
        return best
    if any(type_name(value) != "number" for value in defined):
        return UNDEFINED
    if name == "SUM":
        return plain(sum(defined)) if defined or not values else UNDEFINED
    return plain(sum(defined) / len(defined)) if defined else UNDEFINED


def unary_operator(operator: str, operand: Evaluate) -> Evaluate:
    def negate(row: Names) -> Any:
        value = operand(row)
        return not value if isinstance(value, bool) else UNDEFINED

    def minus(row: Names) -> Any:
        value = operand(row)
        return -value if type(value) in (int, float) else UNDEFINED

    def plus(row: Names) -> Any:
        value = operand(row)
        return value if type(value) in (int, float) else UNDEFINED

    def complement(row: Names) -> Any:
        value = operand(row)
        return ~int(value) if type(value) in (int, float) else UNDEFINED

    return {"NOT": negate, "-": minus, "+": plus, "~": complement}[operator]


def binary_operator(operator: str, left: Evaluate, right: Evaluate) -> Evaluate:
    if operator == "??":

        def coalesce(row: Names) -> Any:
            value = left(row)
            return right(row) if value is UNDEFINED else value

        return coalesce
    if operator in _COMPARISONS:
        test = _COMPARISONS[operator]
        return lambda row: test(left(row), right(row))
    apply = _ARITHMETIC[operator]
    return lambda row: apply(left(row), right(row))


def logic(operator: str, parts: list[Evaluate]) -> Evaluate:
    """AND or OR of any number of conditions."""
    either = operator == "OR"

    def evaluate(row: Names) -> Any:
        unknown = False
        for part in parts:
            value = part(row)
            if value is either:
                return either
            unknown = unknown or not isinstance(value, bool)
        return UNDEFINED if unknown else not either

    return evaluate


def _compared(decide: Callable[[int], bool]) -> Callable[[Any, Any], Any]:
    def test(left: Any, right: Any) -> Any:
        kind = type_name(left)
        if kind != type_name(right) or kind in ("undefined", "array", "object"):
            return UNDEFINED
        if kind == "null":
            return decide(0)
        return decide((left > right) - (left < right))

    return test


def _equals(left: Any, right: Any) -> Any:
    if left is UNDEFINED or right is UNDEFINED:
        return UNDEFINED
    if type_name(left) != type_name(right):
        return UNDEFINED
    return equal(left, right)


def _differs(left: Any, right: Any) -> Any:
    same = _equals(left, right)
    return UNDEFINED if same is UNDEFINED else not same


_COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "=": _equals,
    "!=": _differs,
    "<": _compared(lambda order: order < 0),
    "<=": _compared(lambda order: order <= 0),
    ">": _compared(lambda order: order > 0),
    ">=": _compared(lambda order: order >= 0),
}


def _numeric(apply: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def evaluate(left: Any, right: Any) -> Any:
        if type(left) not in (int, float) or type(right) not in (int, float):
            return UNDEFINED
        try:
            return plain(apply(left, right))
        except (ZeroDivisionError, ValueError, OverflowError):
            return UNDEFINED

    return evaluate


def _concatenate(left: Any, right: Any) -> Any:
    return left + right if isinstance(left, str) and isinstance(right, str) else UNDEFINED


_ARITHMETIC: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": _numeric(lambda a, b: a + b),
    "-": _numeric(lambda a, b: a - b),
    "*": _numeric(lambda a, b: a * b),
    "/": _numeric(lambda a, b: a / b),
    "%": _numeric(lambda a, b: int(math.fmod(a, b)) if isinstance(a, int) and isinstance(b, int) else math.fmod(a, b)),
    "|": _numeric(lambda a, b: int(a) | int(b)),
    "&": _numeric(lambda a, b: int(a) & int(b)),
    "^": _numeric(lambda a, b: int(a) ^ int(b)),
    "<<": _numeric(lambda a, b: int(a) << int(b) if b < 64 else 0),
    ">>": _numeric(lambda a, b: int(a) >> int(b)),
    ">>>": _numeric(lambda a, b: (int(a) & 0xFFFFFFFF) >> int(b)),
    "||": _concatenate,
}


def constant_membership(operand: Evaluate, options: list[Any]) -> Evaluate:
    """IN with constants alone: a look-up for texts, numbers, booleans and null."""
    scalars = {(type_name(option), option) for option in options if not (is_array(option) or is_object(option))}
    others: list[Any] = [option for option in options if is_array(option) or is_object(option)]

    def evaluate(row: Names) -> Any:
        value = operand(row)
        if value is UNDEFINED:
            return UNDEFINED
        if is_array(value) or is_object(value):
            return any(equal(value, option) for option in others)
        return (type_name(value), value) in scalars

    return evaluate


def membership(operand: Evaluate, options: list[Evaluate]) -> Evaluate:
    def evaluate(row: Names) -> Any:
        value = operand(row)
        if value is UNDEFINED:
            return UNDEFINED
        return any(_equals(value, option(row)) is True for option in options)

    return evaluate


def like(operand: Evaluate, pattern: Evaluate, escape: str | None) -> Evaluate:
    def evaluate(row: Names) -> Any:
        text, wanted = operand(row), pattern(row)
        if not (isinstance(text, str) and isinstance(wanted, str)):
            return UNDEFINED
        try:
            return re.fullmatch(_like_pattern(wanted, escape), text, re.DOTALL) is not None
        except re.error:
            # A set as [z-a] holds nothing.
            return False

    return evaluate


def _like_pattern(wanted: str, escape: str | None) -> str:
    made: list[str] = []
    at = 0
    while at < len(wanted):
        character = wanted[at]
        at += 1
        if escape and character == escape and at < len(wanted):
            made.append(re.escape(wanted[at]))
            at += 1
        elif character == "%":
            made.append(".*")
        elif character == "_":
            made.append(".")
        elif character == "[" and "]" in wanted[at:]:
            end = wanted.index("]", at)
            made.append("[" + wanted[at:end].replace("\\", "\\\\") + "]")
            at = end + 1
        else:
            made.append(re.escape(character))
    return "".join(made)


def property_of(target: Any, key: Any) -> Any:
    """`target[key]`, of an object or an array."""
    if is_object(target) and isinstance(key, str):
        return target.get(key, UNDEFINED)
    if is_array(target) and type(key) in (int, float) and key == int(key) and 0 <= key < len(target):
        return target[int(key)]
    return UNDEFINED
