"""Posted JSON, narrowed to the types that a service expects."""

from __future__ import annotations

from typing import Any, cast


def as_object(value: object) -> dict[str, Any]:
    """A JSON object; an empty one for any other value."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """A JSON array; an empty one for any other value."""
    return cast("list[Any]", value) if isinstance(value, list) else []
