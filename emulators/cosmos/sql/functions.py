"""The built-in functions of the query language, by name; each gives `UNDEFINED` for arguments of the wrong type.

Source: learn.microsoft.com/cosmos-db/query/functions. Aggregates are in `evaluate`.
"""

from __future__ import annotations

import math
import random
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from emulators.cosmos.sql.values import UNDEFINED, equal, type_name

Function = Callable[..., Any]
_TABLE: dict[str, tuple[Function, int, int]] = {}


class QueryFunctionError(ValueError):
    """A function that does not exist, or is called with the wrong number of arguments."""


def function(name: str, fewest: int, most: int) -> Function:
    """The function of a name, checked for the number of arguments of every call."""
    found = _TABLE.get(name)
    if found is None:
        raise QueryFunctionError(f"'{name}' is not a recognized built-in function name.")
    made, least, limit = found
    if not least <= fewest <= most <= limit:
        raise QueryFunctionError(f"The {name} function requires {least} to {limit} arguments.")
    return made


def _define(name: str, fewest: int, most: int | None = None) -> Callable[[Function], Function]:
    def register(made: Function) -> Function:
        _TABLE[name] = (made, fewest, fewest if most is None else most)
        return made

    return register


def _number(value: Any) -> bool:
    return type(value) in (int, float)


# Type checks


def _is(*kinds: str) -> Callable[[Any], bool]:
    return lambda value: type_name(value) in kinds


for _name, _kinds in {
    "IS_ARRAY": ("array",), "IS_BOOL": ("boolean",), "IS_NULL": ("null",), "IS_NUMBER": ("number",),
    "IS_OBJECT": ("object",), "IS_STRING": ("string",), "IS_PRIMITIVE": ("null", "boolean", "number", "string"),
}.items():  # fmt: skip
    _TABLE[_name] = (_is(*_kinds), 1, 1)


@_define("IS_DEFINED", 1)
def _is_defined(value: Any) -> bool:
    return value is not UNDEFINED


@_define("IS_FINITE_NUMBER", 1)
def _is_finite_number(value: Any) -> bool:
    return _number(value) and math.isfinite(value)


@_define("IS_INTEGER", 1)
def _is_integer(value: Any) -> bool:
    return _number(value) and float(value).is_integer()


# Mathematics


def _math(apply: Callable[[Any], Any]) -> Function:
    def call(value: Any) -> Any:
        if not _number(value):
            return UNDEFINED
        try:
            return apply(value)
        except (ValueError, OverflowError):
            return UNDEFINED

    return call


def _round(value: float) -> float:
    return math.floor(value + 0.5) if value >= 0 else -math.floor(-value + 0.5)


def _same_kind(result: Any, value: Any) -> Any:
    return int(result) if isinstance(value, int) else float(result)


_MATH: Final[Mapping[str, Callable[[Any], Any]]] = {
    "ABS": abs, "ACOS": math.acos, "ASIN": math.asin, "ATAN": math.atan,
    "CEILING": lambda v: _same_kind(math.ceil(v), v),
    "COS": math.cos, "COT": lambda v: 1 / math.tan(v), "DEGREES": math.degrees, "EXP": math.exp,
    "FLOOR": lambda v: _same_kind(math.floor(v), v), "LOG10": math.log10, "RADIANS": math.radians,
    "ROUND": lambda v: _same_kind(_round(v), v), "SIGN": lambda v: (v > 0) - (v < 0), "SIN": math.sin,
    "SQRT": math.sqrt, "SQUARE": lambda v: v * v, "TAN": math.tan, "TRUNC": lambda v: _same_kind(math.trunc(v), v),
    "INTBITNOT": lambda v: ~int(v),
}  # fmt: skip
for _name, _apply in _MATH.items():
    _TABLE[_name] = (_math(_apply), 1, 1)
_TABLE["PI"] = (lambda: math.pi, 0, 0)
_TABLE["RAND"] = (random.random, 0, 0)


@_define("ATN2", 2)
def _atn2(y: Any, x: Any) -> Any:
    return math.atan2(y, x) if _number(y) and _number(x) else UNDEFINED


@_define("LOG", 1, 2)
def _log(value: Any, base: Any = math.e) -> Any:
    if not (_number(value) and _number(base)) or value <= 0 or base <= 0 or base == 1:
        return UNDEFINED
    return math.log(value, base)


@_define("POWER", 2)
def _power(value: Any, exponent: Any) -> Any:
    if not (_number(value) and _number(exponent)):
        return UNDEFINED
    try:
        made = value**exponent
    except (OverflowError, ZeroDivisionError):
        return UNDEFINED
    return UNDEFINED if isinstance(made, complex) else made


@_define("NUMBERBIN", 1, 2)
def _number_bin(value: Any, size: Any = 1) -> Any:
    return math.floor(value / size) * size if _number(value) and _number(size) and size else UNDEFINED


def _bitwise(apply: Callable[[int, int], Any]) -> Function:
    def call(left: Any, right: Any) -> Any:
        if not (_number(left) and _number(right)) or not (float(left).is_integer() and float(right).is_integer()):
            return UNDEFINED
        return apply(int(left), int(right))

    return call


_INTEGERS: Final[Mapping[str, Callable[[int, int], Any]]] = {
    "INTADD": lambda a, b: a + b, "INTSUB": lambda a, b: a - b, "INTMUL": lambda a, b: a * b,
    "INTDIV": lambda a, b: int(a / b) if b else UNDEFINED,
    "INTMOD": lambda a, b: int(math.fmod(a, b)) if b else UNDEFINED,
    "INTBITAND": lambda a, b: a & b, "INTBITOR": lambda a, b: a | b, "INTBITXOR": lambda a, b: a ^ b,
    "INTBITLEFTSHIFT": lambda a, b: a << b, "INTBITRIGHTSHIFT": lambda a, b: a >> b,
}  # fmt: skip
for _name, _apply2 in _INTEGERS.items():
    _TABLE[_name] = (_bitwise(_apply2), 2, 2)


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
    _TABLE[_name] = (_strings(_apply3), 2, 3)


def _text(apply: Callable[[str], Any]) -> Callable[[Any], Any]:
    return lambda value: apply(value) if isinstance(value, str) else UNDEFINED


_TEXTS: Final[Mapping[str, Callable[[str], Any]]] = {
    "LENGTH": len, "LOWER": str.lower, "UPPER": str.upper, "REVERSE": lambda v: v[::-1],
}  # fmt: skip
for _name, _apply4 in _TEXTS.items():
    _TABLE[_name] = (_text(_apply4), 1, 1)


def _trim(apply: Callable[..., str]) -> Function:
    def call(text: Any, characters: Any = None) -> Any:
        if not isinstance(text, str) or not (characters is None or isinstance(characters, str)):
            return UNDEFINED
        return apply(text, characters)

    return call


for _name, _apply5 in {"TRIM": str.strip, "LTRIM": str.lstrip, "RTRIM": str.rstrip}.items():
    _TABLE[_name] = (_trim(_apply5), 1, 2)


@_define("CONCAT", 2, 10_000)
def _concat(*parts: Any) -> Any:
    return "".join(parts) if all(isinstance(part, str) for part in parts) else UNDEFINED


@_define("INDEX_OF", 2, 3)
def _index_of(text: Any, part: Any, start: Any = 0) -> Any:
    if not (isinstance(text, str) and isinstance(part, str) and _number(start)):
        return UNDEFINED
    return text.find(part, max(0, int(start)))


@_define("LEFT", 2)
def _left(text: Any, length: Any) -> Any:
    return text[: max(0, int(length))] if isinstance(text, str) and _number(length) else UNDEFINED


@_define("RIGHT", 2)
def _right(text: Any, length: Any) -> Any:
    if not (isinstance(text, str) and _number(length)):
        return UNDEFINED
    return text[len(text) - min(len(text), max(0, int(length))) :]


@_define("SUBSTRING", 3)
def _substring(text: Any, start: Any, length: Any) -> Any:
    if not (isinstance(text, str) and _number(start) and _number(length)):
        return UNDEFINED
    first = max(0, int(start))
    return text[first : first + max(0, int(length))] if start >= 0 else ""


@_define("REPLACE", 3)
def _replace(text: Any, old: Any, new: Any) -> Any:
    return text.replace(old, new) if all(isinstance(part, str) for part in (text, old, new)) else UNDEFINED


@_define("REPLICATE", 2)
def _replicate(text: Any, times: Any) -> Any:
    if not (isinstance(text, str) and _number(times)) or times < 0 or len(text) * times > 10_000:
        return UNDEFINED
    return text * int(times)


@_define("STRINGSPLIT", 2)
def _string_split(text: Any, separator: Any) -> Any:
    if not (isinstance(text, str) and isinstance(separator, str)):
        return UNDEFINED
    return text.split(separator) if separator else list(text)


@_define("STRINGJOIN", 2)
def _string_join(parts: Any, separator: Any) -> Any:
    if not (isinstance(parts, list) and isinstance(separator, str)) or not all(isinstance(p, str) for p in parts):
        return UNDEFINED
    return separator.join(parts)


@_define("REGEXMATCH", 2, 3)
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


@_define("TOSTRING", 1)
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
    _TABLE[_name] = (_parsed(_kinds), 1, 1)


# Arrays and objects


def _partial(item: Any, wanted: Any) -> bool:
    if isinstance(item, dict) and isinstance(wanted, dict):
        return all(key in item and _partial(item[key], value) for key, value in wanted.items())
    return equal(item, wanted)


@_define("ARRAY_CONTAINS", 2, 3)
def _array_contains(items: Any, wanted: Any, partial: Any = False) -> Any:
    if not isinstance(items, list) or wanted is UNDEFINED:
        return UNDEFINED
    match = _partial if partial is True else equal
    return any(match(item, wanted) for item in items)


@_define("ARRAY_CONTAINS_ANY", 2, 10_000)
def _array_contains_any(items: Any, *wanted: Any) -> Any:
    if not isinstance(items, list):
        return UNDEFINED
    return any(equal(item, one) for item in items for one in wanted)


@_define("ARRAY_CONTAINS_ALL", 2, 10_000)
def _array_contains_all(items: Any, *wanted: Any) -> Any:
    if not isinstance(items, list):
        return UNDEFINED
    return all(any(equal(item, one) for item in items) for one in wanted)


@_define("ARRAY_LENGTH", 1)
def _array_length(items: Any) -> Any:
    return len(items) if isinstance(items, list) else UNDEFINED


@_define("ARRAY_CONCAT", 2, 10_000)
def _array_concat(*arrays: Any) -> Any:
    return [item for array in arrays for item in array] if all(isinstance(a, list) for a in arrays) else UNDEFINED


@_define("ARRAY_SLICE", 2, 3)
def _array_slice(items: Any, start: Any, length: Any = None) -> Any:
    if not isinstance(items, list) or not _number(start) or not (length is None or _number(length)):
        return UNDEFINED
    first = int(start) if start >= 0 else max(0, len(items) + int(start))
    return items[first:] if length is None else items[first : first + max(0, int(length))]


@_define("SETINTERSECT", 2)
def _set_intersect(left: Any, right: Any) -> Any:
    if not (isinstance(left, list) and isinstance(right, list)):
        return UNDEFINED
    return _distinct([item for item in left if any(equal(item, other) for other in right)])


@_define("SETUNION", 2)
def _set_union(left: Any, right: Any) -> Any:
    return _distinct([*left, *right]) if isinstance(left, list) and isinstance(right, list) else UNDEFINED


def _distinct(items: list[Any]) -> list[Any]:
    kept: list[Any] = []
    for item in items:
        if not any(equal(item, other) for other in kept):
            kept.append(item)
    return kept


@_define("OBJECTTOARRAY", 1)
def _object_to_array(value: Any) -> Any:
    return [{"k": key, "v": item} for key, item in value.items()] if isinstance(value, dict) else UNDEFINED


@_define("CHOOSE", 2, 10_000)
def _choose(index: Any, *options: Any) -> Any:
    return options[int(index) - 1] if _number(index) and 1 <= index <= len(options) else UNDEFINED


@_define("IIF", 3)
def _iif(test: Any, then: Any, otherwise: Any) -> Any:
    return then if test is True else otherwise


# Date and time


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond:06d}0Z"


_TABLE["GETCURRENTDATETIME"] = (lambda: _iso(datetime.now(UTC)), 0, 0)
_TABLE["GETCURRENTTIMESTAMP"] = (lambda: int(time.time() * 1000), 0, 0)
_TABLE["GETCURRENTTICKS"] = (lambda: int(time.time() * 10_000_000) + 621_355_968_000_000_000, 0, 0)


@_define("DATETIMETOTIMESTAMP", 1)
def _date_time_to_timestamp(text: Any) -> Any:
    if not isinstance(text, str):
        return UNDEFINED
    try:
        moment = datetime.fromisoformat(re.sub(r"(\.\d{6})\d*", r"\1", text))
    except ValueError:
        return UNDEFINED
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


@_define("TIMESTAMPTODATETIME", 1)
def _timestamp_to_date_time(value: Any) -> Any:
    return _iso(datetime.fromtimestamp(value / 1000, UTC)) if _number(value) else UNDEFINED


# Vectors


@_define("VECTORDISTANCE", 2, 4)
def vector_distance(left: Any, right: Any, exact: Any = False, options: Any = None) -> Any:
    """The distance or similarity of two vectors, by `distanceFunction` of the options: cosine by default."""
    if not (_vector(left) and _vector(right)) or len(left) != len(right):
        return UNDEFINED
    settings: Mapping[str, Any] = options if isinstance(options, dict) else {}
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
    return isinstance(value, list) and bool(value) and all(_number(item) for item in value)


AGGREGATES: Final = frozenset({"COUNT", "SUM", "MIN", "MAX", "AVG", "COUNTIF"})
