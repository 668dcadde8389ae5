"""The built-in functions of the query language, by name; each gives `UNDEFINED` for arguments of the wrong type.

Source: learn.microsoft.com/cosmos-db/query/functions. Aggregates are in `evaluate`.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from emulators.cosmos.json_types import is_array
from emulators.cosmos.sql.values import UNDEFINED, plain, type_name, whole

Function = Callable[..., Any]
TABLE: dict[str, tuple[Function, int, int]] = {}


class QueryFunctionError(ValueError):
    """A function that does not exist, or is called with the wrong number of arguments."""


def function(name: str, fewest: int, most: int) -> Function:
    """The function of a name, checked for the number of arguments of every call."""
    found = TABLE.get(name)
    if found is None:
        raise QueryFunctionError(f"'{name}' is not a recognized built-in function name.")
    made, least, limit = found
    if not least <= fewest <= most <= limit:
        raise QueryFunctionError(f"The {name} function requires {least} to {limit} arguments.")
    return made


def define(name: str, fewest: int, most: int | None = None) -> Callable[[Function], Function]:
    """Register a function under a name, with the number of arguments it takes."""

    def register(made: Function) -> Function:
        TABLE[name] = (made, fewest, fewest if most is None else most)
        return made

    return register


def is_number(value: Any) -> bool:
    """Whether a value is a number; booleans are not."""
    return type(value) in (int, float)


# Type checks


def _is(*kinds: str) -> Callable[[Any], bool]:
    return lambda value: type_name(value) in kinds


for _name, _kinds in {
    "IS_ARRAY": ("array",), "IS_BOOL": ("boolean",), "IS_NULL": ("null",), "IS_NUMBER": ("number",),
    "IS_OBJECT": ("object",), "IS_STRING": ("string",), "IS_PRIMITIVE": ("null", "boolean", "number", "string"),
}.items():  # fmt: skip
    TABLE[_name] = (_is(*_kinds), 1, 1)


@define("IS_DEFINED", 1)
def _is_defined(value: Any) -> bool:
    return value is not UNDEFINED


@define("IS_FINITE_NUMBER", 1)
def _is_finiteis_number(value: Any) -> bool:
    return is_number(value) and math.isfinite(value)


@define("IS_INTEGER", 1)
def _is_integer(value: Any) -> bool:
    return is_number(value) and float(value).is_integer()


# Mathematics


def _math(apply: Callable[[Any], Any]) -> Function:
    def call(value: Any) -> Any:
        if not is_number(value):
            return UNDEFINED
        try:
            return plain(apply(value))
        except (ValueError, OverflowError):
            return UNDEFINED

    return call


def _round(value: float) -> float:
    return math.floor(value + 0.5) if value >= 0 else -math.floor(-value + 0.5)


_MATH: Final[Mapping[str, Callable[[Any], Any]]] = {
    "ABS": abs, "ACOS": math.acos, "ASIN": math.asin, "ATAN": math.atan,
    "CEILING": math.ceil,
    "COS": math.cos, "COT": lambda v: 1 / math.tan(v), "DEGREES": math.degrees, "EXP": math.exp,
    "FLOOR": math.floor, "LOG10": math.log10, "RADIANS": math.radians,
    "ROUND": _round, "SIGN": lambda v: (v > 0) - (v < 0), "SIN": math.sin,
    "SQRT": math.sqrt, "SQUARE": lambda v: v * v, "TAN": math.tan, "TRUNC": math.trunc,
    "INTBITNOT": lambda v: ~int(v),
}  # fmt: skip
for _name, _apply in _MATH.items():
    TABLE[_name] = (_math(_apply), 1, 1)
TABLE["PI"] = (lambda: math.pi, 0, 0)
TABLE["RAND"] = (random.random, 0, 0)


@define("ATN2", 2)
def _atn2(y: Any, x: Any) -> Any:
    return math.atan2(y, x) if is_number(y) and is_number(x) else UNDEFINED


@define("LOG", 1, 2)
def _log(value: Any, base: Any = math.e) -> Any:
    if not (is_number(value) and is_number(base)) or value <= 0 or base <= 0 or base == 1:
        return UNDEFINED
    return plain(math.log(value, base))


@define("POWER", 2)
def _power(value: Any, exponent: Any) -> Any:
    if not (is_number(value) and is_number(exponent)):
        return UNDEFINED
    try:
        made = float(value) ** float(exponent)
    except (OverflowError, ZeroDivisionError):
        return UNDEFINED
    return UNDEFINED if isinstance(made, complex) else plain(made)


@define("NUMBERBIN", 1, 2)
def _number_bin(value: Any, size: Any = 1) -> Any:
    return plain(math.floor(value / size) * size) if is_number(value) and is_number(size) and size else UNDEFINED


def _wrapped(value: Any) -> Any:
    """An integer in 64 bits."""
    return (value + 2**63) % 2**64 - 2**63 if isinstance(value, int) else value


def _bitwise(apply: Callable[[int, int], Any]) -> Function:
    def call(left: Any, right: Any) -> Any:
        if not (is_number(left) and is_number(right)) or not (float(left).is_integer() and float(right).is_integer()):
            return UNDEFINED
        return _wrapped(apply(int(left), int(right)))

    return call


_INTEGERS: Final[Mapping[str, Callable[[int, int], Any]]] = {
    "INTADD": lambda a, b: a + b, "INTSUB": lambda a, b: a - b, "INTMUL": lambda a, b: a * b,
    "INTDIV": lambda a, b: int(a / b) if b else UNDEFINED,
    "INTMOD": lambda a, b: int(math.fmod(a, b)) if b else UNDEFINED,
    "INTBITAND": lambda a, b: a & b, "INTBITOR": lambda a, b: a | b, "INTBITXOR": lambda a, b: a ^ b,
    "INTBITLEFTSHIFT": lambda a, b: a << b if 0 <= b < 64 else UNDEFINED,
    "INTBITRIGHTSHIFT": lambda a, b: a >> b if 0 <= b < 64 else UNDEFINED,
}  # fmt: skip
for _name, _apply2 in _INTEGERS.items():
    TABLE[_name] = (_bitwise(_apply2), 2, 2)


# Strings


def _strings(apply: Callable[..., Any]) -> Function:
    """`apply` on strings; the last argument may be the flag that ignores case."""

    def call(text: Any, other: Any, ignore_case: Any = False) -> Any:
        if not (isinstance(text, str) and isinstance(other, str)) or not isinstance(ignore_case, bool):
            return UNDEFINED
        return apply(text.lower(), other.lower()) if ignore_case else apply(text, other)

    return call


_TESTS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "CONTAINS": lambda a, b: b in a, "STARTSWITH": str.startswith, "ENDSWITH": str.endswith,
    "STRINGEQUALS": lambda a, b: a == b,
}  # fmt: skip
for _name, _apply3 in _TESTS.items():
    TABLE[_name] = (_strings(_apply3), 2, 3)


def _text(apply: Callable[[str], Any]) -> Callable[[Any], Any]:
    return lambda value: apply(value) if isinstance(value, str) else UNDEFINED


_TEXTS: Final[Mapping[str, Callable[[str], Any]]] = {
    "LENGTH": len, "LOWER": str.lower, "UPPER": str.upper, "REVERSE": lambda v: v[::-1],
}  # fmt: skip
for _name, _apply4 in _TEXTS.items():
    TABLE[_name] = (_text(_apply4), 1, 1)


def _trim(apply: Callable[..., str]) -> Function:
    def call(text: Any, characters: Any = None) -> Any:
        if not isinstance(text, str) or not (characters is None or isinstance(characters, str)):
            return UNDEFINED
        return apply(text, characters)

    return call


for _name, _apply5 in {"TRIM": str.strip, "LTRIM": str.lstrip, "RTRIM": str.rstrip}.items():
    TABLE[_name] = (_trim(_apply5), 1, 2)


@define("CONCAT", 2, 10_000)
def _concat(*parts: Any) -> Any:
    return "".join(parts) if all(isinstance(part, str) for part in parts) else UNDEFINED


@define("INDEX_OF", 2, 3)
def _index_of(text: Any, part: Any, start: Any = 0) -> Any:
    if not (isinstance(text, str) and isinstance(part, str) and is_number(start)):
        return UNDEFINED
    return text.find(part, max(0, whole(start)))


@define("LEFT", 2)
def _left(text: Any, length: Any) -> Any:
    return text[: max(0, whole(length))] if isinstance(text, str) and is_number(length) else UNDEFINED


@define("RIGHT", 2)
def _right(text: Any, length: Any) -> Any:
    if not (isinstance(text, str) and is_number(length)):
        return UNDEFINED
    return text[len(text) - min(len(text), max(0, whole(length))) :]


@define("SUBSTRING", 3)
def _substring(text: Any, start: Any, length: Any) -> Any:
    if not (isinstance(text, str) and is_number(start) and is_number(length)):
        return UNDEFINED
    first = max(0, whole(start))
    return text[first : first + max(0, whole(length))] if start >= 0 else ""


@define("REPLACE", 3)
def _replace(text: Any, old: Any, new: Any) -> Any:
    return text.replace(old, new) if all(isinstance(part, str) for part in (text, old, new)) else UNDEFINED


@define("REPLICATE", 2)
def _replicate(text: Any, times: Any) -> Any:
    if not (isinstance(text, str) and is_number(times)) or times < 0 or len(text) * times > 10_000:
        return UNDEFINED
    return text * int(times)


@define("STRINGSPLIT", 2)
def _string_split(text: Any, separator: Any) -> Any:
    if not (isinstance(text, str) and isinstance(separator, str)):
        return UNDEFINED
    return text.split(separator) if separator else list(text)


@define("STRINGJOIN", 2)
def _string_join(parts: Any, separator: Any) -> Any:
    if not (is_array(parts) and isinstance(separator, str)) or not all(isinstance(p, str) for p in parts):
        return UNDEFINED
    return separator.join(parts)


@define("REGEXMATCH", 2, 3)
def _regex_match(text: Any, pattern: Any, modifiers: Any = "") -> Any:
    if not all(isinstance(part, str) for part in (text, pattern, modifiers)):
        return UNDEFINED
    flags = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL, "x": re.VERBOSE}
    if not set(modifiers) <= flags.keys():
        return UNDEFINED
    try:
        return re.search(pattern, text, sum(flags[m] for m in set(modifiers))) is not None
    except re.error:
        return UNDEFINED


@define("TOSTRING", 1)
def _to_string(value: Any) -> Any:
    import json

    if value is UNDEFINED:
        return UNDEFINED
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _parsed(kinds: tuple[str, ...]) -> Function:
    def call(text: Any) -> Any:
        import json

        if not isinstance(text, str):
            return UNDEFINED
        try:
            value = json.loads(text)
        except ValueError:
            return UNDEFINED
        return value if type_name(value) in kinds else UNDEFINED

    return call


for _name, _kinds in {
    "STRINGTOARRAY": ("array",), "STRINGTOBOOLEAN": ("boolean",), "STRINGTONULL": ("null",),
    "STRINGTONUMBER": ("number",), "STRINGTOOBJECT": ("object",),
}.items():  # fmt: skip
    TABLE[_name] = (_parsed(_kinds), 1, 1)


AGGREGATES: Final = frozenset({"COUNT", "SUM", "MIN", "MAX", "AVG", "COUNTIF"})
