"""The JSON of a request's body, read as strictly as the service reads it.

Python's reader takes NaN and Infinity, keeps `1.0` apart from `1` and integers of any length; the service refuses the
first two and knows 64-bit integers and doubles alone, which it writes without a fraction where there is none.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from emulators.cosmos.errors import BadRequest

MAX_DEPTH: Final = 128
"""Levels of nesting, as documented."""
MAX_DIGITS: Final = 20
"""Of a 64-bit integer, with its sign."""
_UNUSUAL_NUMBER: Final = re.compile(rb"\.0+(?![0-9])|[0-9][eE]|[0-9]{19}")
_NESTING: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]')


def load(body: bytes) -> Any:
    """The value of a body.

    Raises:
        BadRequest: it is no JSON, or nested more than 128 levels deep.
    """
    try:
        text = body.decode()
        if body.count(b"{") + body.count(b"[") > MAX_DEPTH:
            _check_depth(text)
        if _UNUSUAL_NUMBER.search(body):
            value = json.loads(text, parse_constant=_refuse, parse_float=_double, parse_int=_integer)
        else:
            value = json.loads(text, parse_constant=_refuse)
    except ValueError:
        raise BadRequest("The request payload is not valid JSON.") from None
    return _paired(value) if b"\\ud" in body or b"\\uD" in body else value


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


def _double(text: str) -> int | float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError("the number is too large")
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def _integer(text: str) -> int | float:
    value = int(text) if len(text) <= MAX_DIGITS else None
    return value if value is not None and -(2**63) <= value < 2**63 else _double(text)


def _check_depth(text: str) -> None:
    depth = 0
    for found in _NESTING.finditer(text):
        match found[0]:
            case "{" | "[":
                depth += 1
                if depth > MAX_DEPTH:
                    raise BadRequest(f"The request payload is nested more than {MAX_DEPTH} levels deep.")
            case "}" | "]":
                depth -= 1
            case _:
                pass


def _paired(value: Any) -> Any:
    """Half a pair of surrogates is no character: U+FFFD stands in its place."""
    text = json.dumps(value, ensure_ascii=False)
    return json.loads(text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"))
