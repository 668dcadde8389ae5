"""JSON without what parsers disagree on (RFC 8259, sections 4, 6 and 8; RFC 7493)."""

from __future__ import annotations

import json
import math
from typing import Any, Final

from shared.errors import BadRequest

MAX_DEPTH: Final = 20


def parse_json(raw: bytes) -> Any:
    """JSON without what parsers disagree on: duplicate keys, NaN, deep nesting, anything but UTF-8.

    Raises:
        BadRequest: with what is wrong.
    """

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        names = dict(found)
        if len(names) != len(found):
            raise BadRequest("the body names a field twice", code="duplicate_field")
        return names

    def constant(name: str) -> Any:
        raise BadRequest(f"{name} is not JSON", code="bad_json")

    def number(digits: str) -> float:
        value = float(digits)
        return value if math.isfinite(value) else constant(digits[:64])

    try:
        content = json.loads(raw.decode(), object_pairs_hook=pairs, parse_constant=constant, parse_float=number)
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise BadRequest(f"the body is not JSON: {str(error)[:120]}", code="bad_json") from None
    if _deeper(content, MAX_DEPTH):
        raise BadRequest(f"the body is nested deeper than {MAX_DEPTH}", code="bad_json")
    return content


def _deeper(content: Any, levels: int) -> bool:
    if not isinstance(content, dict | list):
        return False
    if levels == 0:
        return True
    inner = content.values() if isinstance(content, dict) else content
    return any(_deeper(item, levels - 1) for item in inner)
