"""Binding expressions: blob path patterns like `uploads/{vendor}/{sku}.{ext}`, matched and filled in."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

_EXPRESSION = re.compile(r"\{([^{}]+)\}")


class PatternError(ValueError):
    """A pattern that cannot be understood or filled in."""


class BlobPattern:
    """A `container[/blob]` pattern of a blob trigger. The container is literal."""

    def __init__(self, pattern: str) -> None:
        container, _, blob = pattern.strip("/").partition("/")
        if "{" in container:
            raise PatternError(f"the container of '{pattern}' may not be an expression")
        self.container = container
        self.text = pattern
        expression, position, seen = "", 0, set[str]()
        for found in _EXPRESSION.finditer(blob):
            name = found[1].strip()
            if not name.isidentifier() or name in seen:
                raise PatternError(f"'{{{name}}}' in '{pattern}' is no variable name or is used twice")
            seen.add(name)
            expression += re.escape(blob[position : found.start()]) + f"(?P<{name}>.+?)"
            position = found.end()
        expression += re.escape(blob[position:])
        self._expression = re.compile(f"^{expression or '.+'}$", re.S)

    def match(self, blob: str) -> dict[str, str] | None:
        """Variables of a blob name, or None when the name does not fit."""
        found = self._expression.match(blob)
        return found.groupdict() if found else None


def fill(pattern: str, values: Mapping[str, Any]) -> str:
    """Replace each `{name}` or `{a.b}` by its value; `{rand-guid}`, `{DateTime}` and `{sys.utcnow}` are made.

    Names are looked up without regard to case. Raises `PatternError` for an unknown one.
    """

    def value(found: re.Match[str]) -> str:
        name = found[1].strip()
        key, _, form = name.partition(":")
        if key.lower() == "rand-guid":
            return uuid.uuid4().hex if form == "N" else str(uuid.uuid4())
        if key.lower() in ("datetime", "sys.utcnow"):
            return datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%SZ" if not form else _dotnet(form))
        node: Any = values
        for part in name.split("."):
            node = _get(node, part)
            if node is None:
                raise PatternError(f"no value for '{{{name}}}' in '{pattern}'")
        return str(node)

    return _EXPRESSION.sub(value, pattern)


def _get(node: Any, name: str) -> Any:
    if not isinstance(node, Mapping):
        return None
    fields = cast("Mapping[str, Any]", node)
    if name in fields:
        return fields[name]
    return next((value for key, value in fields.items() if key.lower() == name.lower()), None)


def _dotnet(form: str) -> str:
    for theirs, ours in (
        ("yyyy", "%Y"),
        ("MM", "%m"),
        ("dd", "%d"),
        ("HH", "%H"),
        ("mm", "%M"),
        ("ss", "%S"),
    ):
        form = form.replace(theirs, ours)
    return form
