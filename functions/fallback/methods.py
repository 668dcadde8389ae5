"""Which methods a path has, read from the index of functions: no blueprint is imported for it."""

from __future__ import annotations

import re
from functools import cache

from shared import function_index
from shared.http.routes import PREFIX


def methods_of(path: str) -> tuple[str, ...]:
    """The methods of the routes that have this path (without the prefix), by name; empty where there is none."""
    return tuple(sorted(method for pattern, method in _patterns() if pattern.fullmatch(path)))


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    found: dict[tuple[str, str], None] = {}
    for entry in function_index.read():
        match entry.arguments:
            case {"route": str(route), "methods": [*methods]} if not route.endswith("{*path}"):
                found |= {(route.removeprefix(PREFIX), str(method)): None for method in methods}
            case _:
                continue
    return tuple((_pattern(template), method) for template, method in found)


def _pattern(template: str) -> re.Pattern[str]:
    """What a template such as `conversions/{id}` matches."""
    parts = re.split(r"(\{[^}]*\})", template)
    return re.compile("".join("[^/]+" if part.startswith("{") else re.escape(part) for part in parts), re.IGNORECASE)
