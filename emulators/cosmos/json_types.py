"""Tests of parsed JSON that tell the type checker what is inside."""

from __future__ import annotations

from typing import Any, TypeIs


def is_object(value: object) -> TypeIs[dict[str, Any]]:
    """Whether it is a JSON object."""
    return isinstance(value, dict)


def is_array(value: object) -> TypeIs[list[Any]]:
    """Whether it is a JSON array."""
    return isinstance(value, list)
