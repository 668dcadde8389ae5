"""Route templates of ASP.NET Core, as far as function apps use them.

`items/{id}`, `{id:guid}`, `{id:int:min(1)}`, `{id?}`, `{page=1}`, `{*rest}`, `{name}.{ext}`; literals match
without regard to case, parameter values are percent-decoded.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote

_PARAMETER = re.compile(r"\{\{|\}\}|\{((?:[^{}]|\{\{|\}\})+)\}")
_GUID = re.compile(r"^[{(]?[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}[)}]?$", re.I)
_CONSTRAINT = re.compile(r"^(\w+)(?:\((.*)\))?$", re.S)
_NOT_SLASH = re.compile(r"%2f", re.I)

Check = Callable[[str], bool]


class RouteError(ValueError):
    """A route template that cannot be understood."""


@dataclass(frozen=True)
class _Parameter:
    name: str
    checks: tuple[Check, ...]
    optional: bool
    default: str | None
    rest: bool


class Route:
    """A compiled template; `match` gives the parameters of a raw (still encoded) path, or None."""

    def __init__(self, template: str) -> None:
        self._parameters: list[_Parameter] = []
        pattern = ""
        for index, segment in enumerate(template.strip("/").split("/")):
            before = len(self._parameters)
            body = self._segment(segment)
            added = self._parameters[before:]
            slash = "/" if index else ""
            if len(added) == 1 and segment.startswith("{") and segment.endswith("}"):
                alone = added[0]
                if alone.rest or alone.optional or alone.default is not None:
                    pattern += f"(?:{slash}{body})?"
                    continue
            pattern += slash + body
        self._pattern = re.compile(rf"^{pattern}/?$", re.I)

    def _segment(self, segment: str) -> str:
        pattern, position = "", 0
        for found in _PARAMETER.finditer(segment):
            pattern += re.escape(segment[position : found.start()])
            position = found.end()
            if found[1] is None:
                pattern += re.escape(found[0][0])
                continue
            parameter = _parse(found[1])
            pattern += f"(?P<p{len(self._parameters)}>{'.*' if parameter.rest else '[^/]+'})"
            self._parameters.append(parameter)
        tail = segment[position:]
        if "{" in tail or "}" in tail:
            raise RouteError(f"unbalanced braces in '{segment}'")
        return pattern + re.escape(tail)

    def match(self, path: str) -> dict[str, str] | None:
        """Parameters of `path` (raw, without outer slashes), or None when it does not match."""
        found = self._pattern.match(path)
        if not found:
            return None
        values: dict[str, str] = {}
        for index, parameter in enumerate(self._parameters):
            raw = found[f"p{index}"]
            if not raw:
                if parameter.default is not None:
                    values[parameter.name] = parameter.default
                elif not (parameter.optional or parameter.rest):
                    return None
                continue
            value = "%2F".join(unquote(piece) for piece in _NOT_SLASH.split(raw))
            if not all(check(value) for check in parameter.checks):
                return None
            values[parameter.name] = value
        return values


def _parse(text: str) -> _Parameter:
    rest = text.startswith("*")
    text = text.lstrip("*")
    name, constraints = text, ""
    found = re.match(r"^[^:=?]+", text)
    if not found:
        raise RouteError(f"parameter '{{{text}}}' has no name")
    name, constraints = found[0], text[found.end() :]
    optional, default = False, None
    if constraints.endswith("?"):
        optional, constraints = True, constraints[:-1]
    elif "=" in constraints:
        constraints, _, default = constraints.partition("=")
    checks = tuple(_constraint(part) for part in _split(constraints) if part)
    return _Parameter(name, checks, optional, default, rest)


def _split(constraints: str) -> list[str]:
    """Split at colons that stand outside of parentheses."""
    parts: list[str] = []
    depth, current = 0, ""
    for character in constraints:
        depth += (character == "(") - (character == ")")
        if character == ":" and depth == 0:
            parts.append(current)
            current = ""
        else:
            current += character
    return [*parts, current]


def _number(kind: Callable[[str], float], low: float, high: float) -> Check:
    def check(value: str) -> bool:
        try:
            return low <= kind(value) <= high
        except ValueError:
            return False

    return check


def _is_date(value: str) -> bool:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


_INFINITY = float("inf")
_PLAIN: dict[str, Check] = {
    "int": _number(int, -(2**31), 2**31 - 1),
    "long": _number(int, -(2**63), 2**63 - 1),
    "decimal": _number(float, -_INFINITY, _INFINITY),
    "double": _number(float, -_INFINITY, _INFINITY),
    "float": _number(float, -_INFINITY, _INFINITY),
    "bool": lambda value: value.lower() in ("true", "false"),
    "guid": lambda value: bool(_GUID.match(value)),
    "alpha": lambda value: value.isascii() and value.isalpha(),
    "datetime": _is_date,
    "required": bool,
}


def _constraint(text: str) -> Check:
    found = _CONSTRAINT.match(text)
    name, argument = (found[1].lower(), found[2]) if found else ("", None)
    if argument is None and name in _PLAIN:
        return _PLAIN[name]
    if argument is not None and name == "regex":
        expression = re.compile(argument.replace("{{", "{").replace("}}", "}"), re.I)
        return lambda value: bool(expression.search(value))
    try:
        numbers = [int(part) for part in (argument or "").split(",")]
    except ValueError:
        numbers = []
    match name, numbers:
        case "min", [low]:
            return _number(int, low, _INFINITY)
        case "max", [high]:
            return _number(int, -_INFINITY, high)
        case "range", [low, high]:
            return _number(int, low, high)
        case "minlength", [low]:
            return lambda value: len(value) >= low
        case "maxlength", [high]:
            return lambda value: len(value) <= high
        case "length", [exact]:
            return lambda value: len(value) == exact
        case "length", [low, high]:
            return lambda value: low <= len(value) <= high
        case _:
            raise RouteError(f"unknown route constraint '{text}'")
