"""What is wrong with a value, in words for who sent it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


def message_of(problem: ErrorDetails) -> str:
    """The message of a pydantic error; lengths of texts in characters, which pydantic calls items after a validator."""
    context = problem.get("ctx", {})
    if context.get("field_type") == "Value" and problem["type"] == "too_short":
        least = context["min_length"]
        return "is empty" if least == 1 else f"must have at least {least} characters"
    if context.get("field_type") == "Value" and problem["type"] == "too_long":
        return f"must have at most {context['max_length']} characters, and has {context['actual_length']}"
    return problem["msg"].removeprefix("Value error, ")
