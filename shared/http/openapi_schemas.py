"""Makes pydantic's JSON schemas what client generators expect: unique titles, names that are identifiers in every
language, and no property that is required or optional only because of its default."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

type Json = dict[str, Any]

COMPONENTS: Final = "#/components/schemas/"
INCOMPLETE: Final = {"Problem", "RefusedCall"}
"""Answers that leave out fields without a value; every other answer has all its fields."""


def readable(text: str) -> str:
    """Short names in JSON text for models that pydantic names by their module, and `CategoryInput` for
    `Category-Input`."""
    short = re.sub(
        r"(?:functions|shared)__(\w+?)(?:__models)?__([A-Z]\w*)",
        lambda found: found[1].title().replace("_", "") + found[2],
        text,
    )
    return re.sub(r'((?:/schemas/|")[A-Z]\w*)-(Input|Output)"', r'\1\2"', short)


def finish(components: Json, *, requests: Iterable[str], answers: Iterable[str]) -> None:
    """Change the component schemas in place.

    Generators take a property with a `default` for one that is always there, also in requests, where it may be left
    out: so a default is named in the description only.

    Args:
        requests: names of the components that requests contain directly.
        answers: the same of responses.
    """
    taken, given = _reachable(components, requests), _reachable(components, answers)
    for name, schema in components.items():
        for node in _nodes(schema):
            for found in node.get("properties", {}).values():
                plain(found)
            if name in given - taken - INCOMPLETE and "properties" in node:
                node["required"] = list(node["properties"])
        schema["title"] = name


def plain(schema: Json) -> None:
    """Drop the title of a property, and move its default into its description."""
    schema.pop("title", None)
    default = schema.pop("default", None)
    if default is not None:
        named = f"default: {json.dumps(default, ensure_ascii=False)}"
        schema["description"] = f"{schema['description']} ({named})" if "description" in schema else named


def _reachable(components: Json, names: Iterable[str]) -> set[str]:
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += references(components[name])
    return found


def references(schema: Any) -> list[str]:
    """Names of the components that a schema refers to."""
    return [
        node["$ref"].removeprefix(COMPONENTS)
        for node in _nodes(schema)
        if str(node.get("$ref", "")).startswith(COMPONENTS)
    ]


def _nodes(schema: Any) -> Iterator[Json]:
    if isinstance(schema, dict):
        yield schema
        for value in schema.values():
            yield from _nodes(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _nodes(value)
