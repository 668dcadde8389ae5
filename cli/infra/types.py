"""Resources held against Azure's own type descriptions (github.com/Azure/bicep-types-az, folder `generated`).

Checked are the type and API version, names of properties, required and read-only ones, sets of values, kinds and ranges
of literals. Expressions are followed through variables, conditionals, `union` and `concat`; what they can't say is left
alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, cast

from cli.infra.findings import Finding
from cli.infra.syntax import (
    Array,
    Call,
    Expression,
    File,
    For,
    Interpolation,
    Literal,
    Name,
    Object,
    Operation,
    Resource,
    text,
)

REQUIRED, READ_ONLY = 1, 2
_WRITTEN_BY_BICEP: Final = frozenset({"parent", "scope", "dependsOn", "name", "tags", "location"})
"""Properties of every resource that the language itself knows."""
_SET_ELSEWHERE: Final = frozenset({"name", "apiVersion", "type", "id"})

UNDESCRIBED: Final = frozenset(
    {
        "Microsoft.Cdn/profiles@2024-02-01",
        "Microsoft.Cdn/profiles/afdEndpoints@2024-02-01",
        "Microsoft.Cdn/profiles/afdEndpoints/routes@2024-02-01",
        "Microsoft.Cdn/profiles/originGroups@2024-02-01",
        "Microsoft.Cdn/profiles/originGroups/origins@2024-02-01",
        "Microsoft.Insights/actionGroups@2023-01-01",
        "Microsoft.Insights/diagnosticSettings@2021-05-01-preview",
        "Microsoft.Insights/scheduledQueryRules@2023-12-01",
    }
)
"""Types that an excerpt of the descriptions may lack: checked where they are described, else counted as skipped."""

type Type = dict[str, Any]


def find_data(*roots: Path) -> Path | None:
    """The folder of the type descriptions: `shared/data/bicep-types` in a root or up to two folders above."""
    for root in roots:
        for folder in (root, *root.parents[:2]):
            data = folder / "shared" / "data" / "bicep-types"
            if data.is_dir():
                return data
    return None


@cache
def load(path: Path) -> list[Type]:
    """The types of a file of descriptions."""
    return json.loads(path.read_text())


@cache
def _files(data: Path) -> dict[tuple[str, str], list[Path]]:
    """The files by namespace and API version, in lower case."""
    found: dict[tuple[str, str], list[Path]] = {}
    for path in sorted(data.rglob("types.json")):
        found.setdefault((path.parents[1].name.lower(), path.parent.name.lower()), []).append(path)
    return found


def find(data: Path, type: str, version: str) -> tuple[Path, Type] | None:
    """The file that describes a resource type, and its entry there."""
    wanted = f"{type}@{version}".lower()
    for path in _files(data).get((type.partition("/")[0].lower(), version.lower()), []):
        for one in load(path):
            if one.get("$type") == "ResourceType" and one["name"].lower() == wanted:
                return path, one
    return None


def follow(path: Path, reference: Mapping[str, str]) -> Type:
    """The type in a file of descriptions that a reference there names."""
    return load(path)[int(reference["$ref"].rpartition("/")[2])]


def undescribed(file: File, data: Path) -> list[str]:
    """The types of a file's resources that can't be checked with `data`."""
    used = {(resource.type, resource.version) for resource, _ in file.all_resources()}
    return sorted(
        f"{type}@{version}"
        for type, version in used
        if f"{type}@{version}" in UNDESCRIBED and find(data, type, version) is None
    )


def check(path: str, file: File, data: Path) -> list[Finding]:
    """Every disagreement of a file's resources with the type descriptions in `data`."""
    return _Checker(path, file, data).run()


class _Checker:
    def __init__(self, path: str, file: File, data: Path) -> None:
        self._path = path
        self._file = file
        self._data = data
        self._types = Path()
        self._found: list[Finding] = []

    def run(self) -> list[Finding]:
        for resource, parent in self._file.all_resources():
            found = find(self._data, resource.type, resource.version)
            if found is None and f"{resource.type}@{resource.version}" in UNDESCRIBED:
                continue
            if found is None:
                self._report(resource.line, f"{resource.type}@{resource.version} does not exist")
                continue
            self._types, resource_type = found
            if not resource.existing:
                self._resource(resource, parent, self._follow(resource_type["body"]))
        return self._found

    def _report(self, line: int, message: str) -> None:
        self._found.append(Finding("types", self._path, line, message))

    def _follow(self, reference: dict[str, str]) -> Type:
        return follow(self._types, reference)

    def _resource(self, resource: Resource, parent: Resource | None, body: Type) -> None:
        written = resource.content
        apart = _WRITTEN_BY_BICEP - {body.get("discriminator")}
        kept = Object(
            tuple(one for one in written.properties if text(one.key) not in apart),
            spreads=written.spreads,
            line=written.line,
        )
        self._object(body, kept, resource.symbol, top=True)
        if written.get("name") is None:
            self._report(resource.line, f"{resource.symbol} has no name")
        is_child = parent is None and "/" in resource.type.partition("/")[2] and written.get("parent") is None
        if is_child and "/" not in (text(written.get("name")) or "/"):
            self._report(resource.line, f"{resource.symbol} needs a parent, or a name with the parent's in it")

    def _check(self, type: Type, value: Expression, where: str) -> None:
        match value:
            case Operation("?", (_, first, second)):
                self._check(type, first, where)
                self._check(type, second, where)
                return
            case Operation("??" | "...", operands):
                for operand in operands:
                    self._check(type, operand, where)
                return
            case Name(name) if name in self._file.variables:
                self._check(type, self._file.variables[name].value, where)
                return
            case Name(name) if name in self._file.parameters:
                self._parameter(type, name, value.line, where)
                return
            case Call(None, "concat", arguments) if type["$type"] == "ArrayType":
                for argument in arguments:
                    self._check(type, argument, where)
                return
            case _:
                pass
        kind = type["$type"]
        if kind == "UnionType":
            self._union(type, value, where)
        elif kind in ("ObjectType", "DiscriminatedObjectType"):
            self._object(type, value, where)
        elif kind == "ArrayType":
            self._array(type, value, where)
        elif kind == "ResourceRefType" or kind in ("AnyType", "NullType"):
            return
        else:
            self._scalar(type, value, where)

    def _parameter(self, type: Type, name: str, line: int, where: str) -> None:
        parameter = self._file.parameters[name]
        kinds = {
            "StringType": "string", "StringLiteralType": "string", "IntegerType": "int", "BooleanType": "bool",
            "ArrayType": "array", "ObjectType": "object",
        }  # fmt: skip
        wanted = kinds.get(type["$type"])
        given = parameter.type.rstrip("?").strip()
        if wanted and given in kinds.values() and given != wanted:
            self._report(line, f"{where}: parameter {name} is of type {given}, {wanted} is expected")
        for option in parameter.allowed():
            self._check(type, Literal(option, line=line), where)

    def _union(self, type: Type, value: Expression, where: str) -> None:
        """A choice of strings. Most are open to further strings in the descriptions, few in the services."""
        options = [self._follow(one) for one in type["elements"]]
        if any(one["$type"] not in ("StringLiteralType", "StringType", "NullType") for one in options):
            return
        literals = [one["value"] for one in options if one["$type"] == "StringLiteralType"]
        if isinstance(value, Literal):
            if value.value is not None and value.value not in literals:
                self._report(value.line, f"{where}: {value.value!r} is not one of {', '.join(map(repr, literals))}")
        elif isinstance(value, Object | Array):
            self._report(value.line, f"{where}: a string is expected")

    def _object(self, type: Type, value: Expression, where: str, *, top: bool = False) -> None:
        if isinstance(value, Call) and value.base is None and value.name == "union":
            for argument in value.arguments:
                self._object({**type, "properties": _optional(type)}, self._followed(argument), where)
            return
        if isinstance(value, Literal | Array | Interpolation):
            if not (isinstance(value, Literal) and value.value is None):
                self._report(value.line, f"{where}: an object is expected")
            return
        if not isinstance(value, Object):
            return
        properties = self._properties(type, value, where)
        if properties is None:
            return
        lower = {name.lower(): name for name in properties}
        written: set[str] = set()
        for one in value.properties:
            name = text(one.key)
            if name is None:
                self._additional(type, one.value, f"{where}.*")
                continue
            written.add(name)
            known = properties.get(name)
            if known is None:
                if type.get("additionalProperties"):
                    self._additional(type, one.value, f"{where}.{name}")
                    continue
                near = lower.get(name.lower())
                remedy = f"use {near}" if near else f"known are {', '.join(sorted(properties))}"
                self._report(one.line, f"{where}.{name} does not exist; {remedy}")
                continue
            if known.get("flags", 0) & READ_ONLY:
                self._report(one.line, f"{where}.{name} is read-only")
            self._check(self._follow(known["type"]), one.value, f"{where}.{name}")
        if value.spreads:
            return
        for name, known in properties.items():
            missing = known.get("flags", 0) & REQUIRED and name not in written
            if missing and not (top and name in _WRITTEN_BY_BICEP | _SET_ELSEWHERE):
                self._report(value.line, f"{where}.{name} is required")

    def _followed(self, value: Expression) -> Expression:
        while isinstance(value, Name) and value.name in self._file.variables:
            value = self._file.variables[value.name].value
        return value

    def _properties(self, type: Type, value: Object, where: str) -> dict[str, Any] | None:
        """The properties that an object of this type has; None where its discriminator can't be read."""
        if type["$type"] != "DiscriminatedObjectType":
            return dict(type.get("properties") or {})
        name = type["discriminator"]
        chosen = value.get(name)
        if chosen is None:
            self._report(value.line, f"{where}.{name} is required")
            return None
        picked = text(chosen)
        if picked is None:
            return None
        element = type["elements"].get(picked)
        if element is None:
            options = ", ".join(map(repr, type["elements"]))
            self._report(chosen.line, f"{where}.{name}: {picked!r} is not one of {options}")
            return None
        own: dict[str, Any] = self._follow(element).get("properties") or {}
        return {**(type.get("baseProperties") or {}), **own}

    def _additional(self, type: Type, value: Expression, where: str) -> None:
        if type.get("additionalProperties"):
            self._check(self._follow(type["additionalProperties"]), value, where)

    def _array(self, type: Type, value: Expression, where: str) -> None:
        match value:
            case Array(items):
                item_type = self._follow(type["itemType"])
                for position, item in enumerate(items):
                    if isinstance(item, Operation) and item.operator == "...":
                        self._check(type, item.operands[0], where)
                    else:
                        self._check(item_type, item, f"{where}[{position}]")
                length = len(items)
                if length < type.get("minLength", 0) or length > type.get("maxLength", length):
                    self._report(value.line, f"{where}: {length} items are not allowed")
            case For(_, _, _, body):
                self._check(self._follow(type["itemType"]), body, f"{where}[*]")
            case Literal(None):
                return
            case Literal() | Object() | Interpolation():
                self._report(value.line, f"{where}: an array is expected")
            case _:
                return

    def _scalar(self, type: Type, value: Expression, where: str) -> None:
        kind = cast("str", type["$type"])
        if isinstance(value, Object | Array | For):
            self._report(value.line, f"{where}: a single value is expected")
            return
        if isinstance(value, Interpolation):
            if kind in ("IntegerType", "BooleanType"):
                self._report(value.line, f"{where}: a string is written, {kind.removesuffix('Type')} is expected")
            return
        if not isinstance(value, Literal) or value.value is None:
            return
        given = value.value
        expected = {"StringType": str, "StringLiteralType": str, "IntegerType": int, "BooleanType": bool}.get(kind)
        if expected is None:
            return
        if type_name(given) is not expected:
            self._report(value.line, f"{where}: {given!r} is not of type {kind.removesuffix('Type')}")
        elif isinstance(given, str):
            self._string(type, given, value.line, where)
        elif kind == "IntegerType" and not type.get("minValue", given) <= given <= type.get("maxValue", given):
            limits = f"{type.get('minValue', '')}..{type.get('maxValue', '')}"
            self._report(value.line, f"{where}: {given} is outside {limits}")

    def _string(self, type: Type, given: str, line: int, where: str) -> None:
        if type["$type"] == "StringLiteralType" and given != type["value"]:
            self._report(line, f"{where}: {given!r} is not {type['value']!r}")
        if not type.get("minLength", 0) <= len(given) <= type.get("maxLength", len(given)):
            limits = f"{type.get('minLength', 0)}..{type.get('maxLength', '')}"
            self._report(line, f"{where}: {len(given)} characters are outside {limits}")
        pattern = type.get("pattern")
        if pattern and not re.search(pattern, given):
            self._report(line, f"{where}: {given!r} does not match {pattern}")


def type_name(value: str | int | bool) -> type[str | int | bool]:
    """The type of a literal, Booleans apart from numbers."""
    return bool if isinstance(value, bool) else int if isinstance(value, int) else str


def _optional(type: Type) -> dict[str, Any]:
    """The properties of a type, none of them required: an object of a `union` holds a part of them."""
    properties: dict[str, Type] = type.get("properties") or {}
    return {name: {**one, "flags": one.get("flags", 0) & ~REQUIRED} for name, one in properties.items()}
